"""The picking laboratory: bias, variance and cost of every estimator of the gradient through a pick.

`python -m tf_textgan.commands.laboratory` measures the estimators of `sampling.estimators`, over temperature, on two problems small enough to sum the
exact gradient over every sequence, and inside a generator step of a text GAN's usual sizes, and draws what it found. docs/picking.md reads the
result.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import dataclasses
import itertools
import pathlib
import time
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import files
from tf_textgan import progress
from tf_textgan import sequences
from tf_textgan.algorithms import base as algorithm_base
from tf_textgan.algorithms import gsgan
from tf_textgan.commands import cli
from tf_textgan.commands import flags
from tf_textgan.discriminators import recurrent
from tf_textgan.evaluation import plots
from tf_textgan.generators import base
from tf_textgan.generators import lstm
from tf_textgan.losses import adversarial
from tf_textgan.sampling import estimators
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

_TEMPERATURES = (0.1, 0.25, 0.5, 1.0, 2.0)
# Draws in which the mean of an estimator is looked at: their products in pairs have no bias of their own.
_BLOCKS = 8


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # Folder for what is found: picking.png, piecewise.png and laboratory.json.
  output: str = "runs/laboratory"
  # Estimates of each kind on the small problems.
  draws: int = 400
  # Estimates of each kind in the generator step; 0 leaves it out.
  generator_draws: int = 40
  # Steps in which the control variates of REBAR and RELAX are trained first.
  control_steps: int = 300
  # Everything random follows from it.
  seed: int = 0

  def __post_init__(self):
    checks.at_least(self, 2 * _BLOCKS, "draws")
    checks.at_least(self, 0, "generator_draws", "control_steps", "seed")


class Table(base.Autoregressive):
  """A policy without a network: logits in a table, by position and last token. For problems that are enumerated."""

  @dataclasses.dataclass(frozen=True)
  class Config:
    """Its settings."""

    # Numbers in the latent z: there is none.
    latent_size: int = 0
    # Standard deviation of the logits.
    stddev: float = 1.0

  def __init__(self, spec, config, seed=0):
    """Args: spec: `sequences.Spec`; config: `Config`; seed: integer, for the logits."""
    super().__init__(spec, config, seed)
    shape = (spec.length, spec.vocab_size, spec.vocab_size)
    self.table = self.add_weight(shape, keras.initializers.RandomNormal(0.0, config.stddev, seed=seed), name="table")
    self._excluded = spec.exclusion()
    self.built = True

  def initial_state(self, latent, context=None):
    del context  # It is not conditional.
    return tf.zeros([tf.shape(latent)[0]], tf.int32)

  def step(self, inputs, state):
    rows = tf.convert_to_tensor(self.table)[state[0]]  # All sequences are at the same position.
    logits = tf.gather(rows, inputs) if inputs.dtype.is_integer else tf.matmul(inputs, rows)
    return logits + self._excluded, state + 1

  def outputs(self, tokens, latent, context=None, seed=None):
    del latent, context, seed
    place = tf.range(self.spec.length)[None, :] * self.spec.vocab_size + self._inputs(tokens)
    return tf.gather(tf.reshape(tf.convert_to_tensor(self.table), [-1, self.spec.vocab_size]), place)

  def output_layer(self):
    return tf.eye(self.spec.vocab_size), self._excluded


class Judge(keras.Model):
  """A smooth cost of a sequence's mean embedding, and of each prefix's; not linear, so that a point of the simplex is not worth its corners' mean."""

  def __init__(self, spec, seed=0, units=8):
    """Args: spec: `sequences.Spec`; seed: integer, for the weights; units: numbers in an embedding."""
    super().__init__(name="judge")
    normal = [keras.initializers.RandomNormal(0.0, stddev, seed=100 * seed + i) for i, stddev in enumerate((1.5, 0.7))]
    self.embedding = self.add_weight((spec.length * spec.vocab_size, units), normal[0], name="embedding")
    self.weights_out = self.add_weight((units, 1), normal[1], name="weights_out")
    self.spec = spec
    self.built = True

  def call(self, inputs):
    """Costs `[B]` of ids `[B, T]` or points `[B, T, V]`."""
    return self._cost(tf.reduce_mean(self._embed(inputs), axis=1))

  def prefixes(self, tokens, points):
    """Costs `[B, T]` of the tokens before each position with that position's point after them."""
    embedded = self._embed(tokens)
    count = tf.cast(tf.range(1, self.spec.length + 1), tf.float32)[None, :, None]
    return self._cost((tf.cumsum(embedded, axis=1, exclusive=True) + self._embed(points)) / count)

  def _embed(self, inputs):
    if inputs.dtype.is_integer:
      inputs = tf.one_hot(inputs, self.spec.vocab_size)
    # Each position has an embedding of its own: the order of the tokens counts.
    tables = tf.reshape(self.embedding, [self.spec.length, self.spec.vocab_size, -1])
    return tf.einsum("btv,tvk->btk", inputs, tables)

  def _cost(self, means):
    return tf.tensordot(tf.tanh(means), tf.convert_to_tensor(self.weights_out), 1)[..., 0]


class Problem(NamedTuple):
  """Whose gradient is estimated.

  Attributes:
    name: for the table and the picture.
    policy: autoregressive generator.
    cost: of ids `[B, T]` and points `[B, T, V]`, with `prefixes`.
    network: function of nothing, making the network of a RELAX control variate.
    rows: sequences in a batch.
    draws: estimates to make.
  """

  name: str
  policy: Any
  cost: Any
  network: Any
  rows: int
  draws: int


class Row(NamedTuple):
  """What was found of one estimator at one temperature, relative to the norm of the gradient.

  Attributes:
    problem, estimator: names.
    temperature: NaN where there is none to choose.
    bias: norm of the mean estimate less the gradient; 0 where none was found.
    bias_error: standard error of that.
    deviation: root of the summed variance of an estimate from one batch.
    cpu_ms: CPU-milliseconds for one estimate.
  """

  problem: str
  estimator: str
  temperature: float
  bias: float
  bias_error: float
  deviation: float
  cpu_ms: float


def small_problem(name, vocab_size, length, draws, rows=16):
  """A problem with `vocab_size ** length` sequences."""
  spec = sequences.Spec(vocab_size=vocab_size, length=length, start_token=0)
  return Problem(name, Table(spec, Table.Config()), Judge(spec, seed=1), lambda: Judge(spec, seed=2), rows, draws)


def generator_problem(draws, seed):
  """A generator step at the sizes of the oracle task, after some maximum likelihood and some training of the discriminator."""
  spec = sequences.Spec(vocab_size=5000, length=20, start_token=0)
  # The real text is another generator's, with the random weights of the task's oracle.
  truth = lstm.Generator(spec, lstm.Config(init_stddev=1.0), seed=1)
  policy, discriminator = lstm.Generator(spec, lstm.Config()), recurrent.Discriminator(spec, recurrent.Config(dropout=0.0))
  algorithm = gsgan.Algorithm(gsgan.Config(estimator="leave_one_out", discriminator_learning_rate=1e-3), policy, discriminator)

  @tf.function(autograph=False)
  def pretrain(i):
    own = noise.fold(noise.seed(seed), "mle", i)
    algorithm.mle_step(truth.sample(64, noise.fold(own, "real")).tokens, own, tf.constant(0.0))

  @tf.function(autograph=False)
  def train_discriminator(i):
    own = noise.fold(noise.seed(seed), "discriminator", i)
    algorithm.discriminator_step(truth.sample(64, noise.fold(own, "real")).tokens, own, tf.constant(0.0))

  for step in (pretrain, train_discriminator):
    for i in range(300):
      step(tf.constant(i))
  network = lambda: recurrent.Discriminator(spec, recurrent.Config(embedding_size=16, hidden_size=16, dropout=0.0), seed=2)  # noqa: E731
  return Problem("generator step", policy, estimators.Cost(adversarial.non_saturating_generator, discriminator), network, 64, draws)


def exact_gradient(policy, cost):
  """The gradient of the expected cost, summed over every sequence of a fixed length: float64 `[weights]`."""
  spec = policy.spec
  tokens = tf.constant(list(itertools.product(range(spec.vocab_size), repeat=spec.length)), tf.int32)
  with tf.GradientTape() as tape:
    log_prob = tf.reduce_sum(policy.log_probs(tokens, tf.zeros([len(tokens), 0])), axis=1)
    expected = tf.reduce_sum(tf.exp(log_prob) * tf.stop_gradient(cost(tokens)))
  return _flat(tape.gradient(expected, policy.trainable_variables)).numpy().astype(np.float64)


def measure(problem, name, temperature, exact, options):
  """Draws many estimates and compares them with the gradient.

  Args:
    problem: `Problem`.
    name: see `sampling.estimators`, or "argmax", the pick without an estimator.
    temperature: of the relaxed ones.
    exact: float `[weights]`; None lets the mean of these estimates stand for it, and gives no bias.
    options: `Options`.

  Returns:
    `Row`, and the mean estimate of each block, float64 `[_BLOCKS, weights]`.
  """
  draw = _drawer(problem, name, temperature, options)
  draw(tf.constant(0))
  sums = np.zeros([_BLOCKS, draw(tf.constant(0)).shape[0]])
  squares = 0.0
  before = time.process_time()
  per_block = -(-problem.draws // _BLOCKS)
  for i in range(_BLOCKS * per_block):
    estimate = draw(tf.constant(i)).numpy().astype(np.float64)
    sums[i // per_block] += estimate
    squares += float(estimate @ estimate)
  cpu_ms = 1000.0 * (time.process_time() - before) / (_BLOCKS * per_block)
  blocks = sums / per_block
  mean = blocks.mean(axis=0)
  deviation = np.sqrt(max(0.0, squares / (_BLOCKS * per_block) - mean @ mean))
  scale = np.linalg.norm(mean if exact is None else exact)
  bias, bias_error = (np.nan, np.nan) if exact is None else bias_of(blocks, exact)
  return Row(problem.name, name, temperature, bias, bias_error, deviation / scale, cpu_ms), blocks


def bias_of(blocks, exact):
  """The distance of an estimator's mean from the gradient, relative to the gradient's norm, without what the noise adds to it.

  Args:
    blocks: float `[N, weights]`, independent means of estimates.
    exact: float `[weights]`, or `[M, weights]`, independent means of unbiased estimates.

  Returns:
    The bias, 0 where noise hides it, and its standard error.
  """
  exact = np.atleast_2d(exact)
  target = exact.mean(axis=0)
  # The norm of the target as it would be without noise.
  norm = _product_of_means(exact) if len(exact) > 1 else target @ target
  squares = []
  for left_out in range(len(blocks)):
    kept = np.delete(blocks, left_out, axis=0)
    square = _product_of_means(kept) - 2.0 * kept.mean(axis=0) @ target + norm
    squares.append(square / norm)
  square = (_product_of_means(blocks) - 2.0 * blocks.mean(axis=0) @ target + norm) / norm
  error = np.sqrt((len(blocks) - 1) / len(blocks) * np.sum((np.array(squares) - np.mean(squares)) ** 2))
  bias = np.sqrt(max(square, 0.0))
  # Of a root: its square's error over twice the root, but no more than the root of that error.
  return bias, min(np.sqrt(error), error / (2.0 * bias) if bias else np.inf)


def _product_of_means(blocks):
  """The squared norm of the expected block, from products of different blocks: rows with themselves would add their noise."""
  total = blocks.sum(axis=0)
  return (total @ total - np.sum(blocks**2)) / (len(blocks) * (len(blocks) - 1))


def _drawer(problem, name, temperature, options):
  """A compiled function of a number, giving one estimate, float32 `[weights]`."""
  policy, cost = problem.policy, problem.cost
  weights = policy.trainable_variables
  seed = noise.fold(noise.seed(options.seed), name)
  if name == "argmax":
    # What a pick passes on: it chooses, and the cost knows the choice only as a constant.
    def surrogate(seed):
      return cost(policy.sample(problem.rows, seed, pickers.Argmax()).tokens)
  else:
    control = None
    if name in estimators.CONTROLLED:
      control = estimators.ControlVariate(problem.network() if name == "relax" else None)
    estimator = estimators.make(name, temperature, control)
    if control is not None:
      _train_control(problem, estimator, options, noise.fold(seed, "control"))

    def surrogate(seed):
      return estimator(policy, cost, problem.rows, seed).surrogate

  @tf.function(autograph=False)
  def draw(i):
    with tf.GradientTape() as tape:
      loss = tf.reduce_mean(surrogate(noise.fold(seed, i)))
    gradients = tape.gradient(loss, weights)
    return _flat([tf.zeros(w.shape) if g is None else g for g, w in zip(gradients, weights)])

  return draw


def _train_control(problem, estimator, options, seed):
  control = estimator.control
  optimizer = keras.optimizers.Adam(1e-2)
  optimizer.build(control.trainable_variables)

  @tf.function(autograph=False)
  def step(i):
    with tf.GradientTape() as tape:
      square = tf.reduce_mean(estimator(problem.policy, problem.cost, problem.rows, noise.fold(seed, i)).square)
    algorithm_base.minimize(tape, square, control, optimizer)

  for i in range(options.control_steps):
    step(tf.constant(i))


def _flat(gradients):
  return tf.concat([tf.reshape(tf.convert_to_tensor(gradient), [-1]) for gradient in gradients], axis=0)


def run(options):
  """Makes all measurements: a list of `Row`."""
  problems = [small_problem("one pick of 8", 8, 1, options.draws), small_problem("4 picks of 5", 5, 4, options.draws)]
  if options.generator_draws:
    problems.append(generator_problem(options.generator_draws, options.seed))
  settings = [("argmax", np.nan)]
  settings += [(name, temperature) for name in estimators.RELAXED for temperature in _TEMPERATURES]
  settings += [(name, np.nan) for name in (*estimators.SCORE_FUNCTION, *estimators.CONTROLLED)]
  # Gumbel-Rao's many draws of 5,000 numbers take most of the time there: fewer temperatures.
  few = [(name, temperature) for name, temperature in settings if not temperature < 0.5]
  rows = []
  with progress.bar(total=2 * len(settings) + len(problems[2:]) * len(few), unit="estimator") as bar:
    for problem in problems:
      small = isinstance(problem.policy, Table)
      exact = exact_gradient(problem.policy, problem.cost) if small else None
      if not small:
        # Nobody can sum over 5,000^20 sequences: the mean of the best unbiased estimator, with ten times the draws, stands for the gradient.
        many, others = problem._replace(draws=10 * problem.draws), dataclasses.replace(options, seed=options.seed + 1)
        _, exact = measure(many, "leave_one_out", np.nan, None, others)
      for name, temperature in settings if small else few:
        rows.append(measure(problem, name, temperature, exact, options)[0])
        bar.update()
  return rows


def main(options):
  """Measures, prints, draws."""
  output = pathlib.Path(options.output)
  output.mkdir(parents=True, exist_ok=True)
  rows = run(options)
  print(f"{'problem':16}{'estimator':26}{'temperature':>12}{'bias':>10}{'+-':>10}{'deviation':>10}{'CPU-ms':>10}")
  for row in rows:
    temperature = "" if np.isnan(row.temperature) else f"{row.temperature:g}"
    found = f"{row.bias:>10.3g}{1.96 * row.bias_error:>10.2g}{row.deviation:>10.3g}{row.cpu_ms:>10.1f}"
    print(f"{row.problem:16}{row.estimator:26}{temperature:>12}{found}")
  files.write_json(output / "laboratory.json", [row._asdict() for row in rows])
  (output / "picking.png").write_bytes(plots.estimators(rows))
  (output / "piecewise.png").write_bytes(plots.piecewise(*piecewise()))
  print(f"pictures: {output / 'picking.png'}, {output / 'piecewise.png'}")


def piecewise():
  """The cost of one pick of three while one of the logits moves, for the picture of what has no derivative.

  Returns:
    The moving logit, `[N]`; and name to cost `[N]`: of the argmax, of soft-argmax points at two temperatures, and the expected cost of a draw.
  """
  costs, others = np.array([1.0, -1.0, 0.4]), np.array([0.0, 0.8])
  moving = np.linspace(-4.0, 4.0, 401)
  logits = np.stack([moving, *(np.full_like(moving, other) for other in others)], axis=1)
  # A cost that is not linear in the point: at the corners it is `costs`.
  cost = lambda points: np.tanh(1.5 * (points @ costs)) / np.tanh(1.5)  # noqa: E731
  corners = cost(np.eye(3))
  lines = {"argmax": corners[logits.argmax(axis=1)]}
  for temperature in (0.25, 1.0):
    lines[f"soft-argmax, temperature {temperature:g}"] = cost(_softmax(logits / temperature))
  lines["expected cost of a draw"] = _softmax(logits) @ corners
  return moving, lines


def _softmax(logits):
  weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
  return weights / weights.sum(axis=-1, keepdims=True)


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse_options(["python -m tf_textgan.commands.laboratory", *argv[1:]], Options, __doc__), main)

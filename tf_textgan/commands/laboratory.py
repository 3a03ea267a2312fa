"""Measures bias, variance and cost of every estimator of the gradient through a pick: `python -m tf_textgan.commands.laboratory`.

The estimators of `sampling.estimators` are measured over temperatures on two problems small enough to sum the exact gradient over all sequences, and
in a generator step at usual sizes of a text GAN. Results are printed, stored and drawn; docs/picking.md interprets them.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

from collections.abc import Callable
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
# Number of block means per estimator; products of different blocks estimate squared norms without bias.
_BLOCKS = 8


@dataclasses.dataclass(frozen=True)
class Options:
  """Options of the command."""

  # Folder for the results: picking.png, piecewise.png and laboratory.json.
  output: str = "runs/laboratory"
  # Estimates per estimator on the small problems.
  draws: int = 400
  # Estimates per estimator in the generator step; 0 omits it.
  generator_draws: int = 40
  # Training steps of the control variates of REBAR and RELAX.
  control_steps: int = 300
  # Seed of all random numbers.
  seed: int = 0

  def __post_init__(self):
    checks.at_least(self, 2 * _BLOCKS, "draws")
    checks.at_least(self, 0, "generator_draws", "control_steps")
    checks.seed(self, "seed")
    checks.path(self, "output")


class Table(base.Autoregressive):
  """Policy given by a table of logits for each position and last token, for problems whose sequences can be enumerated."""

  @dataclasses.dataclass(frozen=True)
  class Config:
    """Settings of the policy."""

    # Size of the latent z; 0, because there is none.
    latent_size: int = 0
    # Standard deviation of the logits.
    stddev: float = 1.0

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates random logits.

    Args:
      spec: of the sequences.
      config: settings.
      seed: of the logits.
    """
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
  """Smooth cost of the mean embedding of a sequence or prefix.

  It is nonlinear, so the cost of a simplex point differs from the mean cost of the corners.
  """

  def __init__(self, spec: sequences.Spec, seed: int = 0, units: int = 8):
    """Creates random weights.

    Args:
      spec: of the sequences.
      seed: of the weights.
      units: size of an embedding.
    """
    super().__init__(name="judge")
    normal = [keras.initializers.RandomNormal(0.0, stddev, seed=100 * seed + i) for i, stddev in enumerate((1.5, 0.7))]
    self.embedding = self.add_weight((spec.length * spec.vocab_size, units), normal[0], name="embedding")
    self.weights_out = self.add_weight((units, 1), normal[1], name="weights_out")
    self.spec = spec
    self.built = True

  def call(self, inputs: tf.Tensor) -> tf.Tensor:
    """Computes costs, float `[B]`, of ids `[B, T]` or points `[B, T, V]`."""
    return self._cost(tf.reduce_mean(self._embed(inputs), axis=1))

  def prefixes(self, tokens: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """Computes the cost of each prefix, with a point in place of its last token.

    Args:
      tokens: int32 `[B, T]`.
      points: float `[B, T, V]`.

    Returns:
      float `[B, T]`.
    """
    embedded = self._embed(tokens)
    count = tf.cast(tf.range(1, self.spec.length + 1), tf.float32)[None, :, None]
    return self._cost((tf.cumsum(embedded, axis=1, exclusive=True) + self._embed(points)) / count)

  def _embed(self, inputs):
    if inputs.dtype.is_integer:
      inputs = tf.one_hot(inputs, self.spec.vocab_size)
    # Embeddings depend on the position, so the order of the tokens matters.
    tables = tf.reshape(self.embedding, [self.spec.length, self.spec.vocab_size, -1])
    return tf.einsum("btv,tvk->btk", inputs, tables)

  def _cost(self, means):
    return tf.tensordot(tf.tanh(means), tf.convert_to_tensor(self.weights_out), 1)[..., 0]


class Problem(NamedTuple):
  """A policy and a cost, whose gradient is estimated.

  Attributes:
    name: for tables and figures.
    policy: autoregressive generator.
    cost: of ids `[B, T]` and points `[B, T, V]`, with a method `prefixes`.
    network: makes the network of a RELAX control variate.
    rows: sequences in a batch.
    draws: number of estimates.
  """

  name: str
  policy: base.Autoregressive
  cost: Any
  network: Callable[[], keras.Model]
  rows: int
  draws: int


class Row(NamedTuple):
  """Measurement of one estimator at one temperature, relative to the norm of the gradient.

  Attributes:
    problem, estimator: names.
    temperature: NaN for estimators without one.
    bias: norm of the mean estimate minus the gradient; 0 if not significant.
    bias_error: standard error of the bias.
    deviation: square root of the summed variances of an estimate from one batch.
    cpu_ms: CPU time of one estimate, milliseconds.
  """

  problem: str
  estimator: str
  temperature: float
  bias: float
  bias_error: float
  deviation: float
  cpu_ms: float


def small_problem(name: str, vocab_size: int, length: int, draws: int, rows: int = 16) -> Problem:
  """Makes a problem with `vocab_size ** length` sequences."""
  spec = sequences.Spec(vocab_size=vocab_size, length=length, start_token=0)
  return Problem(name, Table(spec, Table.Config()), Judge(spec, seed=1), lambda: Judge(spec, seed=2), rows, draws)


def generator_problem(draws: int, seed: int) -> Problem:
  """Makes a generator step at the sizes of the oracle task, after brief training of generator and discriminator."""
  spec = sequences.Spec(vocab_size=5000, length=20, start_token=0)
  # Real text comes from another generator with random weights, as in the task's oracle.
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


def exact_gradient(policy: base.Autoregressive, cost: Callable[[tf.Tensor], tf.Tensor]) -> np.ndarray:
  """Computes the gradient of the expected cost by a sum over all sequences of fixed length: float64 `[weights]`."""
  spec = policy.spec
  tokens = tf.constant(list(itertools.product(range(spec.vocab_size), repeat=spec.length)), tf.int32)
  with tf.GradientTape() as tape:
    log_prob = tf.reduce_sum(policy.log_probs(tokens, tf.zeros([len(tokens), 0])), axis=1)
    expected = tf.reduce_sum(tf.exp(log_prob) * tf.stop_gradient(cost(tokens)))
  return _flat(tape.gradient(expected, policy.trainable_variables)).numpy().astype(np.float64)


def measure(problem: Problem, name: str, temperature: float, exact: np.ndarray | None, options: Options) -> tuple[Row, np.ndarray]:
  """Draws many estimates and compares their mean with the gradient.

  Args:
    problem: policy and cost.
    name: see `sampling.estimators`, or "argmax", a pick without an estimator.
    temperature: of relaxed estimators.
    exact: float `[weights]`, or `[M, weights]` as in `bias_of`; None to normalize by the norm of the mean estimate and to measure no bias.
    options: seed and training of control variates.

  Returns:
    The measurement, and the mean estimate of each block, float64 `[_BLOCKS, weights]`.
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


def bias_of(blocks: np.ndarray, exact: np.ndarray) -> tuple[float, float]:
  """Estimates the distance of an estimator's mean from the gradient, relative to the norm of the gradient, corrected for the noise of the mean.

  Args:
    blocks: float `[N, weights]`, independent means of estimates.
    exact: float `[weights]`, or `[M, weights]`, independent means of unbiased estimates.

  Returns:
    The bias, 0 if hidden by noise, and its standard error.
  """
  exact = np.atleast_2d(exact)
  target = exact.mean(axis=0)
  # The squared norm of the target, corrected for its noise.
  norm = _product_of_means(exact) if len(exact) > 1 else target @ target
  squares = []
  for left_out in range(len(blocks)):
    kept = np.delete(blocks, left_out, axis=0)
    square = _product_of_means(kept) - 2.0 * kept.mean(axis=0) @ target + norm
    squares.append(square / norm)
  square = (_product_of_means(blocks) - 2.0 * blocks.mean(axis=0) @ target + norm) / norm
  error = np.sqrt((len(blocks) - 1) / len(blocks) * np.sum((np.array(squares) - np.mean(squares)) ** 2))
  bias = np.sqrt(max(square, 0.0))
  # Delta method: the error of the square over twice the root, at most the root of that error.
  return bias, min(np.sqrt(error), error / (2.0 * bias) if bias else np.inf)


def _product_of_means(blocks):
  """Estimates the squared norm of the expected block from products of different blocks; squares of blocks would add their noise."""
  total = blocks.sum(axis=0)
  return (total @ total - np.sum(blocks**2)) / (len(blocks) * (len(blocks) - 1))


def _drawer(problem, name, temperature, options):
  """Makes a compiled function from an index to one estimate, float32 `[weights]`."""
  policy, cost = problem.policy, problem.cost
  weights = policy.trainable_variables
  seed = noise.fold(noise.seed(options.seed), name)
  if name == "argmax":
    # The choice is a constant to the cost, so the gradient is zero.
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


def run(options: Options) -> list[Row]:
  """Measures all estimators on all problems."""
  problems = [small_problem("one pick of 8", 8, 1, options.draws), small_problem("4 picks of 5", 5, 4, options.draws)]
  if options.generator_draws:
    problems.append(generator_problem(options.generator_draws, options.seed))
  settings = [("argmax", np.nan)]
  settings += [(name, temperature) for name in estimators.RELAXED for temperature in _TEMPERATURES]
  settings += [(name, np.nan) for name in (*estimators.SCORE_FUNCTION, *estimators.CONTROLLED)]
  # Fewer temperatures for the generator step, where Gumbel-Rao's many draws of 5,000 numbers take most of the time.
  few = [(name, temperature) for name, temperature in settings if not temperature < 0.5]
  rows = []
  with progress.bar(total=2 * len(settings) + len(problems[2:]) * len(few), unit="estimator") as bar:
    for problem in problems:
      small = isinstance(problem.policy, Table)
      exact = exact_gradient(problem.policy, problem.cost) if small else None
      if not small:
        # A sum over 5,000^20 sequences is infeasible: the best unbiased estimator, averaged over ten times the draws, replaces the gradient.
        many, others = problem._replace(draws=10 * problem.draws), dataclasses.replace(options, seed=options.seed + 1)
        _, exact = measure(many, "leave_one_out", np.nan, None, others)
      for name, temperature in settings if small else few:
        rows.append(measure(problem, name, temperature, exact, options)[0])
        bar.update()
  return rows


def main(options: Options) -> None:
  """Measures, prints, stores and draws the results."""
  output = pathlib.Path(options.output)
  with files.writing(output):
    output.mkdir(parents=True, exist_ok=True)
  rows = run(options)
  print(f"{'problem':16}{'estimator':26}{'temperature':>12}{'bias':>10}{'+-':>10}{'deviation':>10}{'CPU-ms':>10}")
  for row in rows:
    temperature = "" if np.isnan(row.temperature) else f"{row.temperature:g}"
    found = f"{row.bias:>10.3g}{1.96 * row.bias_error:>10.2g}{row.deviation:>10.3g}{row.cpu_ms:>10.1f}"
    print(f"{row.problem:16}{row.estimator:26}{temperature:>12}{found}")
  files.write_json(output / "laboratory.json", [row._asdict() for row in rows])
  for name, picture in (("picking.png", plots.estimators(rows)), ("piecewise.png", plots.piecewise(*piecewise()))):
    with files.replacing(output / name) as temporary:
      temporary.write_bytes(picture)
  print(f"figures: {output / 'picking.png'}, {output / 'piecewise.png'}")


def piecewise() -> tuple[np.ndarray, dict[str, np.ndarray]]:
  """Computes the cost of a pick from three tokens over one of the logits, to show where it has no derivative.

  Returns:
    The logit, `[N]`, and costs `[N]` by name: of the argmax, of soft-argmax points at two temperatures, and the expected cost of a draw.
  """
  costs, others = np.array([1.0, -1.0, 0.4]), np.array([0.0, 0.8])
  moving = np.linspace(-4.0, 4.0, 401)
  logits = np.stack([moving, *(np.full_like(moving, other) for other in others)], axis=1)
  # Nonlinear in the point, scaled to keep costs of 1 and -1 at the corners.
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

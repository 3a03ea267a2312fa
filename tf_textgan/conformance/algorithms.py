"""Laws of every algorithm. A new file in tf_textgan/algorithms is found by its name."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.conformance import tiny
from tf_textgan.sampling import noise

BATCH = 8
SEED = noise.seed(1)
HALF_WAY = tf.constant(0.5)

# Updates that read real text and nothing else: without a latent they are not random.
NOT_RANDOM = {("jsdgan", "generator")}

# Update name to the only network that it trains.
UPDATED = {"generator": "generator", "mle": "generator", "discriminator": "discriminator"}

_each_algorithm = pytest.mark.parametrize("name", tiny.ALGORITHMS)
# One algorithm of each family for the slow laws; `make test-all` runs the others.
_QUICK = {"mle", "seqgan", "gsgan", "wgan_gp"}


def _slow_but_for_one_of_each_family(names, quick=_QUICK):
  return pytest.mark.parametrize("name", [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names])


# Algorithms with categories, and without.
_CONDITIONAL = [name for name in tiny.ALGORITHMS if getattr(registry.load("tf_textgan.algorithms", name), "CATEGORIES", False)]
_each_conditional = _slow_but_for_one_of_each_family(_CONDITIONAL)
_UNCONDITIONAL = [name for name in tiny.ALGORITHMS if name not in _CONDITIONAL]
_each_unconditional = _slow_but_for_one_of_each_family(_UNCONDITIONAL)
# Algorithms that learn pairs of a source and a target.
_OF_PAIRS = [name for name in tiny.ALGORITHMS if getattr(registry.load("tf_textgan.algorithms", name), "SOURCES", False)]
_each_of_pairs = _slow_but_for_one_of_each_family(_OF_PAIRS)
_each_spec = pytest.mark.parametrize("spec", tiny.SPECS.values(), ids=list(tiny.SPECS))


def _weights(algorithm):
  """Values of all variables, optimizers' included, by name."""
  return {name: variable.numpy() for name, variable in algorithm.variables().items()}


def _networks(algorithm):
  """Name of a network or a module to its weights, a list of arrays."""
  return {"discriminator": [], **{name: holder.get_weights() for name, holder in (algorithm.networks | algorithm.modules).items()}}


def _moved(before, after):
  return any(np.any(a != b) for a, b in zip(before, after))


def _largest_difference(first, second):
  """The largest difference between two results of `_networks`."""
  return max(np.abs(a - b).max() for key in first for a, b in zip(first[key], second[key], strict=True))


@_each_algorithm
def test_its_phases_have_the_lengths_it_names(name):
  read = set()

  class Schedule(base.Schedule):
    """Notes which of its settings are read."""

    def __getattribute__(self, setting):
      read.add(setting)
      return super().__getattribute__(setting)

  algorithm, schedule = tiny.algorithm(name, tiny.SPECS["text"]), Schedule(3, 6, 2)
  read.clear()
  algorithm.phases(schedule)
  settings = {field.name for field in dataclasses.fields(base.Schedule)}
  assert read & settings == set(registry.load("tf_textgan.algorithms", name).Algorithm.scheduled)


# Fixed-length sequences: one algorithm of each family only.
@pytest.mark.parametrize(
  ("name", "spec"),
  [
    pytest.param(name, spec, id=f"{name}-{kind}", marks=[] if spec.end_token or name in _QUICK else [pytest.mark.slow])
    for name in tiny.ALGORITHMS
    for kind, spec in tiny.SPECS.items()
  ],
)
def test_updates_are_finite_and_move_the_network_they_are_named_for(name, spec):
  """Compiles one algorithm of each family, on text. The others run eagerly to save time; their own tests compile."""
  algorithm = tiny.algorithm(name, spec)
  variables = list(algorithm.variables())
  real = sequences.Batch(tf.constant(tiny.batch(spec, BATCH)))
  for update in tiny.updates(algorithm).values():
    train_step = tf.function(update.train_step, autograph=False) if spec.end_token and name in _QUICK else update.train_step
    before = _networks(algorithm)
    for phase_fraction in (0.0, 1.0):
      metrics = train_step(real, SEED, tf.constant(phase_fraction))
      assert metrics
      for key, value in metrics.items():
        assert value.shape == [] and np.isfinite(value), f"{update.name}: {key} is {value}"
    after = _networks(algorithm)
    assert all(np.isfinite(w).all() for weights in after.values() for w in weights)
    moved = {network for network in after if _moved(before[network], after[network])}
    assert moved & set(algorithm.networks) == {UPDATED[update.name]} if update.name in UPDATED else moved
  assert list(algorithm.variables()) == variables, "variables appeared in training"


@_slow_but_for_one_of_each_family(tiny.ALGORITHMS)
def test_the_update_is_a_function_of_the_seed(name):
  spec = tiny.SPECS["text"]
  real = sequences.Batch(tf.constant(tiny.batch(spec, BATCH)))
  for update_name in tiny.updates(tiny.algorithm(name, spec)):
    results = []
    for seed in (1, 1, 2):
      algorithm = tiny.algorithm(name, spec)
      tiny.updates(algorithm)[update_name].train_step(real, noise.seed(seed), HALF_WAY)
      results.append(_networks(algorithm))
    assert _largest_difference(results[0], results[1]) == 0.0
    # Without a latent, maximum likelihood is not random; nor is the gradient of a critic to an encoder.
    of_real_text = update_name == "mle" or (name, update_name) in NOT_RANDOM
    if update_name != "encoder" and (not of_real_text or algorithm.generator.latent_size):
      assert _largest_difference(results[0], results[2]) > 0.0


def _assert_two_replicas_compute_what_one_does(name, spec, batches, two_replicas, discriminator=None):
  def train(strategy):
    with strategy.scope():
      algorithm = tiny.algorithm(name, spec, discriminator=discriminator)
    replicas = strategy.num_replicas_in_sync
    logged = []
    for update in tiny.updates(algorithm).values():
      # Replicas are traced once for all rounds, as in the training loop; one replica runs eagerly, which is quicker here.
      def step(real, seed, update=update):
        metrics = strategy.run(update.train_step, args=(real, seed, HALF_WAY))
        return {key: strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None) for key, value in metrics.items()}

      compiled = tf.function(step, autograph=False) if replicas > 1 else step
      for i, real in enumerate(batches):
        # Replica i gets the i-th block of rows.
        def share(context, real=real):
          number = context.replica_id_in_sync_group
          return sequences.Batch(*(None if x is None else tf.constant(np.split(x, replicas)[number]) for x in real))

        parts = strategy.experimental_distribute_values_from_function(share)
        logged.append(compiled(parts, noise.fold(SEED, update.name, i)))
    return algorithm, logged

  one, one_logged = train(tf.distribute.OneDeviceStrategy("CPU:0"))
  two, two_logged = train(two_replicas)
  for a, b in zip(one_logged, two_logged):
    for key in a:
      np.testing.assert_allclose(a[key], b[key], rtol=1e-4, atol=1e-4, err_msg=key)
  assert _moved(tiny.algorithm(name, spec, discriminator=discriminator).generator.get_weights(), one.generator.get_weights())
  assert _largest_difference(_networks(one), _networks(two)) < 1e-5


@_each_unconditional
def test_two_replicas_compute_what_one_does(name, two_replicas):
  spec = tiny.SPECS["text"]  # The two halves of a batch hold different numbers of tokens.
  _assert_two_replicas_compute_what_one_does(name, spec, [sequences.Batch(tiny.batch(spec, BATCH, seed)) for seed in range(2)], two_replicas)


@_each_conditional
def test_two_replicas_compute_what_one_does_with_categories(name, two_replicas):
  batches = [tiny.labelled_batch(BATCH, seed) for seed in range(2)]
  _assert_two_replicas_compute_what_one_does(name, tiny.LABELLED_SPEC, batches, two_replicas)


def _reader_of_pairs(name):
  """A discriminator that reads sources, for an algorithm that has one."""
  return "recurrent" if registry.load("tf_textgan.algorithms", name).DISCRIMINATOR else None


@_each_of_pairs
@pytest.mark.slow
def test_two_replicas_compute_what_one_does_with_sources(name, two_replicas):
  batches = [tiny.pair_batch(BATCH, seed) for seed in range(2)]
  _assert_two_replicas_compute_what_one_does(name, tiny.PAIR_SPEC, batches, two_replicas, _reader_of_pairs(name))


@_each_conditional
def test_updates_with_categories_are_finite_depend_on_them_and_compile(name):
  real = sequences.Batch(*map(tf.constant, tiny.labelled_batch(BATCH)))
  _assert_updates_depend_on_the_context(tiny.algorithm(name, tiny.LABELLED_SPEC), real, (real.context + 1) % 3)


@_each_of_pairs
def test_updates_with_sources_are_finite_depend_on_them_and_compile(name):
  real = sequences.Batch(*map(tf.constant, tiny.pair_batch(BATCH)))
  algorithm = tiny.algorithm(name, tiny.PAIR_SPEC, discriminator=_reader_of_pairs(name))
  _assert_updates_depend_on_the_context(algorithm, real, tf.reverse(real.context, [0]))


def _assert_updates_depend_on_the_context(algorithm, real, context):
  other = real._replace(context=context)
  initial = _weights(algorithm)
  for update_name, update in tiny.updates(algorithm).items():
    step = tf.function(update.train_step, jit_compile=True, autograph=False) if update.compilable else update.train_step

    def update_with(batch, step=step):
      for key, variable in algorithm.variables().items():
        variable.assign(initial[key])
      metrics = step(batch, SEED, HALF_WAY)
      assert all(np.isfinite(value) for value in metrics.values()), metrics
      return _networks(algorithm)

    weights = [update_with(batch) for batch in (real, other)]
    assert all(np.isfinite(w).all() for network in weights[0].values() for w in network)
    if _largest_difference(*weights) == 0:
      # Allowed only if the update uses nothing but the size of the real batch.
      assert _largest_difference(weights[0], update_with(real._replace(tokens=tf.reverse(real.tokens, [0])))) == 0, update_name


# XLA is slowest: for recurrent generators only the relaxed one, which has the most operations.
@_slow_but_for_one_of_each_family(_UNCONDITIONAL, quick={"gsgan", "wgan_gp"})
def test_xla_compiles_the_updates_that_say_so(name):
  spec = tiny.SPECS["text"]
  real = sequences.Batch(tf.constant(tiny.batch(spec, BATCH)))
  compiled = {key: update for key, update in tiny.updates(tiny.algorithm(name, spec)).items() if update.compilable}
  assert compiled
  if "generator" in compiled:
    compiled = {"generator": compiled["generator"]}  # Compiling is slow, and this update contains the operations of the others.
  for update_name in compiled:
    algorithm = tiny.algorithm(name, spec)
    before = _networks(algorithm)
    metrics = tf.function(tiny.updates(algorithm)[update_name].train_step, jit_compile=True, autograph=False)(real, SEED, HALF_WAY)
    assert all(np.isfinite(value) for value in metrics.values())
    assert _moved([w for ws in before.values() for w in ws], [w for ws in _networks(algorithm).values() for w in ws])


@_slow_but_for_one_of_each_family(tiny.ALGORITHMS)
def test_every_choice_of_a_setting_works(name):
  spec = tiny.SPECS["text"]
  real = sequences.Batch(tf.constant(tiny.batch(spec, BATCH)))
  for field, values in tiny.choices(registry.load("tf_textgan.algorithms", name).Config).items():
    weights = []
    for value in values:
      algorithm = tiny.algorithm(name, spec, **{field: value})
      updates = tiny.updates(algorithm)
      # A choice concerns the update in its name, as mask_mle does, or else the generator's, if there is one.
      named = [key for key in updates if key in field.split("_")] or [key for key in updates if key == "generator"] or list(updates)
      updates = {key: updates[key] for key in named}
      for update in updates.values():
        metrics = update.train_step(real, SEED, HALF_WAY)
        assert all(np.isfinite(x) for x in metrics.values())
      # Without the modules, which a choice may replace.
      weights.append({key: values for key, values in _networks(algorithm).items() if key in algorithm.networks})
    # The choice makes a difference.
    assert all(_largest_difference(weights[0], other) > 0 for other in weights[1:]), field


@_each_algorithm
@_each_spec
def test_variables_have_unique_and_stable_names(name, spec):
  first, second = (tiny.algorithm(name, spec) for _ in range(2))
  variables = first.variables()
  assert list(variables) == list(second.variables())
  assert len({id(variable) for variable in variables.values()}) == len(variables)
  held = [*first.networks.values(), *first.modules.values(), *first.optimizers.values()]
  assert len(variables) == sum(len(holder.variables) for holder in held)
  # Slots must exist from the start, or a checkpoint would lose them. Without any, an optimizer has its iteration and its rate, as plain descent has.
  assert all(len(x.variables) > 2 for x in first.optimizers.values() if not isinstance(x, keras.optimizers.SGD))


@_slow_but_for_one_of_each_family(tiny.ALGORITHMS)
def test_training_resumes_exactly_from_copied_variables(name):
  """Checkpoints rely on this: `variables()` is the complete state."""
  spec = tiny.SPECS["text"]
  real = sequences.Batch(tf.constant(tiny.batch(spec, BATCH)))
  original, copy = tiny.algorithm(name, spec), tiny.algorithm(name, spec, seed=5)
  for round_number in range(2):
    if round_number == 1:
      for a, b in zip(original.variables().values(), copy.variables().values()):
        b.assign(a)
    for algorithm in (original, copy):
      for update in tiny.updates(algorithm).values():
        update.train_step(real, noise.fold(SEED, round_number), HALF_WAY)
    assert (_largest_difference(_networks(original), _networks(copy)) == 0.0) == (round_number == 1)


@_each_algorithm
def test_phases_follow_the_schedule(name):
  algorithm = tiny.algorithm(name, tiny.SPECS["fixed"])
  schedule = base.Schedule(mle_steps=3, discriminator_steps=5, adversarial_steps=7)
  phases = algorithm.phases(schedule)
  assert phases
  steps = {"mle": 3, "discriminator": 5, "adversarial": 7}
  for phase in phases:
    assert phase.steps == steps.get(phase.name, phase.steps)
    assert phase.updates and all(update.repeats >= 1 for update in phase.updates)
  assert len({phase.name for phase in phases}) == len(phases)

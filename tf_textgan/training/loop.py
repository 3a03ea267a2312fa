"""The training loop: an algorithm's phases, compiled once, replicated, checkpointed, watched by `keras.callbacks`.

A round of a phase makes each of its updates in turn. The callbacks see a round, or several compiled into one call, as a batch and the stretch up
to an evaluation as an epoch. Everything random follows from the run's seed, the update's name and its number, so a run that was stopped goes on as
if it had not been.
"""

import collections
import contextlib
import dataclasses
import math
import signal
import threading
import time

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan.data import pipeline
from tf_textgan.sampling import noise
from tf_textgan.training import callbacks as callbacks_lib


@dataclasses.dataclass(frozen=True)
class Config:
  """How the loop runs.

  What is learned depends on `batch_size`, `seed` and `jit_compile`, as XLA draws other random numbers, and on nothing else here, unless evaluations
  end a phase early (`discriminator_patience`, `stop_at_chance`).
  """

  # Sequences in a batch, over all replicas.
  batch_size: int = 64
  # Everything random in the run follows from it.
  seed: int = 0
  # Evaluations in each phase, evenly spaced; the last one at its end.
  evaluations: int = 5
  # Sequences sampled for each evaluation.
  evaluation_samples: int = 1000
  # Rounds between entries of the training metrics.
  log_every: int = 20
  # Minutes between checkpoints; there is one at each evaluation as well.
  checkpoint_minutes: float = 5.0
  # Checkpoints kept besides the best.
  keep_checkpoints: int = 3
  # Metric whose lowest value marks the best checkpoint; empty for the run's last. curve_sum weighs quality and diversity, frechet, which is measured
  # only if it is named here, compares sentence embeddings; see docs/evaluation.md.
  best_metric: str = "curve_sum"
  # Evaluations of the discriminator phase without a larger held-out gain after which it ends. It then goes back to the discriminator of the largest,
  # as it does at the phase's end; 0 for neither.
  discriminator_patience: int = 0
  # Evaluations in a row with the discriminator at chance on held-out text after which the adversarial phase ends; 0 for never.
  stop_at_chance: int = 0
  # Rounds of a phase with one update that are compiled into one call.
  steps_per_call: int = 1
  # Compile the steps with XLA.
  jit_compile: bool = False

  def __post_init__(self):
    checks.at_least(self, 1, "batch_size", "evaluations", "evaluation_samples", "log_every", "keep_checkpoints", "steps_per_call")
    checks.at_least(self, 0, "checkpoint_minutes", "seed", "discriminator_patience", "stop_at_chance")


@dataclasses.dataclass
class RunState:
  """Where a run stands.

  Attributes:
    phase: number of the phase.
    round: rounds made in it.
    step: rounds made in all phases.
    batches: batches taken from the data.
    updates: update's name to how often it was made.
    best_metric: metric whose lowest value marks the best checkpoint.
    best: its lowest value so far.
    heldout_gain: largest held-out gain of the discriminator in its own phase, see `monitors.DiscriminatorPatience`.
    waited: evaluations since.
    at_chance: evaluations in a row that found the discriminator at chance, see `monitors.StopAtChance`.
    ended_at: the phase's scheduled rounds when a callback ended it early, 0 if none has; in a longer schedule it goes on.
  """

  phase: int = 0
  round: int = 0
  step: int = 0
  batches: int = 0
  updates: dict[str, int] = dataclasses.field(default_factory=dict)
  best_metric: str = ""
  best: float = math.inf
  heldout_gain: float = -math.inf
  waited: int = 0
  at_chance: int = 0
  ended_at: int = 0


class Loop:
  """Trains an algorithm.

  Attributes:
    run_state: `RunState`, where it stands.
    kept: name to array, what callbacks keep in the checkpoints.
  """

  def __init__(self, algorithm, schedule, data, evaluate, checkpoints, config, strategy=None, chief=True):
    """Sets the loop up; `run` starts it.

    Args:
      algorithm: `algorithms.base.Algorithm`, made under the strategy's scope.
      schedule: `algorithms.base.Schedule`.
      data: the training data, `sequences.Batch` of arrays; without context for an algorithm that learns no categories.
      evaluate: function of the step, giving a dictionary of numbers; called in every process, so that callbacks agree.
      checkpoints: `checkpoints.Checkpoints`.
      config: `Config`.
      strategy: `tf.distribute.Strategy`; None for one device.
      chief: whether this process writes the run's files.
    """
    self._algorithm = algorithm
    self.phases = algorithm.phases(schedule)
    self._data = data
    self._evaluate = evaluate
    self._checkpoints = checkpoints
    self._config = config
    self._strategy = strategy or tf.distribute.get_strategy()
    self._chief = chief
    self._seed = noise.seed(config.seed)
    self._compiled = {}
    self._saved_at = time.monotonic()
    self.interrupted = False
    self.run_state = RunState()
    self.kept = {}

  def restore(self):
    """Goes back to the latest checkpoint; returns whether there was one."""
    run_state = self._checkpoints.restore(self._algorithm.variables())
    if run_state is None:
      return False
    self.run_state, self.kept = RunState(**run_state), self._checkpoints.kept
    # A schedule that has since become longer goes on where the old one ended.
    while self.run_state.phase < len(self.phases) - 1 and self._phase_is_over():
      self._begin_phase(self.run_state.phase + 1)
    return True

  @property
  def algorithm(self):
    """What it trains."""
    return self._algorithm

  @property
  def rounds(self):
    """Rounds of all phases."""
    return sum(phase.steps for phase in self.phases)

  def run(self, callbacks=()):
    """Trains to the end of the schedule, or until SIGTERM or SIGINT comes; then `interrupted` is true.

    A callback that sets `stop_training` ends the phase; the next one begins.

    Args:
      callbacks: `keras.callbacks.Callback`s and `callbacks.ForOptimizer`s; the generator is their model. An epoch is the stretch up to an evaluation,
        a batch a round, or `steps_per_call` of them, counted within the epoch.

    Raises:
      UserError: a callback cannot work here, the training diverged, or a checkpoint cannot be written.
    """
    algorithm, epochs, batches = self._algorithm, len(self.phases) * self._config.evaluations, self._batches()
    algorithm.generator.stop_training = False
    # Keras's TensorBoard asks for the one optimizer of `fit`; here there are several.
    algorithm.generator.optimizer = None
    watchers = callbacks_lib.Callbacks(
      list(callbacks), algorithm.generator, algorithm.optimizers, epochs, lambda: self._training_metrics(batches)
    )
    with _Signals(self):
      watchers.on_train_begin()
      try:
        self._run_phases(batches, watchers)
      except (errors.UserError, tf.errors.OpError) as e:
        # Callbacks close their files and their bar; what fails in that does not matter any more.
        with contextlib.suppress(Exception):
          watchers.on_train_end()
        if isinstance(e, tf.errors.OpError) and (inside := errors.user_error_in(e)):  # Of a user's reward, which a graph calls.
          raise inside from e
        raise
      watchers.on_train_end()

  def _run_phases(self, batches, watchers):
    for number in range(self.run_state.phase, len(self.phases)):
      if number > self.run_state.phase:
        self._begin_phase(number)
      self._run_phase(self.phases[number], batches, watchers)
      if self.interrupted:
        break
      watchers.end_phase()
    self._save()
    self._checkpoints.wait()

  def _begin_phase(self, number):
    self.run_state.phase, self.run_state.round, self.run_state.ended_at = number, 0, 0

  def _phase_is_over(self):
    state = self.run_state
    return max(state.round, state.ended_at) >= self.phases[state.phase].steps

  def _run_phase(self, phase, batches, watchers):
    state, config, generator = self.run_state, self._config, self._algorithm.generator
    boundaries = [math.ceil(phase.steps * (i + 1) / config.evaluations) for i in range(config.evaluations)]
    rounds_per_call = config.steps_per_call if len(phase.updates) == 1 else 1
    while not self._phase_is_over() and not self.interrupted:
      last_evaluation = max(b for b in [0, *boundaries] if b <= state.round)
      next_evaluation = min(b for b in boundaries if b > state.round)
      epoch = state.phase * config.evaluations + boundaries.index(next_evaluation)
      calls = math.ceil((next_evaluation - last_evaluation) / rounds_per_call)
      watchers.begin_epoch(epoch, calls, resumed=state.round > last_evaluation)
      totals = collections.Counter()
      first = state.round
      while state.round < next_evaluation and not self.interrupted and not generator.stop_training:
        rounds = min(rounds_per_call, next_evaluation - state.round)
        batch = (state.round - last_evaluation) // rounds_per_call
        watchers.on_train_batch_begin(batch)
        logs = self._run_rounds(phase, batches, rounds)
        totals.update({name: value * rounds for name, value in logs.items()})
        watchers.on_train_batch_end(batch, logs)
        # At an evaluation a checkpoint comes with it: one from before it would make a resumed run leave it out.
        if state.round < next_evaluation and time.monotonic() - self._saved_at > 60 * config.checkpoint_minutes:
          self._save()
      if state.round < next_evaluation and self.interrupted:
        return
      logs = {name: total / (state.round - first) for name, total in totals.items()}
      logs |= self._evaluate(state.step)
      watchers.on_epoch_end(epoch, logs)
      if generator.stop_training:
        state.ended_at, generator.stop_training = phase.steps, False
      if state.best_metric != config.best_metric:
        # The run began with another: its values cannot be compared.
        state.best_metric, state.best = config.best_metric, math.inf
      best = True
      if config.best_metric:
        # Until there is a finite value, the last checkpoint is the best there is; of equal ones, too: while the discriminator alone learns, the
        # generator is the same.
        best = self._metric(logs) <= state.best or math.isinf(state.best)
        state.best = min(state.best, self._metric(logs))
      self._save(best)

  def _metric(self, logs):
    if self._config.best_metric not in logs:
      numbers = ", ".join(sorted(logs))
      raise errors.UserError(f"--best_metric is {self._config.best_metric!r}, which this run does not measure; it measures {numbers}")
    return logs[self._config.best_metric]

  def _run_rounds(self, phase, batches, rounds):
    """Makes some rounds of a phase and returns the mean of their metrics."""
    state = self.run_state
    # In a phase that is not annealed temperatures stay at their start.
    phase_fraction = tf.constant(state.round / phase.steps if phase.annealed else 0.0, tf.float32)
    growth = tf.constant(1.0 / phase.steps if phase.annealed else 0.0, tf.float32)
    logs = {}
    for update in phase.updates:
      if update.name not in state.updates:
        self._algorithm.begin(update.name)
    for update in phase.updates:
      count = update.repeats * rounds
      done = state.updates.get(update.name, 0)
      metrics = self._advance(update)(batches, tf.constant(done), tf.constant(count), phase_fraction, growth / update.repeats)
      state.updates[update.name] = done + count
      state.batches += count
      for name, value in metrics.items():
        logs[f"{update.name}/{name}"] = float(value)
    state.round += rounds
    state.step += rounds
    for name, value in logs.items():
      if not math.isfinite(value):
        raise errors.UserError(
          f"training diverged: {name} is {value} at step {state.step} (round {state.round} of phase {phase.name}); "
          "the last checkpoint before it is kept. A lower learning rate or --clip_norm may help"
        )
    return logs

  def _training_metrics(self, batches):
    """The names of all updates' metrics, as `_run_rounds` gives them. Tracing tells them, which updates to come would need in any case."""
    names = {}
    for update in (update for phase in self.phases for update in phase.updates):
      numbers = tf.constant(0), tf.constant(1), tf.constant(0.0), tf.constant(0.0)
      traced = self._advance(update).get_concrete_function(batches, *numbers)
      names |= dict.fromkeys(f"{update.name}/{name}" for name in traced.structured_outputs)
    return list(names)

  def _advance(self, update):
    """The compiled function that makes an update some times."""
    if update.name in self._compiled:
      return self._compiled[update.name]
    strategy = self._strategy
    train_step = tf.function(update.train_step, jit_compile=self._config.jit_compile and update.compilable, autograph=False)
    update_seed = noise.fold(self._seed, update.name)

    # Nothing here and below has Python's `if` or `for` on a tensor, and AutoGraph, which would look for them in every function that is called, takes
    # seconds before the first step.
    @tf.function(autograph=False)
    def advance(batches, first, count, phase_fraction, growth):
      def once(i):
        passed = tf.cast(i - first, tf.float32)
        metrics = strategy.run(train_step, (next(batches), noise.fold(update_seed, i), phase_fraction + growth * passed))
        return {name: strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None) for name, value in metrics.items()}

      def add(i, totals):
        metrics = once(i)
        return i + 1, {name: totals[name] + metrics[name] for name in totals}

      _, totals = tf.while_loop(lambda i, _: i < first + count, add, [first + 1, once(first)])
      return {name: total / tf.cast(count, total.dtype) for name, total in totals.items()}

    self._compiled[update.name] = advance
    return advance

  def _batches(self):
    """An iterator over the training data from where the run stands, each replica's share of every batch."""
    batch_size, strategy = self._config.batch_size, self._strategy

    def dataset(context):
      shard = pipeline.batches(
        self._data,
        batch_size,
        seed=self._config.seed,
        start=self.run_state.batches,
        num_shards=context.num_input_pipelines,
        shard=context.input_pipeline_id,
      )
      replicas = context.num_replicas_in_sync
      if batch_size % replicas:
        raise errors.UserError(f"--batch_size is {batch_size}, which {replicas} replicas cannot share equally")
      return shard.rebatch(batch_size // replicas)

    return iter(strategy.distribute_datasets_from_function(dataset))

  def _save(self, best=False):
    self._saved_at = time.monotonic()
    if self._chief:
      self._checkpoints.save(self.run_state.step, self._algorithm.variables(), dataclasses.asdict(self.run_state), best, self.kept)


class _Signals:
  """Turns the first SIGTERM or SIGINT into a request to stop after the round at hand; a second one acts as usual."""

  def __init__(self, loop):
    self._loop = loop
    self._before = {}

  def __enter__(self):
    if threading.current_thread() is threading.main_thread():  # Python allows handlers there only.
      for number in (signal.SIGTERM, signal.SIGINT):
        self._before[number] = signal.signal(number, self._stop)
    return self

  def _stop(self, number, frame):
    del frame
    self._loop.interrupted = True
    signal.signal(number, self._before[number])

  def __exit__(self, *_):
    for number, handler in self._before.items():
      signal.signal(number, handler)

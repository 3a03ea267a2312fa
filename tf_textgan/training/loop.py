"""The training loop: runs the phases of an algorithm, compiled, replicated and checkpointed, with `keras.callbacks`.

A round of a phase makes each of its updates in turn. To the callbacks a round, or several compiled into one call, is a batch, and the rounds between
two evaluations are an epoch. All random numbers are derived from the run's seed, the update's name and its number, so a resumed run equals an
uninterrupted one.
"""

import collections
from collections.abc import Callable
from collections.abc import Iterable
import contextlib
import dataclasses
import math
import signal
import threading
import time

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.data import pipeline
from tf_textgan.sampling import noise
from tf_textgan.training import callbacks as callbacks_lib
from tf_textgan.training import checkpoints as checkpoints_lib


@dataclasses.dataclass(frozen=True)
class Config:
  """Settings of the loop.

  The trained weights depend only on `batch_size`, `seed` and `jit_compile` (XLA draws other random numbers), unless evaluations end a phase early
  (`discriminator_patience`, `stop_at_chance`).
  """

  # Sequences in a batch, all replicas together.
  batch_size: int = 64
  # Seed of all random numbers in the run.
  seed: int = 0
  # Evaluations in each phase, evenly spaced, the last at the end of the phase.
  evaluations: int = 5
  # Sequences sampled for each evaluation.
  evaluation_samples: int = 1000
  # Rounds between entries of the training metrics.
  log_every: int = 20
  # Minutes between checkpoints, besides one at each evaluation.
  checkpoint_minutes: float = 5.0
  # Latest checkpoints to keep, besides the best.
  keep_checkpoints: int = 3
  # Metric whose lowest value marks the best checkpoint; empty for the last checkpoint. curve_sum combines quality and diversity; frechet, which is
  # measured only if it is named here, compares sentence embeddings. See docs/evaluation.md.
  best_metric: str = "curve_sum"
  # Early stopping of the discriminator's own phase, after so many evaluations without a larger held-out gain. At the end of the phase the
  # discriminator with the largest gain is restored. 0 for neither.
  discriminator_patience: int = 0
  # Early stopping of the adversarial phase, after so many consecutive evaluations with the discriminator at chance on held-out text; 0 for none.
  stop_at_chance: int = 0
  # Rounds compiled into one call, in phases with a single update.
  steps_per_call: int = 1
  # Compile training steps with XLA.
  jit_compile: bool = False

  def __post_init__(self):
    checks.at_least(self, 1, "batch_size", "evaluations", "evaluation_samples", "log_every", "keep_checkpoints", "steps_per_call")
    checks.at_least(self, 0, "checkpoint_minutes", "discriminator_patience", "stop_at_chance")
    checks.seed(self, "seed")


@dataclasses.dataclass
class RunState:
  """State of a run, saved in checkpoints.

  Attributes:
    phase: index of the current phase.
    round: rounds made in the phase.
    step: rounds made in all phases.
    batches: batches taken from the data.
    updates: name of an update to the number of times it was made.
    best_metric: metric whose lowest value marks the best checkpoint.
    best: lowest value of the metric so far.
    heldout_gain: largest held-out gain of the discriminator in its own phase, see `monitors.DiscriminatorPatience`.
    waited: evaluations since the largest gain.
    at_chance: consecutive evaluations with the discriminator at chance, see `monitors.StopAtChance`.
    ended_at: scheduled rounds of the phase when a callback ended it early, else 0. With a longer schedule the phase continues.
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
    phases: the algorithm's phases.
    run_state: the state of the run.
    kept: name to array, arrays that callbacks save in the checkpoints.
    interrupted: whether SIGTERM or SIGINT has asked to stop.
  """

  def __init__(
    self,
    algorithm: base.Algorithm,
    schedule: base.Schedule,
    data: sequences.Batch,
    evaluate: Callable[[int], dict[str, float]],
    checkpoints: checkpoints_lib.Checkpoints,
    config: Config,
    strategy: tf.distribute.Strategy | None = None,
    chief: bool = True,
  ):
    """Prepares training; `run` starts it.

    Args:
      algorithm: created under the strategy's scope.
      schedule: lengths of the phases.
      data: the training data as arrays; without context for an algorithm that ignores categories.
      evaluate: function of the step, returning metrics; called in every process, so that callbacks agree.
      checkpoints: where to save and restore.
      config: settings.
      strategy: distribution strategy; None for one device.
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

  def restore(self) -> bool:
    """Restores the latest checkpoint; returns whether there was one."""
    run_state = self._checkpoints.restore(self._algorithm.variables())
    if run_state is None:
      return False
    self.run_state, self.kept = RunState(**run_state), self._checkpoints.kept
    # If the schedule is longer now, training continues from the end of the old schedule.
    while self.run_state.phase < len(self.phases) - 1 and self._phase_is_over():
      self._begin_phase(self.run_state.phase + 1)
    return True

  @property
  def algorithm(self) -> base.Algorithm:
    """The algorithm that is trained."""
    return self._algorithm

  @property
  def rounds(self) -> int:
    """Rounds of all phases."""
    return sum(phase.steps for phase in self.phases)

  def run(self, callbacks: Iterable[keras.callbacks.Callback | callbacks_lib.ForOptimizer] = ()) -> None:
    """Trains to the end of the schedule, or until SIGTERM or SIGINT, which sets `interrupted`.

    A callback that sets `stop_training` ends the current phase, and the next one begins.

    Args:
      callbacks: their model is the generator. An epoch is the rounds up to an evaluation; a batch is a round, or `steps_per_call` rounds, counted
        within the epoch.

    Raises:
      UserError: a callback cannot work here, training diverged, or a checkpoint cannot be written.
    """
    algorithm, epochs, batches = self._algorithm, len(self.phases) * self._config.evaluations, self._batches()
    algorithm.generator.stop_training = False
    # Keras's TensorBoard callback reads the single optimizer of `fit`; here there are several.
    algorithm.generator.optimizer = None
    watchers = callbacks_lib.Callbacks(
      list(callbacks), algorithm.generator, algorithm.optimizers, epochs, lambda: self._training_metrics(batches)
    )
    with _Signals(self):
      watchers.on_train_begin()
      try:
        self._run_phases(batches, watchers)
      except (errors.UserError, tf.errors.OpError) as e:
        # Lets callbacks close their files and progress bar; errors in doing so would hide the first one.
        with contextlib.suppress(Exception):
          watchers.on_train_end()
        if isinstance(e, tf.errors.OpError) and (inside := errors.user_error_in(e)):  # From a user's reward, called by the graph.
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
        # Not before an evaluation, which saves a checkpoint itself: a run resumed from an earlier one would skip the evaluation.
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
        # The run began with another metric, whose values are not comparable.
        state.best_metric, state.best = config.best_metric, math.inf
      best = True
      if config.best_metric:
        # Until there is a finite value, the last checkpoint is the best. Ties keep the later checkpoint: while only the discriminator is trained, the
        # generator does not change.
        best = self._metric(logs) <= state.best or math.isinf(state.best)
        state.best = min(state.best, self._metric(logs))
      self._save(best)

  def _metric(self, logs):
    if self._config.best_metric not in logs:
      numbers = ", ".join(sorted(logs))
      raise errors.UserError(f"--best_metric is {self._config.best_metric!r}, which this run does not measure; it measures {numbers}")
    return logs[self._config.best_metric]

  def _run_rounds(self, phase, batches, rounds):
    """Makes several rounds of a phase and returns the mean of their metrics."""
    state = self.run_state
    # In a phase that is not annealed, temperatures stay at their initial values.
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
    """The names of all updates' metrics, as in the logs of `_run_rounds`. Found by tracing, which all updates need anyway."""
    names = {}
    for update in (update for phase in self.phases for update in phase.updates):
      numbers = tf.constant(0), tf.constant(1), tf.constant(0.0), tf.constant(0.0)
      traced = self._advance(update).get_concrete_function(batches, *numbers)
      names |= dict.fromkeys(f"{update.name}/{name}" for name in traced.structured_outputs)
    return list(names)

  def _advance(self, update):
    """The compiled function that makes an update several times."""
    if update.name in self._compiled:
      return self._compiled[update.name]
    strategy = self._strategy
    train_step = tf.function(update.train_step, jit_compile=self._config.jit_compile and update.compilable, autograph=False)
    update_seed = noise.fold(self._seed, update.name)

    # No Python `if` or `for` on a tensor, here or in the functions called, needs AutoGraph, which takes seconds before the first step.
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
    """An iterator over the training data from the run's position: each replica's share of every batch."""
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
  """Turns the first SIGTERM or SIGINT into a request to stop after the current round; a second one has its usual effect."""

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

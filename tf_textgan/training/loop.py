"""The training loop: runs the phases of an algorithm, compiled, replicated and checkpointed, with `keras.callbacks`.

A round of a phase makes each of its updates in turn. To the callbacks a round, or several compiled into one call, is a batch, and the rounds between
two evaluations are an epoch. All random numbers are derived from the run's seed, the update's name and its number, so a resumed run equals an
uninterrupted one.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import math
import signal
import threading
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import schema
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
  (`mle_patience`, `discriminator_patience`, `stop_at_chance`).
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
  # measured only if it is named here, compares sentence embeddings. See docs/evaluation.md. From an adversarial phase's first evaluation on, only its
  # own rounds are considered; the last checkpoint before it is kept as "likelihood".
  best_metric: str = "curve_sum"
  # Early stopping of the maximum-likelihood phase, after so many evaluations without a lower negative log-likelihood of held-out text. At the end of
  # the phase the weights with the lowest one are restored. 0 for neither.
  mle_patience: int = 0
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
    checks.at_least(self, 0, "checkpoint_minutes", "mle_patience", "discriminator_patience", "stop_at_chance")
    checks.at_most(self, 1_000_000, "evaluations")
    checks.seed(self, "seed")


# The largest number of rounds, batches or updates: it is a 32-bit integer in the compiled steps.
_MOST = 2**31 - 1


@dataclasses.dataclass
class RunState:
  """State of a run, saved in checkpoints.

  Attributes:
    phase: index of the current phase.
    round: rounds made in the phase.
    step: rounds made in all phases.
    rounds: name of a phase to the rounds made in it, for the phases that have made any.
    scheduled: name of a phase to its length, for the current phase and those before it; of one that ended early, the length that it had then.
    ended_early: name of a phase that a callback ended before that length to which callback it was and when, such as "EarlyStopping at step 40".
    evaluated: step of the last evaluation.
    epoch: sums of the training metrics since the last evaluation, weighted with the rounds.
    epoch_rounds: rounds in these sums.
    window: sums of the training metrics since the last record, see `monitors.Means`.
    window_calls: calls in these sums.
    batches: batches taken from the data.
    updates: name of an update to the number of times it was made.
    best_metric: metric whose lowest value marks the best checkpoint.
    best: lowest value of the metric so far.
    best_step: step of the best checkpoint.
    heldout_nll: lowest negative log-likelihood of held-out text in the maximum-likelihood phase, see `monitors.MlePatience`.
    heldout_gain: largest held-out gain of the discriminator in its own phase, see `monitors.DiscriminatorPatience`.
    waited: evaluations since the lowest negative log-likelihood, or the largest gain.
    returned: a sentence on the step to whose weights the maximum-likelihood phase went back at its end; empty if it did not.
    at_chance: consecutive evaluations with the discriminator at chance, see `monitors.StopAtChance`.
  """

  phase: int = 0
  round: int = 0
  step: int = 0
  rounds: dict[str, int] = dataclasses.field(default_factory=dict)
  scheduled: dict[str, int] = dataclasses.field(default_factory=dict)
  ended_early: dict[str, str] = dataclasses.field(default_factory=dict)
  evaluated: int = 0
  epoch: dict[str, float] = dataclasses.field(default_factory=dict)
  epoch_rounds: int = 0
  window: dict[str, float] = dataclasses.field(default_factory=dict)
  window_calls: int = 0
  batches: int = 0
  updates: dict[str, int] = dataclasses.field(default_factory=dict)
  best_metric: str = ""
  best: float = math.inf
  best_step: int = 0
  heldout_nll: float = math.inf
  heldout_gain: float = -math.inf
  waited: int = 0
  returned: str = ""
  at_chance: int = 0

  @property
  def last_phase(self) -> str:
    """Name of the phase of the last round; empty before the first one."""
    return next(reversed(self.rounds), "")

  @property
  def adversarial(self) -> bool:
    """Whether a round of the adversarial phase has been made."""
    return "adversarial" in self.rounds

  def describe(self, phases: Sequence[base.Phase]) -> str:
    """The step and the phase in words, and whether the adversarial one of these phases is still to come."""
    where = f"step {self.step}" + (f", phase {self.last_phase}" if self.rounds else "")
    return where if self.adversarial or "adversarial" not in [phase.name for phase in phases] else f"{where}, before any adversarial round"

  @classmethod
  def from_json(cls, values: dict[str, Any]) -> "RunState":
    """Reads a saved state. Raises a `UserError` if a field is missing, unknown, of another type, or impossible."""
    state = cls(**schema.arguments(cls, values, "", finite=False))
    counts = "phase", "round", "step", "evaluated", "best_step", "epoch_rounds", "window_calls", "batches", "waited", "at_chance"
    numbers = {name: getattr(state, name) for name in counts}
    for part in ("rounds", "scheduled", "updates"):
      numbers |= {f"{part}.{schema.shown_name(name)}": number for name, number in getattr(state, part).items()}
    for name, number in numbers.items():
      if not 0 <= number <= _MOST:
        raise errors.UserError(f"{name} is {number}; expected 0 to {_MOST}")
    if state.round > state.step:
      raise errors.UserError(f"round is {state.round}, more than step, {state.step}")
    if any(math.isnan(number) for number in (state.best, state.heldout_nll, state.heldout_gain)):
      raise errors.UserError("best, heldout_nll or heldout_gain is nan; expected numbers")
    return state


def constant(number: float, dtype: tf.DType) -> tf.Tensor:
  """A scalar tensor of a number that changes as a run goes on.

  TensorFlow keeps every Python number that it has made a tensor of, some 700 bytes each, as long as the process lives; NumPy's it does not keep.
  """
  return tf.constant(np.array(number, dtype.as_numpy_dtype))


class Loop:
  """Trains an algorithm.

  Attributes:
    phases: the algorithm's phases.
    run_state: the state of the run.
    kept: name to array, arrays that callbacks save in the checkpoints.
    chief: whether this process writes the run's files.
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
    self._data = algorithm.training_data = data
    self._evaluate = evaluate
    self._checkpoints = checkpoints
    self._config = config
    self._strategy = strategy or tf.distribute.get_strategy()
    self.chief = chief
    self._seed = noise.seed(config.seed)
    self._compiled = {}
    reduce = lambda value: self._strategy.reduce(tf.distribute.ReduceOp.SUM, self._strategy.run(lambda: value), axis=None)  # noqa: E731
    self._sum_over_replicas = tf.function(reduce, autograph=False)
    self._saved_at = time.monotonic()
    self._restored_step = None
    self._has_checkpoint = False
    self.interrupted = False
    self.run_state = RunState()
    self.kept = {}

  def restore(self) -> bool:
    """Restores the latest checkpoint; returns whether there was one.

    The last phase that has made rounds goes on if it is longer now than it was, also one that was over or ended early. Lengths of later phases may be
    anything; lengths of earlier ones must be as they were.

    Raises:
      UserError: the schedule differs from what was trained: an earlier phase has another length now, or the last one is shorter than its rounds; the
        latest checkpoint or the best one, which is needed at the end, is damaged or does not fit.
    """
    variables = self._algorithm.variables()
    state = self._checkpoints.restore(variables, read_state=self._read_state)
    if state is None:
      return False
    self._checkpoints.check_best(variables, self._read_state, needed=math.isfinite(state.best))
    begun = [number for number, phase in enumerate(self.phases) if state.rounds.get(phase.name)]
    # A phase that was begun but has made no round is as one to come.
    state.phase = begun[-1] if begun else 0
    current = self.phases[state.phase]
    state.round = state.rounds.get(current.name, 0)
    for phase in self.phases[: state.phase]:
      _check_length_of_earlier(phase, current, state)
    if current.steps < state.round:
      raise errors.UserError(
        f"the phase {current.name} has made {state.round} rounds, so it cannot have {current.steps}; give it {state.round} or more, or begin "
        "another run in a new --workdir"
      )
    if current.steps > state.scheduled.get(current.name, 0):
      state.ended_early.pop(current.name, None)
      state.returned = "" if current.name == "mle" else state.returned
    self._algorithm.resume(state.updates)
    self.run_state, self.kept, self._restored_step = state, self._checkpoints.kept, state.step
    self._has_checkpoint = True
    return True

  def _read_state(self, values):
    state = RunState.from_json(values)
    if state.phase >= len(self.phases):
      raise errors.UserError(f"phase is {state.phase}; expected 0 to {len(self.phases) - 1}")
    return state

  @property
  def algorithm(self) -> base.Algorithm:
    """The algorithm that is trained."""
    return self._algorithm

  @property
  def rounds(self) -> int:
    """Rounds of all phases."""
    return sum(phase.steps for phase in self.phases)

  @property
  def finished(self) -> bool:
    """Whether all phases are over."""
    return self._phase_is_over() and not any(phase.steps for phase in self.phases[self.run_state.phase + 1 :])

  def early_ends(self) -> list[str]:
    """A sentence for each phase that a callback ended early: which, by what and when, and the rounds it left out."""
    state, lengths = self.run_state, {phase.name: phase.steps for phase in self.phases}
    return [
      f"the phase {name} was ended early by {end}, after {state.rounds[name]} of its {lengths[name]} rounds"
      for name, end in state.ended_early.items()
      if state.rounds[name] < lengths[name]
    ]

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

  def evaluate(self) -> dict[str, float]:
    """The evaluation's metrics of the weights as they are. Called in every process."""
    return self._evaluate(self.run_state.step)

  def _run_phases(self, batches, watchers):
    for number, phase in enumerate(self.phases):
      if number < self.run_state.phase:
        continue
      if phase.name not in self.run_state.ended_early:
        self.run_state.scheduled[phase.name] = phase.steps
      if not phase.steps:
        continue
      if number > self.run_state.phase:
        self.run_state.phase, self.run_state.round = number, 0
      self._run_phase(phase, batches, watchers)
      if self._asked_to_stop():
        break
      watchers.end_phase()
    if self.run_state.step != self._restored_step:
      self._save()
    self._checkpoints.wait()

  def _asked_to_stop(self):
    """Whether to stop. All workers ask at the same rounds and get the same answer: yes, if one of them has been interrupted."""
    if isinstance(self._strategy, tf.distribute.MultiWorkerMirroredStrategy):
      self.interrupted = bool(self._sum_over_replicas(tf.constant(float(self.interrupted))))
    return self.interrupted

  def _phase_is_over(self):
    state, phase = self.run_state, self.phases[self.run_state.phase]
    # A run that was stopped between two evaluations, and whose phase is to end there, still has the evaluation at its end to make.
    return phase.name in state.ended_early or (state.round >= phase.steps and state.evaluated == state.step)

  def _adversarial_phase_is_next(self):
    later = [phase.name for phase in self.phases[self.run_state.phase + 1 :]]
    return "adversarial" in later and self._phase_is_over()

  def _run_phase(self, phase, batches, watchers):
    state, config, generator = self.run_state, self._config, self._algorithm.generator
    boundaries = [math.ceil(phase.steps * (i + 1) / config.evaluations) for i in range(config.evaluations)]
    rounds_per_call = config.steps_per_call if len(phase.updates) == 1 else 1
    while not self._phase_is_over():
      if self._asked_to_stop():
        return
      next_evaluation = min((b for b in boundaries if b > state.round), default=phase.steps)
      last_evaluation = max(b for b in [0, *boundaries] if b < next_evaluation)
      epoch = state.phase * config.evaluations + boundaries.index(next_evaluation)
      calls = math.ceil((next_evaluation - last_evaluation) / rounds_per_call)
      watchers.begin_epoch(epoch, calls, resumed=state.round > last_evaluation)
      while state.round < next_evaluation and not generator.stop_training:
        rounds = min(rounds_per_call, next_evaluation - state.round)
        batch = (state.round - last_evaluation) // rounds_per_call
        watchers.on_train_batch_begin(batch)
        logs = self._run_rounds(phase, batches, rounds)
        state.epoch = {name: state.epoch.get(name, 0.0) + value * rounds for name, value in logs.items()}
        state.epoch_rounds += rounds
        watchers.on_train_batch_end(batch, logs)
        # Not before an evaluation, which saves a checkpoint itself: a run resumed from an earlier one would skip the evaluation.
        if state.round < next_evaluation and time.monotonic() - self._saved_at > 60 * config.checkpoint_minutes:
          self._save()
        if state.round < next_evaluation and self._asked_to_stop():
          return
      logs = {name: total / state.epoch_rounds for name, total in state.epoch.items()}
      state.epoch, state.epoch_rounds = {}, 0
      logs |= self.evaluate()
      state.evaluated = state.step
      watchers.on_epoch_end(epoch, logs)
      if generator.stop_training:
        generator.stop_training = False
        if state.round < phase.steps:
          state.ended_early[phase.name] = f"{watchers.stopped_by} at step {state.step}"
      if best := self.is_best(logs):
        state.best_metric, state.best, state.best_step = config.best_metric, min(math.inf, self._metric(logs)), state.step
      self._save([name for name, keep in (("best", best), ("likelihood", self._adversarial_phase_is_next())) if keep])

  def is_best(self, logs: Mapping[str, float]) -> bool:
    """Whether the checkpoint of an evaluation at the current step, with these metrics, is the best so far."""
    state = self.run_state
    # A run that began with another metric has values that are not comparable; without one, the last checkpoint is the best.
    if not self._config.best_metric or state.best_metric != self._config.best_metric:
      return True
    # A generator that no adversarial round has trained is not a GAN's.
    if self.phases[state.phase].name == "adversarial" and state.best_step <= state.step - state.round:
      return True
    # Until there is a finite value, the last checkpoint is the best. Ties keep the later checkpoint: while only the discriminator is trained, the
    # generator does not change.
    return self._metric(logs) <= state.best or math.isinf(state.best)

  def _metric(self, logs):
    if not self._config.best_metric:
      return math.inf
    if self._config.best_metric not in logs:
      numbers = ", ".join(sorted(logs))
      raise errors.UserError(f"--best_metric is {self._config.best_metric!r}, which this run does not measure; it measures {numbers}")
    return logs[self._config.best_metric]

  def _run_rounds(self, phase, batches, rounds):
    """Makes several rounds of a phase and returns the mean of their metrics."""
    state = self.run_state
    # In a phase that is not annealed, temperatures stay at their initial values.
    phase_fraction = constant(state.round / phase.steps if phase.annealed else 0.0, tf.float32)
    growth = constant(1.0 / phase.steps if phase.annealed else 0.0, tf.float32)
    logs = {}
    for update in phase.updates:
      if update.name not in state.updates:
        self._algorithm.begin(update.name)
    for update in phase.updates:
      count = update.repeats * rounds
      done = state.updates.get(update.name, 0)
      metrics = self._advance(update)(batches, constant(done, tf.int32), constant(count, tf.int32), phase_fraction, growth / update.repeats)
      state.updates[update.name] = done + count
      state.batches += count
      for name, value in metrics.items():
        logs[f"{update.name}/{name}"] = float(value)
    state.round += rounds
    state.step += rounds
    state.rounds[phase.name] = state.round
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
    compilable = update.compilable and (self._algorithm.generator.compilable or update.name == "mle")
    train_step = tf.function(update.train_step, jit_compile=self._config.jit_compile and compilable, autograph=False)
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
      # Endless: otherwise several workers agree before each batch on whether there is one.
      return shard.rebatch(batch_size // replicas).apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

    return iter(strategy.distribute_datasets_from_function(dataset))

  def _save(self, names=()):
    self._saved_at = time.monotonic()
    if self.chief:
      self._checkpoints.save(self.run_state.step, self._algorithm.variables(), dataclasses.asdict(self.run_state), names, self.kept)
      if not self._has_checkpoint:
        # What the callbacks write after the first evaluation then shows that there has been a checkpoint.
        self._checkpoints.wait()
        self._has_checkpoint = True


def _check_length_of_earlier(phase, current, state):
  """Raises a `UserError` if a phase before the current one has another length now than the one it ended with."""
  made, before = state.rounds.get(phase.name, 0), state.scheduled.get(phase.name, 0)
  if phase.steps in (made, before):
    return
  early = f", ended early by {state.ended_early[phase.name]}" if phase.name in state.ended_early else ""
  raise errors.UserError(
    f"the phase {phase.name} is over, with {made} of {before} rounds{early}, and the run is at round {state.round} of the phase {current.name}, so "
    f"{phase.name} cannot have {phase.steps} now; give it {before} again, or begin another run in a new --workdir, for example with --pretrained"
  )


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

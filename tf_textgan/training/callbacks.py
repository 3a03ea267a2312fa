"""Keras callbacks in training with several phases and optimizers.

`keras.callbacks` assume `fit`, where a model has one optimizer and every epoch has the same metrics. The loop's model is the generator, and

* a callback that changes a learning rate is paired with the name of an optimizer (`ForOptimizer`);
* `keras.callbacks.CSVLogger` has columns for the metrics of all phases from the start;
* `keras.callbacks.EarlyStopping` starts again in each phase;
* metrics that a callback adds to the `logs` of an evaluation reach the callbacks after it and the loop.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import keras

from tf_textgan import errors
from tf_textgan.training import learning_rates

# Callbacks that change `model.optimizer.learning_rate`.
_LEARNING_RATE = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


class ForOptimizer(NamedTuple):
  """A callback, and the optimizer that it finds as `model.optimizer`.

  Attributes:
    callback: such as `keras.callbacks.LearningRateScheduler(schedule)`. When a run resumes within an epoch, its `on_epoch_begin` is not called again.
    optimizer: name in `algorithms.base.Algorithm.optimizers`, such as "generator_optimizer".
  """

  callback: keras.callbacks.Callback
  optimizer: str


def check(callbacks: Sequence[keras.callbacks.Callback | ForOptimizer], optimizers: Mapping[str, keras.optimizers.Optimizer]) -> None:
  """Checks callbacks before training.

  Raises:
    UserError: a callback cannot work with these optimizers.
  """
  names = ", ".join(optimizers)
  for callback in callbacks:
    kind = type(callback).__name__
    if isinstance(callback, ForOptimizer):
      if callback.optimizer not in optimizers:
        raise errors.UserError(f"ForOptimizer names the optimizer {callback.optimizer!r}; this algorithm has {names}")
      if isinstance(callback.callback, _LEARNING_RATE) and callback.optimizer in learning_rates.changing(optimizers):
        kind = type(callback.callback).__name__
        raise errors.UserError(f"{kind} cannot change the learning rate of {callback.optimizer}, which has a schedule; expected one of the two")
    elif isinstance(callback, _LEARNING_RATE):
      raise errors.UserError(f"{kind} needs the name of its optimizer: expected ForOptimizer({kind}(...), name) with one of {names}")
    elif isinstance(callback, keras.callbacks.BackupAndRestore):
      raise errors.UserError("BackupAndRestore restores the generator alone; a run resumes from its own checkpoints, so leave this callback out")
    elif not isinstance(callback, keras.callbacks.Callback):
      raise errors.UserError(f"expected keras.callbacks.Callback or ForOptimizer, got {kind}")


class Callbacks(keras.callbacks.CallbackList):
  """The callbacks of a run of the loop, called in their order.

  Attributes:
    params: the callbacks' `params`: `epochs`, the evaluations of all phases; `steps`, the batches of the current epoch; `verbose`.
    stopped_by: name of the class of the callback that has set `stop_training`; empty if none has.
  """

  def __init__(
    self,
    callbacks: Sequence[keras.callbacks.Callback | ForOptimizer],
    model: keras.Model,
    optimizers: Mapping[str, keras.optimizers.Optimizer],
    epochs: int,
    training_metrics: Callable[[], Sequence[str]],
  ):
    """Checks the callbacks and sets their models.

    Args:
      callbacks: see `check`.
      model: the generator.
      optimizers: name to optimizer.
      epochs: evaluations of all phases.
      training_metrics: returns the names of the training metrics of all phases; called only if a callback needs them.

    Raises:
      UserError: see `check`.
    """
    check(callbacks, optimizers)
    self._training_metrics = training_metrics
    self._generator = model
    self.stopped_by = ""
    pairs = [callback if isinstance(callback, ForOptimizer) else (callback, None) for callback in callbacks]
    self._models = [model if name is None else _WithOptimizer(model, optimizers[name]) for _, name in pairs]
    super().__init__([callback for callback, _ in pairs], model=model, epochs=epochs, steps=None, verbose=0)

  def set_model(self, model: keras.Model) -> None:
    del model
    for callback, own in zip(self.callbacks, self._models):
      callback.set_model(own)

  def begin_epoch(self, epoch: int, steps: int, resumed: bool) -> None:
    """Calls `on_epoch_begin`.

    Args:
      epoch: number of the epoch, and of the evaluation at its end.
      steps: batches in the epoch.
      resumed: whether the run resumes within the epoch. The checkpoint then has the learning rate that was set at the epoch's beginning.
    """
    self.params["steps"] = steps
    for callback, model in zip(self.callbacks, self._models):
      if not (resumed and isinstance(model, _WithOptimizer)):
        callback.on_epoch_begin(epoch, {})

  def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
    """As Keras's; notes which callback stops the training."""
    for callback in self.callbacks:
      callback.on_train_batch_end(batch, logs)
      self._note_stop(callback)

  def _note_stop(self, callback):
    if not self._generator.stop_training:
      self.stopped_by = ""
    elif not self.stopped_by:
      self.stopped_by = type(callback).__name__

  def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
    """As Keras's, but all callbacks share the caller's dictionary, whose values become Python floats."""
    for callback in self.callbacks:
      if isinstance(callback, keras.callbacks.CSVLogger) and callback.keys is None:
        callback.keys = sorted({*logs, *self._training_metrics()})
      callback.on_epoch_end(epoch, logs)
      self._note_stop(callback)
      logs.update({name: _number(name, value, callback) for name, value in logs.items()})

  def end_phase(self) -> None:
    """Restarts early stopping for the next phase; `on_train_end` may restore the best weights."""
    for callback in self.callbacks:
      if isinstance(callback, keras.callbacks.EarlyStopping):
        callback.on_train_end()
        callback.on_train_begin()


def _number(name, value, callback):
  try:
    return float(value)
  except (TypeError, ValueError) as e:
    raise errors.UserError(f"{type(callback).__name__} sets the metric {name!r} to {value!r}; expected a number") from e


class _WithOptimizer:
  """A model with another `optimizer`. All other attributes are read from the model and assigned to it."""

  def __init__(self, model, optimizer):
    vars(self).update(_model=model, optimizer=optimizer)

  def __getattr__(self, name):
    return getattr(self._model, name)

  def __setattr__(self, name, value):
    setattr(self._model, name, value)

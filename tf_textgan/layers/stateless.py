"""Keras models whose random numbers are a function of a seed: their initial weights, and their dropout."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import random
from typing import Any

import keras
import tensorflow as tf


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
  """Has Keras's initializers and layers without a seed draw theirs, from Python's `random`, as the seed has it; leaves no trace."""
  state = random.getstate()
  random.seed(seed)
  try:
    yield
  finally:
    random.setstate(state)


def call(model: keras.Model, inputs: Any, draw: Callable[[int], tf.Tensor] | None) -> Any:
  """Calls a model, whose dropout is a function of seeds.

  Args:
    model: a Keras model.
    inputs: its inputs.
    draw: function from the number of a seed generator in the model, such as that of a Dropout layer, to its seed, int32 `[2]`; the model then runs
      with `training=True`. Other state, such as moving averages, changes as it does in Keras. None runs it with `training=False`.

  Returns:
    The model's outputs.
  """
  if draw is None:
    return model(inputs, training=False)
  states = [variable for variable in model.variables if variable.name == "seed_generator_state"]
  drawn = [(state, tf.cast(draw(i), state.dtype)) for i, state in enumerate(states)]
  # The scope stands between the layers and their variables: no state of a seed is changed, which a replica may not do.
  with keras.StatelessScope(state_mapping=drawn) as scope:
    outputs = model(inputs, training=True)
  for variable in model.non_trainable_variables:
    value = scope.get_current_value(variable)
    if value is not None and not any(variable is state for state in states):
      variable.assign(value)
  return outputs

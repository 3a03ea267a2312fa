"""Learning-rate schedules of `keras.optimizers.schedules` for the optimizers of any algorithm.

A schedule is a function of its optimizer's `iterations`, which stand in the checkpoints: a resumed run has the same rates as an uninterrupted one.
"""

from collections.abc import Mapping
import dataclasses
from typing import Literal

import keras

from tf_textgan import checks
from tf_textgan import errors

# The optimizers count their steps in 32 bits.
_MOST_STEPS = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Config:
  """How learning rates change. Every optimizer counts its own steps, in whatever phases it makes them."""

  # Learning rates over an optimizer's steps: "constant"; "warmup", which rises linearly from 0 to the rate and stays there; "cosine", which falls
  # along half a cosine, after a warm-up if --warmup_steps is above 0 (https://arxiv.org/abs/1608.03983); "step", which falls at regular intervals.
  learning_rate_schedule: Literal["constant", "warmup", "cosine", "step"] = "constant"
  # Optimizers with this schedule, such as mle_optimizer generator_optimizer; others keep a constant rate. Empty for all.
  scheduled_optimizers: tuple[str, ...] = ()
  # Steps of the warm-up: one number for all, or one for each of --scheduled_optimizers.
  warmup_steps: tuple[int, ...] = (0,)
  # Of "cosine" the steps from the highest to the last rate, of "step" those between two falls: one number for all, or one for each of
  # --scheduled_optimizers.
  decay_steps: tuple[int, ...] = (0,)
  # Of "cosine" the last rate divided by the highest, of "step" the factor at each fall.
  decay_factor: float = 0.1

  def __post_init__(self):
    counts = ("warmup_steps", "decay_steps")
    checks.at_least(self, 0, *counts, "decay_factor")
    checks.at_most(self, _MOST_STEPS, *counts)
    checks.at_most(self, 1, "decay_factor")
    needed = {"warmup": ("warmup_steps",), "cosine": ("decay_steps",), "step": ("decay_steps",)}.get(self.learning_rate_schedule, ())
    for name in counts:
      values = getattr(self, name)
      if len(values) not in {1, len(self.scheduled_optimizers)} - {0}:
        raise errors.UserError(f"{name} has {len(values)} numbers; expected one, or one for each of scheduled_optimizers")
      if name in needed and not all(values):
        raise errors.UserError(f"{name} must be above 0 with learning_rate_schedule {self.learning_rate_schedule}, not {min(values)}")
    if len(set(self.scheduled_optimizers)) < len(self.scheduled_optimizers):
      raise errors.UserError(f"scheduled_optimizers has a name twice: {', '.join(self.scheduled_optimizers)}")


def assign(optimizers: Mapping[str, keras.optimizers.Optimizer], config: Config) -> None:
  """Gives optimizers their schedules, whose highest rate is the one that the optimizer has.

  Args:
    optimizers: name to optimizer, `algorithms.base.Algorithm.optimizers`, before any step and any checkpoint.
    config: `Config`.

  Raises:
    UserError: the config names an optimizer that is not there.
  """
  names = config.scheduled_optimizers or tuple(optimizers)
  for name in names:
    if name not in optimizers:
      raise errors.UserError(f"scheduled_optimizers has {name!r}; this algorithm has {', '.join(optimizers)}")
  if config.learning_rate_schedule == "constant":
    return
  for i, name in enumerate(names):
    warmup_steps, decay_steps = (values[i if len(values) > 1 else 0] for values in (config.warmup_steps, config.decay_steps))
    rate = float(keras.ops.convert_to_numpy(optimizers[name].learning_rate))
    optimizers[name].learning_rate = _schedule(config, rate, warmup_steps, decay_steps)


def changing(optimizers: Mapping[str, keras.optimizers.Optimizer]) -> dict[str, keras.optimizers.Optimizer]:
  """The optimizers that have a schedule: Keras makes no variable of their learning rate."""
  return {name: x for name, x in optimizers.items() if not any(variable.name == "learning_rate" for variable in x.variables)}


def current(optimizers: Mapping[str, keras.optimizers.Optimizer]) -> dict[str, float]:
  """The learning rates of the next steps of optimizers with a schedule, by metric: "learning_rate/mle_optimizer" and so on."""
  return {f"learning_rate/{name}": float(keras.ops.convert_to_numpy(x.learning_rate)) for name, x in changing(optimizers).items()}


def _schedule(config, rate, warmup_steps, decay_steps):
  schedules = keras.optimizers.schedules
  if config.learning_rate_schedule == "warmup":
    return schedules.PolynomialDecay(0.0, warmup_steps, rate)
  if config.learning_rate_schedule == "step":
    return schedules.ExponentialDecay(rate, decay_steps, config.decay_factor, staircase=True)
  if not warmup_steps:
    return schedules.CosineDecay(rate, decay_steps, config.decay_factor)
  return schedules.CosineDecay(0.0, decay_steps, config.decay_factor, warmup_target=rate, warmup_steps=warmup_steps)

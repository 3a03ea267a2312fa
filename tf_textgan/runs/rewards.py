"""Users' rewards: functions from sentences to numbers, added to the discriminator's reward in every policy gradient and every guide."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import registry


class Reward:
  """Turns a function of sentences into a function of tokens.

  Attributes:
    name: `module:function`.
  """

  def __init__(self, name: str, function: Callable[[list[str]], Sequence[float]], weight: float, decode: Callable[[np.ndarray], list[str]]):
    """Args:
    name: for messages.
    function: from N strings to N numbers.
    weight: factor of these numbers.
    decode: function from int arrays `[N, T]` to N strings.
    """
    self.name = name
    self._function = function
    self._weight = weight
    self._decode = decode

  def __call__(self, tokens: tf.Tensor) -> tf.Tensor:
    """Rewards sequences: int32 `[B, T]` to float32 `[B]`. No gradient flows through it, and XLA cannot compile it."""
    return tf.ensure_shape(tf.numpy_function(self._score, [tokens], tf.float32, stateful=False), [tokens.shape[0]])

  def _score(self, tokens):
    sentences = self._decode(tokens)
    try:
      rewards = np.asarray(self._function(sentences))
    except Exception as e:  # The user's code may raise anything.
      raise self._failed(f"raised {type(e).__name__}: {e}") from e
    if rewards.dtype.kind not in "biuf":
      raise self._failed(f"gave {rewards.flat[0]!r}, a {type(rewards.flat[0]).__name__}; expected a number for each sentence")
    rewards = rewards.astype(np.float32)
    if rewards.shape != (len(sentences),):
      raise self._failed(f"gave an array of shape {list(rewards.shape)} for {len(sentences)} sentences; expected a number for each")
    if not np.isfinite(rewards).all():
      worst = int(np.argmin(np.isfinite(rewards)))
      raise self._failed(f"gave {rewards[worst]} for the sentence {sentences[worst]!r}; expected finite numbers")
    return self._weight * rewards

  def _failed(self, problem):
    return errors.UserError(f"the reward {self.name} {problem}")


def add(algorithm: Any, experiment: Any, tokenizer: Any) -> None:
  """Adds an experiment's rewards to its algorithm.

  Args:
    algorithm: `algorithms.base.Algorithm`.
    experiment: `experiment.Experiment`.
    tokenizer: the corpus's tokenizer, to decode tokens.

  Raises:
    UserError: a module or a function does not exist, the numbers of weights and rewards differ, or the algorithm uses no reward.
  """
  choices = experiment.choices
  names, weights = choices.reward, choices.reward_weight or (1.0,) * len(choices.reward)
  if len(weights) != len(names):
    raise errors.UserError(f"there are {len(names)} of --reward but {len(weights)} of --reward_weight; expected as many weights, or none")
  if names and not algorithm.rewarded:
    raise errors.UserError(f"--algorithm {choices.algorithm} has no reward that --reward could be added to; expected one with a policy gradient")
  if names and experiment.loop.jit_compile:
    raise errors.UserError("--reward is Python code, which XLA cannot compile; expected --jit_compile false")
  if choices.reward_mix != "default":
    algorithm.adversary_share = choices.adversary_share if choices.reward_mix == "mean" else None
  elif algorithm.adversary_share is not None:
    algorithm.adversary_share = choices.adversary_share
  if choices.reward_repeats != "default":
    algorithm.penalize_repeats = choices.reward_repeats == "penalize"
  algorithm.extra_rewards += [Reward(name, function(name), weight, tokenizer.decode) for name, weight in zip(names, weights)]


def function(name: str) -> Callable[[list[str]], Sequence[float]]:
  """The function of a name `module:function`; raises a `UserError` if there is none."""
  module_name, _, function_name = name.partition(":")
  if not function_name:
    raise errors.UserError(f"--reward is {name!r}; expected module:function, such as my_package.my_rewards:politeness")
  found = getattr(registry.import_module(module_name), function_name, None)
  if not callable(found):
    raise errors.UserError(f"--reward is {name!r}, but the module {module_name} has no function {function_name}")
  return found

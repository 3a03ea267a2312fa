"""A Keras model that is made of a spec, a `Config` and a seed, so that Keras can save it whole, load it and clone it."""

import dataclasses
import sys
from typing import Any

import keras

from tf_textgan import sequences


class Network(keras.Model):
  """Base of generators and discriminators.

  Keras's configuration of a network is plain JSON: its spec, its `Config` and its seed. With it `model.save("m.keras")`, `keras.models.load_model`,
  `keras.models.clone_model` and `copy.deepcopy` work. Each subclass is registered with Keras under the name of its module, as most classes are called
  the same; to load a file, import that module first.

  Attributes:
    spec: `sequences.Spec` of the sequences.
    config: the `Config` of its module.
    seed: integer, for the initial weights.
  """

  def __init_subclass__(cls, **kwargs):
    super().__init_subclass__(**kwargs)
    package, _, name = f"{cls.__module__}.{cls.__name__}".partition(".")
    keras.saving.register_keras_serializable(package, name)(cls)

  def __init__(self, spec: sequences.Spec, config: Any, seed: int, name: str):
    """Args: spec, config, seed: see the class, whose constructor takes them in this order; name: of the Keras model."""
    super().__init__(name=name)
    self.spec = spec
    self.config = config
    self.seed = seed

  def attachment(self) -> Any:
    """What `attach` has given to the network and its outputs need, as JSON; None for nothing."""
    return None

  def restore_attachment(self, attachment: Any) -> None:
    """Makes good for `attach` in a network that was loaded: takes what `attachment` gave."""

  def get_config(self) -> dict[str, Any]:
    """See the class.

    Raises:
      NotImplementedError: the network is not made of a spec, a `Config` and a seed alone.
    """
    if self.config is None:
      raise NotImplementedError(f"{type(self).__module__}.{type(self).__name__} has no Config; override get_config and from_config to save it")
    return {
      "name": self.name,
      "trainable": self.trainable,
      "dtype": self.dtype_policy.name,
      "spec": _as_json(self.spec),
      "config": _as_json(self.config),
      "seed": self.seed,
      "attachment": self.attachment(),
    }

  @classmethod
  def from_config(cls, config: dict[str, Any]) -> "Network":
    """A new network with the weights of its seed; the `Config` is the one of the class's module."""
    # The process-wide policy only while the layers are made: a library should leave no trace.
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config["dtype"])
    try:
      network = cls(_from_json(sequences.Spec, config["spec"]), _from_json(sys.modules[cls.__module__].Config, config["config"]), config["seed"])
      if config["attachment"] is not None:
        network.restore_attachment(config["attachment"])
    finally:
      keras.config.set_dtype_policy(before)
    network.name = config["name"]
    if not config["trainable"]:
      network.trainable = False
    return network


def _as_json(value):
  fields = dataclasses.asdict(value).items()
  return {name: list(part) if isinstance(part, tuple) else part for name, part in fields}


def _from_json(cls, values):
  # JSON has no tuples.
  return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})

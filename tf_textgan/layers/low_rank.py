"""Low-rank updates of pretrained weights: Hu et al., https://arxiv.org/abs/2106.09685."""

from typing import Any


def add(backbone: Any, rank: int) -> None:
  """Adds low-rank updates to the queries and values of a backbone of KerasHub, and trains nothing else."""
  backbone.enable_lora(rank)
  for variable in backbone.trainable_variables:
    # KerasHub would train the biases of these layers, too.
    variable.trainable = variable.name.startswith("lora_")

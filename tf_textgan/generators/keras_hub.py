"""A pretrained language model of KerasHub, keras_hub:PRESET_OR_FOLDER: GPT-2, OPT, Llama and the first Gemma.

The run has the preset's tokenizer (`data/tokenizers/keras_hub.py`) and begins with its weights. Teacher forcing is KerasHub's own forward pass, and
single steps are those of `layers.hub_decoder`. With `lora_rank` r, the projections to queries and values are W + A B, with A of r columns and B of r
rows, which alone are trained: Hu et al., https://arxiv.org/abs/2106.09685.
"""

import dataclasses
from typing import Any
from typing import ClassVar
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import presets
from tf_textgan import sequences
from tf_textgan.generators import base
from tf_textgan.layers import hub_decoder
from tf_textgan.layers import low_rank
from tf_textgan.layers import own_ids
from tf_textgan.layers import stateless
from tf_textgan.layers import transformer
from tf_textgan.sampling import noise
from tf_textgan.sampling import unrolling


@dataclasses.dataclass(frozen=True)
class Config:
  """The model, and what of it is trained."""

  # Name of a KerasHub preset, downloaded when first used, or a folder that KerasHub or transformers has saved. --generator keras_hub:PRESET sets it.
  preset: str = ""
  # Rank of low-rank updates (LoRA) of the attention's queries and values, which alone are trained; 0 trains all weights.
  lora_rank: int = 0
  # Dropout rate in maximum-likelihood training, in place of the preset's.
  dropout: float = 0.0

  # There is no latent.
  latent_size: ClassVar[int] = 0

  def __post_init__(self):
    checks.at_least(self, 0, "lora_rank")
    checks.at_most(self, checks.LARGEST_SIZE, "lora_rank")
    checks.share(self, "dropout")


class State(NamedTuple):
  """The state before a token is picked.

  Attributes:
    caches: for each block the keys and values of the inputs so far.
    position: int32 `[B]`, inputs read so far.
  """

  caches: list[transformer.Cache]
  position: tf.Tensor


class Generator(base.Autoregressive):
  """See the module.

  Attributes:
    backbone: KerasHub's model.
    inverse_temperature: scalar variable that multiplies the inputs of the output layer; not trained.
  """

  compilable = False
  # As far as the preset has positions.
  any_length = True

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Loads the model. `seed` determines the initial values of low-rank updates.

    Raises:
      UserError: see `presets.backbone`; or the model is of another kind.
    """
    super().__init__(spec, config, seed)
    who = f"the generator {presets.name_of(config.preset)}"
    settings = {"dropout": config.dropout, "dtype": keras.config.dtype_policy()}
    with stateless.seeded(seed):
      self.backbone, special = presets.backbone(who, config.preset, spec.vocab_size - own_ids.COUNT, spec.length, **settings)
      self._decoder = presets.load(who, "a causal language model", hub_decoder.of, self.backbone)
      if config.lora_rank:
        low_rank.add(self.backbone, config.lora_rank)
    self._ids = own_ids.OwnIds(spec.vocab_size, special)
    self.inverse_temperature = self.add_weight((), "ones", trainable=False, name="inverse_temperature")
    self._excluded = spec.exclusion()
    self.built = True

  @property
  def rows_together(self) -> int:
    """See the base class."""
    decoder = self._decoder
    return min(super().rows_together, transformer.rows_cached(self.spec.length, decoder.depth, decoder.groups, decoder.head_size))

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> State:
    num = tf.shape(latent)[0]
    return State(self._decoder.empty(num, self.spec.length, self.compute_dtype), tf.zeros([num], tf.int32))

  def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
    # A row that has read all positions, beside others that have not, goes on at the last one: nobody asks for its tokens.
    at = tf.minimum(state.position, self.spec.length - 1)
    x, caches = self._decoder.step(self._embed(inputs), state.caches, at)
    logits = self._ids.widen(self._decoder.logits(self._scaled(x)))
    return logits + tf.cast(self._excluded, logits.dtype), State(caches, state.position + 1)

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    ids = self._ids.of(self._inputs(tokens))
    # Padding stands at the end, where nothing that counts attends to it.
    inputs = {"token_ids": ids, "padding_mask": tf.ones_like(ids)}
    return self._scaled(stateless.call(self.backbone, inputs, None if seed is None else lambda i: noise.fold(seed, "keras", i)))

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    return self._ids.widen(self._cast(self._decoder.kernel)), tf.cast(self._excluded, self.compute_dtype)

  def output_variables(self) -> list[keras.Variable]:
    return [self.inverse_temperature]

  def stacked(self, state: State) -> tuple[()]:
    return ()  # The last cache has the others in it.

  def state_at(self, history: unrolling.History, positions: tf.Tensor, rows: tf.Tensor | None = None) -> State:
    return State([cache.at(positions, rows) for cache in history.last.caches], positions)

  def prefill(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None) -> unrolling.History:
    """Reads tokens, int32 `[B, T]`, in one pass: the same history as from sampling them."""
    caches = [cache.extended(self.spec.length) for cache in self._decoder.read(self._embed(self._inputs(tokens)))]
    return unrolling.History((), State(caches, tf.fill([tf.shape(tokens)[0]], tokens.shape[1])))

  def _embed(self, inputs):
    return self._ids.embed(inputs, self._cast(self._decoder.table))

  def _scaled(self, x):
    return self._cast(x) * self._cast(self.inverse_temperature)

  def _cast(self, x: Any) -> tf.Tensor:
    return tf.cast(tf.convert_to_tensor(x), self.compute_dtype)

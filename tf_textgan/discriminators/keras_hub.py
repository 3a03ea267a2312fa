"""A pretrained encoder or decoder of KerasHub with a score, keras_hub:PRESET_OR_FOLDER: BERT and its kin, GPT-2 and its kin.

The run has the preset's tokenizer (`data/tokenizers/keras_hub.py`). With h_0..h_T the backbone's outputs after the start token and x_1..x_T, over the
tokens that are no padding:

  score(x) = w . mean of h_1..h_T + c.

Departure from BERT's own classifiers, which read the output of the start token: a decoder's sees nothing of the text. Low ranks are those of the
generator `keras_hub`.
"""

import dataclasses

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import presets
from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.layers import low_rank
from tf_textgan.layers import own_ids
from tf_textgan.layers import stateless
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """The model, and what of it is trained."""

  # Name of a KerasHub preset, downloaded when first used, or a folder that KerasHub or transformers has saved; --discriminator keras_hub:PRESET
  # sets it.
  preset: str = ""
  # Rank of low-rank updates (LoRA) of the attention's queries and values, which alone are trained beside the score; 0 trains all weights.
  lora_rank: int = 0
  # Dropout rate of the model, in place of the preset's, and of the mean.
  dropout: float = 0.1

  def __post_init__(self):
    checks.at_least(self, 0, "lora_rank")
    checks.at_most(self, checks.LARGEST_SIZE, "lora_rank")
    checks.share(self, "dropout")


class Discriminator(base.Discriminator, base.Features):
  """See the module.

  Attributes:
    first: KerasHub's layer that embeds ids, and positions in some models.
    model: the rest of KerasHub's model, from embedded tokens on.
  """

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Loads the model. `seed` determines the initial values of the score and of low-rank updates.

    Raises:
      UserError: see `presets.backbone`; or the model reads something else than one text.
    """
    super().__init__(spec, config, seed)
    who = f"the discriminator {presets.name_of(config.preset)}"
    settings = {"dropout": config.dropout, "dtype": keras.config.dtype_policy()}
    with stateless.seeded(seed):
      # The start token is read beside the sequence.
      backbone, special = presets.backbone(who, config.preset, spec.vocab_size - own_ids.COUNT, spec.length + 1, **settings)
      if config.lora_rank:
        low_rank.add(backbone, config.lora_rank)
    self.first, self.model, self._others = presets.load(who, "a model of one text with a padding mask", _parted, backbone)
    self.score = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=seed), dtype="float32", name="score")
    self.score.build((None, backbone.hidden_dim))
    self.dropout = config.dropout
    self._ids = own_ids.OwnIds(spec.vocab_size, special)
    self.built = True

  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    return self.score(self.features(inputs, context=context, seed=seed))[:, 0]

  def features(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """See `base.Features`."""
    del context
    mask = self.mask(inputs)
    # The start token counts, too. Points are padding where most of their mass is.
    seen = tf.cast(tf.concat([tf.ones_like(mask[:, :1]), mask], axis=1) >= 0.5, tf.int32)
    # BERT's input of segments is all zeros, for a single text.
    others = [seen if name == "padding_mask" else tf.zeros_like(seen) for name in self._others]
    outputs = stateless.call(self.model, [self._embed(inputs), *others], None if seed is None else lambda i: noise.fold(seed, "keras", i))
    total = tf.reduce_sum(tf.cast(outputs, tf.float32)[:, 1:] * mask[:, :, None], axis=1)
    mean = total / tf.maximum(tf.reduce_sum(mask, axis=1, keepdims=True), 1.0)
    return mean if seed is None or not self.dropout else noise.dropout(mean, self.dropout, noise.fold(seed, "features"))

  def _embed(self, inputs):
    """Embeds the start token and ids `[B, T]` or points `[B, T, V]`: `[B, T + 1, E]`."""
    layer = getattr(self.first, "token_embedding", self.first)
    table = tf.cast(tf.convert_to_tensor(layer.embeddings), self.compute_dtype)
    start = self._ids.embed(tf.fill([tf.shape(inputs)[0], 1], self.spec.start_token), table)
    embedded = tf.concat([start, self._ids.embed(inputs, table)], axis=1)
    return embedded + self.first.position_embedding(embedded) if layer is not self.first else embedded


def _parted(backbone):
  """The layer that embeds ids, a model of embeddings and the backbone's other inputs, and the names of these. Raises a `ValueError`."""
  names = sorted(backbone.input) if isinstance(backbone.input, dict) else []
  if names not in (["padding_mask", "token_ids"], ["padding_mask", "segment_ids", "token_ids"]):
    raise ValueError(f"its inputs are {', '.join(names)}")
  others = [name for name in names if name != "token_ids"]
  if not getattr(backbone.token_embedding, "tie_weights", True):
    backbone.token_embedding.reverse_embeddings.trainable = False  # An output layer, which is not used.
  first = getattr(backbone, "embeddings", backbone.token_embedding)
  output = backbone.output["sequence_output"] if isinstance(backbone.output, dict) else backbone.output
  return first, keras.Model([first.output, *(backbone.input[name] for name in others)], output), others

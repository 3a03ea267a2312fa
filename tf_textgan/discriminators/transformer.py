"""A transformer discriminator: bidirectional, or with causal attention in `causal_transformer`. It may begin as the generator's transformer.

With h_0..h_T the outputs of the blocks (`layers.transformer`) after the start token and x_1..x_T, over the tokens that are no padding:

  score(x) = w . mean of norm(h_1)..norm(h_T) + c.
"""

from collections.abc import Mapping
import dataclasses
import itertools
from typing import ClassVar

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.layers import transformer
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of the generator `transformer`."""

  # Size of a token's embedding and of all vectors between the blocks; a multiple of twice the heads.
  embedding_size: int = 256
  # Blocks of attention and feed-forward network.
  layers: int = 4
  # Attention heads.
  heads: int = 4
  # Heads of keys and values, each for an equal share of the heads.
  key_value_heads: int = 1
  # Size of the feed-forward networks' hidden layers.
  feedforward_size: int = 1024
  # Dropout rate of the embeddings, of what each block adds, and of the mean.
  dropout: float = 0.1
  # Begin as the generator's transformer, whose sizes must be the same, instead of random weights.
  from_generator: bool = False
  # Compute the blocks again in the backward pass rather than keep their activations: less memory, up to a third more time.
  rematerialize: bool = False

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "layers", "heads", "key_value_heads", "feedforward_size")
    checks.at_most(self, checks.MOST_PARTS, "layers", "heads")
    checks.share(self, "dropout")
    checks.multiple(self, "embedding_size", 2 * self.heads, "twice the heads")
    checks.multiple(self, "heads", self.key_value_heads, "key_value_heads")


class Discriminator(base.Discriminator, base.Features):
  """See the module.

  Attributes:
    causal: whether a token's output depends on the tokens up to it only.
    embedding: variable `[V, E]`.
    blocks: the layers, the first one first.
    output_scale: variable `[E]`, scale of the last norm.
  """

  causal: ClassVar[bool] = False
  reads_sources = True

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    seeds, size = itertools.count(seed * 100), config.embedding_size
    initializer = keras.initializers.RandomNormal(0.0, size**-0.5, seed=next(seeds))
    self.embedding = self.add_weight((spec.vocab_size, size), initializer, name="embedding")
    self.output_scale = self.add_weight((size,), "ones", name="output_scale")
    self.blocks = transformer.blocks(config, seeds)
    self.score = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)), dtype="float32", name="score")
    self.score.build((None, size))
    self.dropout = config.dropout
    self._generator = lambda: None
    self.built = True

  def attach(self, networks: Mapping[str, keras.Model]) -> None:
    """See the base class. With `from_generator` the generator must be a transformer of the same sizes."""
    if not self.config.from_generator:
      return
    generator = networks["generator"]
    name = registry.name_of(generator)
    if not all(isinstance(block, transformer.Block) for block in getattr(generator, "blocks", [None])):
      raise errors.UserError(f"with from_generator the discriminator begins as its generator's transformer, which {name} has not")
    for size in transformer.SIZES:
      ours, theirs = getattr(self.config, size), getattr(generator.config, size)
      if ours != theirs:
        raise errors.UserError(f"with from_generator the discriminator's {size} must be the generator's, {theirs}, not {ours}")
    # In a function: see `generators.base`.
    self._generator = lambda: generator

  def begin(self) -> None:
    """With `from_generator`, copies the generator's embedding, blocks and last norm."""
    if not self.config.from_generator:
      return
    generator = self._generator()
    embedding = tf.convert_to_tensor(generator.embedding)
    if generator.category_embedding is not None:
      # The discriminator does not read the category: the mean over all categories takes its place.
      embedding += tf.reduce_mean(tf.convert_to_tensor(generator.category_embedding), axis=0)
    self.embedding.assign(embedding)
    self.output_scale.assign(generator.output_scale)
    for ours, theirs in zip(self.blocks, generator.blocks, strict=True):
      for variable, value in zip(ours.variables, theirs.variables, strict=True):
        variable.assign(value)

  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    return self.score(self.features(inputs, context=context, seed=seed))[:, 0]

  def features(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """See `base.Features`."""
    mask = self.mask(inputs)[:, :, None]
    total = tf.reduce_sum(self._outputs(inputs, mask, seed, context) * mask, axis=1)
    return self._drop(total / tf.maximum(tf.reduce_sum(mask, axis=1), 1.0), seed, "features")

  def _outputs(self, inputs, mask, seed, context=None):
    """Norms of the last block's outputs after each token, float32 `[B, T, E]`; `mask` is `[B, T, 1]`. A source stands before the start token."""
    table = tf.cast(tf.convert_to_tensor(self.embedding), self.compute_dtype)
    x = self._embed(inputs, table)
    length = x.shape[1]
    angles = transformer.rotation(length, self.blocks[0].head_size)
    # The start token counts, too. Points are padding where most of their mass is.
    counts = tf.concat([tf.ones_like(mask[:, :1]), mask], axis=1)[:, None, None, :, 0] >= 0.5
    seen = transformer.causal(length) if self.causal else tf.repeat(counts, length, axis=2)

    if self.spec.source_length:
      prefix = transformer.Prefix(self.spec.mask(context) > 0.0)
      x = tf.concat([base.embed(context, table), x], axis=1)
      seen, angles = prefix.seen(seen), prefix.rotation(length, self.blocks[0].head_size)
    x = self._drop(x * tf.cast(self.config.embedding_size**0.5, x.dtype), seed, "inputs")

    def drop(i):
      return lambda x, purpose: self._drop(x, seed, f"{purpose}_{i}")

    for i, block in enumerate(self.blocks):
      x, _ = block.read(x, angles, seen, drop(i), self.config.rematerialize)
    return tf.cast(transformer.norm(x, tf.convert_to_tensor(self.output_scale))[:, 1 - length :], tf.float32)

  def _embed(self, inputs, table):
    """Embeds the start token and ids `[B, T]` or points `[B, T, V]`: `[B, T + 1, E]`."""
    start = tf.tile(table[None, self.spec.start_token : self.spec.start_token + 1], [tf.shape(inputs)[0], 1, 1])
    return tf.concat([start, base.embed(inputs, table)], axis=1)

  def _drop(self, x, seed, purpose):
    return x if seed is None or not self.dropout else noise.dropout(x, self.dropout, noise.fold(seed, purpose))

"""A transformer language model, decoder only: pre-norm, rotary positions, a cache of keys and values; see `layers.transformer`.

Tokens are embedded, scaled by sqrt(E) as in https://arxiv.org/abs/1706.03762, and pass all blocks; the output layer reads a last norm. A category has
a vector and the latent a linear map, which are added to every embedding. A source stands before the sequence and is read in both directions
(a prefix, https://arxiv.org/abs/1910.10683, section 3.2.1); it needs no weights of its own.
"""

import dataclasses
import itertools
from typing import Any
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.generators import base
from tf_textgan.layers import lookup
from tf_textgan.layers import transformer
from tf_textgan.sampling import noise
from tf_textgan.sampling import unrolling


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes for two processor cores."""

  # Size of a token's embedding and of all vectors between the blocks; a multiple of twice the heads.
  embedding_size: int = 256
  # Blocks of attention and feed-forward network.
  layers: int = 4
  # Attention heads.
  heads: int = 4
  # Heads of keys and values, each for an equal share of the heads. 1 makes generation cheapest; as many as heads is the first transformer's.
  key_value_heads: int = 1
  # Size of the feed-forward networks' hidden layers.
  feedforward_size: int = 1024
  # Dropout rate of the embeddings and of what each block adds, in maximum-likelihood training.
  dropout: float = 0.1
  # Size of the latent z; 0 for none.
  latent_size: int = 0
  # Use the embeddings as the weights of the output layer (https://arxiv.org/abs/1608.05859).
  tied: bool = True
  # Compute the blocks again in the backward pass rather than keep their activations: less memory, up to a third more time.
  rematerialize: bool = False

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "layers", "heads", "key_value_heads", "feedforward_size")
    checks.at_least(self, 0, "latent_size")
    checks.at_most(self, checks.LARGEST_SIZE, "latent_size")
    checks.at_most(self, checks.MOST_PARTS, "layers", "heads")
    checks.share(self, "dropout")
    checks.multiple(self, "embedding_size", 2 * self.heads, "twice the heads")
    checks.multiple(self, "heads", self.key_value_heads, "key_value_heads")


class State(NamedTuple):
  """The state before a token is picked.

  Attributes:
    caches: for each block the keys and values of the source, if there is one, and of the inputs so far.
    position: int32 `[B]`, inputs read so far.
    shown: float `[B, E]`, what is added to every embedding; empty without latent and categories.
    prefix: `transformer.Prefix` of the source; empty without.
  """

  caches: list[transformer.Cache]
  position: tf.Tensor
  shown: Any
  prefix: Any = ()


class Generator(base.Autoregressive):
  """See the module.

  Attributes:
    embedding: variable `[V, E]`.
    blocks: the layers, the first one first.
    output_scale: variable `[E]`, scale of the last norm.
    output_kernel: variable `[E, V]`; None if the output is tied.
  """

  conditional = True
  any_length = True
  reads_sources = True
  compilable = False

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    seeds, size = itertools.count(seed * 100), config.embedding_size

    def weight(name, *shape):
      return self.add_weight(shape, keras.initializers.RandomNormal(0.0, size**-0.5, seed=next(seeds)), name=name)

    self.embedding = weight("embedding", spec.vocab_size, size)
    self.output_scale = self.add_weight((size,), "ones", name="output_scale")
    self.output_kernel = None if config.tied else weight("output_kernel", size, spec.vocab_size)
    self.category_embedding = weight("category_embedding", len(spec.categories), size) if spec.categories else None
    self.latent_kernel = weight("latent_kernel", config.latent_size, size) if config.latent_size else None
    self.blocks = transformer.blocks(config, seeds)
    self.dropout = config.dropout
    self._angles = transformer.rotation(spec.length, size // config.heads)
    # Added to the logits; None if no token is excluded, which saves a pass over them.
    self._excluded = spec.exclusion() if spec.forbidden_tokens else None
    self.built = True

  @property
  def rows_together(self) -> int:
    """See the base class. Long sequences and large networks have large caches."""
    block, length = self.blocks[0], self.spec.source_length + self.spec.length
    return min(super().rows_together, transformer.rows_cached(length, len(self.blocks), block.groups, block.head_size))

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> State:
    num, shown = tf.shape(latent)[0], self._shown(latent, context)
    if self.spec.source_length:
      return self._history(context[:, :0], shown, context).last
    return State([block.empty(num, self.spec.length) for block in self.blocks], tf.zeros([num], tf.int32), shown)

  def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
    # A row that has read all positions, beside others that have not, goes on at the last one: nobody asks for its tokens.
    at = self._place(tf.minimum(state.position, self.spec.length - 1), state.prefix)
    x, caches = self._embed(inputs, state.shown), []
    for block, cache in zip(self.blocks, state.caches):
      x, cache = block.step(x, cache, at)
      caches.append(cache)
    return self._logits(self._last_norm(x)), state._replace(caches=caches, position=state.position + 1)

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    return self._last_norm(self._read(self._inputs(tokens), self._shown(latent, context), seed, context)[0])

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    kernel = tf.transpose(self._cast(self.embedding)) if self.output_kernel is None else self._cast(self.output_kernel)
    return kernel, tf.cast(self.spec.exclusion(), self.compute_dtype)

  def output_variables(self) -> list[keras.Variable]:
    return [self.output_scale]

  def stacked(self, state: State) -> tuple[()]:
    return ()  # The last cache has the others in it.

  def state_at(self, history: unrolling.History, positions: tf.Tensor, rows: tf.Tensor | None = None) -> State:
    caches, _, *kept = history.last
    if rows is not None:
      kept = tf.nest.map_structure(lambda x: tf.gather(x, rows), kept)
    read = positions + self._before(history.last.prefix)
    return State([cache.at(read, rows) for cache in caches], positions, *kept)

  def prefill(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None) -> unrolling.History:
    """Reads tokens, int32 `[B, T]`, in one pass: the same history as from sampling them."""
    return self._history(self._inputs(tokens), self._shown(latent, context), context)

  def _history(self, inputs, shown, context):
    _, caches = self._read(inputs, shown, None, context)
    prefix = self._prefix(context)
    caches = [cache.extended(self._before(prefix) + self.spec.length) for cache in caches]
    return unrolling.History((), State(caches, tf.fill([tf.shape(inputs)[0]], inputs.shape[1]), shown, prefix))

  def _prefix(self, context):
    return transformer.Prefix(self.spec.mask(context) > 0.0) if self.spec.source_length else ()

  def _before(self, prefix):
    """Entries of the caches before the first input."""
    return prefix.size if prefix else 0

  def _place(self, positions, prefix):
    groups = self.config.key_value_heads
    if not prefix:
      return transformer.place(positions, self._angles, groups)
    places = positions + prefix.size
    angles = transformer.rotation(prefix.size + self.spec.length, self.blocks[0].head_size)
    at = transformer.place(places, angles, groups)
    after = tf.shape(at.hidden)[-1] - prefix.size
    return at._replace(
      rotation=angles.at(places - prefix.padding), hidden=at.hidden + tf.pad(prefix.hidden, [[0, 0], [0, after]])[:, None, None]
    )

  def _read(self, inputs, shown, seed, context):
    """Outputs of the last block at all inputs, `[B, T, E]`, and the caches."""

    def drop(i):
      return lambda x, purpose: self._drop(x, seed, f"{purpose}_{i}")

    # Sequences may have another length than those of the spec.
    length, prefix = inputs.shape[1], self._prefix(context)
    mask, angles = transformer.causal(length), transformer.rotation(length, self.blocks[0].head_size)
    if prefix:
      inputs, mask, angles = tf.concat([context, inputs], axis=1), prefix.seen(mask), prefix.rotation(length, self.blocks[0].head_size)
    x, caches = self._embed(inputs, shown[:, None] if self._has_shown else ()), []
    x = self._drop(x, seed, "inputs")
    for i, block in enumerate(self.blocks):
      x, cache = block.read(x, angles, mask, drop(i), self.config.rematerialize)
      caches.append(cache)
    return x[:, self._before(prefix) :], caches

  @property
  def _has_shown(self):
    return self.latent_kernel is not None or self.category_embedding is not None

  def _shown(self, latent, context):
    """What latent and context add to every embedding: `[B, E]`; empty for nothing."""
    parts = [] if self.latent_kernel is None else [tf.matmul(tf.cast(latent, self.compute_dtype), self._cast(self.latent_kernel))]
    if self.category_embedding is not None:
      parts.append(lookup.rows(self._cast(self.category_embedding), context))
    return self._scaled(tf.add_n(parts)) if parts else ()

  def _embed(self, inputs, shown):
    """Embeds ids or points; `shown` as of `State`, with the axes of the embeddings."""
    embedded = self._scaled(lookup.embed(inputs, self._cast(self.embedding)))
    return embedded + shown if self._has_shown else embedded

  def _scaled(self, x):
    return x * tf.cast(self.config.embedding_size**0.5, x.dtype)

  def _last_norm(self, x):
    return transformer.norm(x, self._cast(self.output_scale))

  def _logits(self, outputs):
    tied = self.output_kernel is None
    # Not `likelihood.logits`: copying such a large kernel costs more than a pass over the logits.
    logits = tf.matmul(outputs, self._cast(self.embedding if tied else self.output_kernel), transpose_b=tied)
    return logits if self._excluded is None else logits + tf.cast(self._excluded, logits.dtype)

  def _drop(self, x, seed, purpose):
    return x if seed is None or not self.dropout else noise.dropout(x, self.dropout, noise.fold(seed, purpose))

  def _cast(self, variable):
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)

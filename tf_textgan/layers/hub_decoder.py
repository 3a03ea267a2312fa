"""The blocks of KerasHub's decoders (GPT-2, OPT, Llama, Gemma) with a position for each row, and the cache of `layers.transformer`.

KerasHub's own cached decoding has one position for all rows, and rollouts need one for each. The layers that have weights are KerasHub's, so that low
ranks and dtypes are theirs; the attention between them is ours. They have no public names.

B batch, T time, E size of the vectors, D size of a head, N heads, G heads of keys and values, U rows of the table of embeddings.
"""

import abc
from typing import Any

import keras
import tensorflow as tf

from tf_textgan.layers import transformer


class Decoder(abc.ABC):
  """Reads embedded tokens: all at once, or one of each row.

  Attributes:
    groups: G.
    head_size: D.
    depth: number of blocks.
  """

  heads: int
  groups: int
  head_size: int

  def __init__(self, backbone: Any):
    """Args: backbone: of KerasHub, of the class that the subclass is for."""
    self._backbone = backbone
    self._blocks = backbone.transformer_layers
    self.depth = len(self._blocks)

  @property
  def table(self) -> tf.Tensor:
    """The embeddings of all ids, float32 `[U, E]`."""
    return tf.convert_to_tensor(self._backbone.token_embedding.embeddings)

  @property
  def kernel(self) -> tf.Tensor:
    """The kernel of the output layer, float32 `[E, U]`."""
    layer = self._backbone.token_embedding
    return tf.transpose(self.table) if layer.tie_weights else tf.convert_to_tensor(layer.reverse_embeddings)

  def logits(self, outputs: tf.Tensor) -> tf.Tensor:
    """The output layer: float `[B, E]` to `[B, U]`. The kernel is not transposed, which would copy it."""
    tied = self._backbone.token_embedding.tie_weights
    return tf.matmul(outputs, tf.cast(self.table if tied else self.kernel, outputs.dtype), transpose_b=tied)

  @abc.abstractmethod
  def _place(self, x, positions):
    """Inputs of the first block: embeddings `[B, T, E]` at positions, int32 `[B, T]` or `[1, T]`."""

  @abc.abstractmethod
  def _project(self, block, x, positions):
    """Queries `[B, T, N, D]`, scaled, keys and values `[B, T, G, D]`, of a block's inputs `[B, T, E]`."""

  @abc.abstractmethod
  def _finish(self, block, x, attended):
    """A block's outputs `[B, T, E]`, from its inputs and the values that its heads attend to, `[B, T, N, D]`."""

  def empty(self, num: tf.Tensor, length: int, dtype: str) -> list[transformer.Cache]:
    """The caches before the first position."""
    shape = [num, self.groups, length, self.head_size]
    return [transformer.Cache(tf.zeros(shape, dtype), tf.zeros(shape, dtype)) for _ in self._blocks]

  def read(self, x: tf.Tensor) -> list[transformer.Cache]:
    """Reads embeddings, float `[B, T, E]`, from the first position on: the caches of T positions."""
    length = x.shape[1]
    positions = tf.range(length)[None]
    hidden = tf.where(transformer.causal(length), 0.0, transformer.HIDDEN)
    x, caches = self._place(x, positions), []
    for block in self._blocks:
      queries, keys, values = self._project(block, x, positions)
      cache = transformer.Cache(*(tf.transpose(part, [0, 2, 1, 3]) for part in (keys, values)))
      x = self._finish(block, x, self._attended(queries, cache, hidden))
      caches.append(cache)
    return caches

  def step(self, x: tf.Tensor, caches: list[transformer.Cache], positions: tf.Tensor) -> tuple[tf.Tensor, list[transformer.Cache]]:
    """Reads one embedding of each row, given the caches of those before it. XLA cannot compile it.

    Args:
      x: float `[B, E]`.
      caches: one for each block.
      positions: int32 `[B]`.

    Returns:
      Inputs of the output layer, float `[B, E]`, and the caches with the positions' keys and values.
    """
    at = transformer.place(positions, None, self.groups)
    positions = positions[:, None]
    x, after = self._place(x[:, None], positions), []
    for block, cache in zip(self._blocks, caches):
      queries, keys, values = self._project(block, x, positions)
      cache = cache.written(at, keys[:, 0], values[:, 0])
      so_far = transformer.Cache(*(part[:, :, : tf.shape(at.hidden)[-1]] for part in cache))
      x = self._finish(block, x, self._attended(queries, so_far, at.hidden))
      after.append(cache)
    return self._backbone.layer_norm(x)[:, 0], after

  def _attended(self, queries, cache, hidden):
    """Values that queries `[B, T, N, D]` attend to, of the same shape; `hidden` is float32 `[T, S]` or `[B, 1, 1, S]`."""
    length, repeats = queries.shape[1], self.heads // self.groups
    # The queries of a group are rows of one product.
    grouped = tf.transpose(tf.reshape(queries, [-1, length, self.groups, repeats, self.head_size]), [0, 2, 3, 1, 4])
    grouped = tf.reshape(grouped, [-1, self.groups, repeats * length, self.head_size])
    hidden = tf.tile(hidden, [repeats, 1]) if hidden.shape.rank == 2 else hidden
    found = tf.reshape(transformer.attend(grouped, cache.keys, cache.values, hidden), [-1, self.groups, repeats, length, self.head_size])
    return tf.reshape(tf.transpose(found, [0, 3, 1, 2, 4]), [-1, length, self.heads, self.head_size])


class Learned(Decoder):
  """GPT-2 and OPT: positions have embeddings."""

  def __init__(self, backbone: Any):
    super().__init__(backbone)
    self.heads = self.groups = backbone.num_heads
    self.head_size = backbone.hidden_dim // backbone.num_heads
    self._positions = getattr(backbone, "embeddings", backbone).position_embedding

  def _place(self, x, positions):
    return x + self._positions(x, positions=positions)

  def _project(self, block, x, positions):
    attention, normed = block._self_attention_layer, block._self_attention_layer_norm(x)
    queries, keys, values = (layer(normed) for layer in (attention._query_dense, attention._key_dense, attention._value_dense))
    return queries * tf.cast(self.head_size**-0.5, queries.dtype), keys, values

  def _finish(self, block, x, attended):
    x = x + block._self_attention_layer._output_dense(attended)
    inner = block._feedforward_intermediate_dense(block._feedforward_layer_norm(x))
    return x + block._feedforward_output_dense(inner)


class Llama(Decoder):
  """Rotary positions, a gated feed-forward network."""

  def __init__(self, backbone: Any):
    super().__init__(backbone)
    self.heads, self.groups = backbone.num_query_heads, backbone.num_key_value_heads
    self.head_size = backbone.hidden_dim // backbone.num_query_heads

  def _place(self, x, positions):
    return x

  def _project(self, block, x, positions):
    attention, normed = block._self_attention_layer, block._self_attention_layernorm(x)
    queries, keys = (attention.rotary_embedding_layer(layer(normed), positions=positions) for layer in (attention._query_dense, attention._key_dense))
    return queries * tf.cast(self.head_size**-0.5, queries.dtype), keys, attention._value_dense(normed)

  def _finish(self, block, x, attended):
    x = x + block._self_attention_layer._output_dense(attended)
    normed = block._feedforward_layernorm(x)
    # In float32, as KerasHub does.
    gate = block.activation(tf.cast(block._feedforward_gate_dense(normed), tf.float32))
    return x + block._feedforward_output_dense(block._feedforward_intermediate_dense(normed) * tf.cast(gate, x.dtype))


class Gemma(Decoder):
  """Rotary positions, heads of any size, embeddings scaled by sqrt(E). The first Gemma only: the second one's logits are no linear function."""

  def __init__(self, backbone: Any):
    super().__init__(backbone)
    if backbone.final_logit_soft_cap or backbone.attention_logit_soft_cap or backbone.use_sliding_window_attention:
      raise ValueError("it is a Gemma 2, whose logits are capped, and not a first Gemma")
    self.heads, self.groups, self.head_size = backbone.num_query_heads, backbone.num_key_value_heads, backbone.head_dim

  def _place(self, x, positions):
    return x * tf.cast(self._backbone.hidden_dim**0.5, x.dtype)

  def _project(self, block, x, positions):
    attention, normed = block.attention, block.pre_attention_norm(x)
    queries, keys = (attention._apply_rope(layer(normed), 0, positions=positions) for layer in (attention.query_dense, attention.key_dense))
    return queries * tf.cast(self.head_size**-0.5, queries.dtype), keys, attention.value_dense(normed)

  def _finish(self, block, x, attended):
    x = x + block.attention.output_dense(attended)
    normed = block.pre_ffw_norm(x)
    return x + block.ffw_linear(keras.activations.gelu(block.gating_ffw(normed), approximate=True) * block.gating_ffw_2(normed))


_KINDS = {"GPT2Backbone": Learned, "OPTBackbone": Learned, "LlamaBackbone": Llama, "GemmaBackbone": Gemma}


def of(backbone: Any) -> Decoder:
  """The decoder that a backbone of KerasHub is; raises a `ValueError` for other kinds."""
  kind = type(backbone).__name__
  if kind not in _KINDS:
    raise ValueError(f"it is KerasHub's {kind}, none of {', '.join(_KINDS)}")
  return _KINDS[kind](backbone)

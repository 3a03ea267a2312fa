"""Rows of an embedding table, with gradients that are summed in float32."""

import tensorflow as tf


def rows(table: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
  """Looks up rows: `tf.gather(table, ids)`.

  The gradient of a row is a sum over its occurrences, which may be thousands in a batch. In bfloat16 such a sum stops growing early: it is taken in
  float32.

  Args:
    table: float `[V, E]`.
    ids: int32 `[...]`.

  Returns:
    float `[..., E]`, of the table's dtype.
  """
  return tf.gather(table, ids) if table.dtype == tf.float32 else _rows(table, ids)


def embed(inputs: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
  """Embeds ids int32 `[...]`, or points float `[N, V]`, whose dtype becomes the table's: `[..., E]` or `[N, E]`."""
  return rows(table, inputs) if inputs.dtype.is_integer else tf.matmul(tf.cast(inputs, table.dtype), table)


@tf.custom_gradient
def _rows(table, ids):
  def gradient(upstream):
    upstream = tf.cast(tf.reshape(upstream, [-1, table.shape[1]]), tf.float32)
    return tf.cast(tf.math.unsorted_segment_sum(upstream, tf.reshape(ids, [-1]), table.shape[0]), table.dtype), None

  return tf.gather(table, ids), gradient

"""How well a generator that encodes gives text back: `generators.base.Encodes` on held-out sequences."""

import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.data import pipeline
from tf_textgan.generators import base as generator_base
from tf_textgan.metrics import estimates
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

_BATCH = 256


class Reconstruction:
  """Encodes sequences and decodes their codes."""

  def __init__(self, generator: generator_base.Generator):
    """Args: generator: autoregressive, and a `generators.base.Encodes`."""
    self._generator = generator
    self._compare = tf.function(self._compare_batch, autograph=False)

  def __call__(self, tokens: np.ndarray) -> dict[str, estimates.Estimate]:
    """Scores the reconstruction of sequences, int32 `[N, T]`.

    Returns:
      Dictionary of `estimates.Estimate`: `reconstruction_nll`, -log p(x | c) of the sequences given their own codes, nats per token, no bound of
      log p(x); `reconstruction_accuracy`, the fraction of tokens that are the most probable ones, given the code and the true tokens before; and
      `reconstruction_exact`, the fraction of sequences that the code alone gives back, each token the most probable one after those decoded.
    """
    batches = pipeline.padded_batches(sequences.Batch(np.asarray(tokens)), _BATCH)
    columns = zip(*(self._compare(batch) for batch in batches), strict=True)
    log_probs, right, exact, sizes = (np.concatenate([part.numpy() for part in column]) for column in columns)
    return {
      "reconstruction_nll": estimates.mean(-log_probs, sizes, shared=True),
      "reconstruction_accuracy": estimates.mean(right, sizes, shared=True),
      "reconstruction_exact": estimates.share(exact),
    }

  def _compare_batch(self, batch):
    """Log-probabilities, right tokens, whether all are right without teacher forcing, and numbers of tokens: float or bool `[B]` each."""
    generator, tokens = self._generator, batch.tokens
    mask = generator.spec.mask(tokens)
    codes = generator.encode(tokens)
    log_probs = generator.log_probs(tokens, codes)
    guesses = tf.argmax(generator(tokens, codes), axis=-1, output_type=tf.int32)
    right = tf.cast(guesses == tokens, tf.float32) * mask
    decoded = generator.decode(codes, noise.seed(0), pickers.Argmax()).tokens
    return tf.reduce_sum(log_probs, axis=1), tf.reduce_sum(right, axis=1), tf.reduce_all(decoded == tokens, axis=1), tf.reduce_sum(mask, axis=1)

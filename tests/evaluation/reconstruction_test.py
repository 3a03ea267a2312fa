"""Tests of tf_textgan.evaluation.reconstruction."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.conformance import tiny
from tf_textgan.evaluation import reconstruction
from tf_textgan.generators import autoencoder
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

SPEC = tiny.SPECS["text"]


def _generator():
  generator = tiny.network("generator", "autoencoder", None, SPEC)
  for i, weight in enumerate(generator.trainable_variables):
    weight.assign(np.random.default_rng(i).normal(0.0, 0.7, weight.shape))
  return generator


def test_scores_equal_those_of_one_sequence_after_another():
  generator, tokens = _generator(), tiny.batch(SPEC, 300)  # More than a batch of the measurement.
  log_probs, right, exact = 0.0, 0, 0
  for row in tokens[:40]:
    row = tf.constant(row[None])
    code = generator.encode(row)
    logits = generator(row, code)[0].numpy()
    words = row.numpy()[0][row.numpy()[0] != 0]
    log_probs += float(np.sum(generator.log_probs(row, code)))
    right += np.count_nonzero(np.argmax(logits[: len(words)], axis=1) == words)
    exact += np.array_equal(generator.decode(code, noise.seed(0), pickers.Argmax()).tokens, row)
  found = reconstruction.Reconstruction(generator)(tokens[:40])
  size = np.count_nonzero(tokens[:40])
  assert found["reconstruction_nll"].value == pytest.approx(-log_probs / size, rel=1e-4)
  assert found["reconstruction_accuracy"].value == pytest.approx(right / size)
  assert found["reconstruction_exact"].value == exact / 40
  assert reconstruction.Reconstruction(generator)(tokens)["reconstruction_exact"].n == 300


def test_a_decoder_that_knows_one_sequence_gives_back_that_one():
  """Every token is 5 but the last: of rows 5 5 5 5 5 2 all is exact, of others nothing."""
  spec = tiny.SPECS["fixed"]
  generator = autoencoder.Generator(spec, autoencoder.Config(embedding_size=4, hidden_size=4, latent_size=4, noise_size=4, prior_sizes=(4,)))
  generator.autoencoder.output_bias.assign(50.0 * tf.one_hot(5, spec.vocab_size))
  found = reconstruction.Reconstruction(generator)(np.array([[5] * 6, [5, 5, 5, 5, 5, 3]], np.int32))
  assert found["reconstruction_exact"].value == 0.5 and found["reconstruction_accuracy"].value == pytest.approx(11 / 12)

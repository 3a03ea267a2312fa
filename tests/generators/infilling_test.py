"""Tests of tf_textgan.generators.infilling. The conformance tests have what holds of every generator that fills blanks."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.generators import infilling
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

SPEC = sequences.Spec(vocab_size=6, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
SEED = noise.seed(1)


def _generator(**changes):
  generator = infilling.Generator(SPEC, infilling.Config(**{"embedding_size": 3, "hidden_size": 4, "layers": 2, "dropout": 0.0, **changes}))
  random = np.random.default_rng(0)
  for weight in generator.trainable_variables:
    weight.assign(random.normal(0.0, 0.8, weight.shape))
  return generator


# Texts with blanks (-1), and all that can fill them: a closed blank has as many tokens as it is long, an open one ends anywhere.
_ANY = (3, 4, 5)
_CLOSED = [(3, a, b, 2) for a, b in itertools.product(_ANY, _ANY)]
_OPEN = [(3, a, b, c) for a, b, c in itertools.product(_ANY, _ANY, (2, *_ANY))] + [(3, a, 2, 0) for a in _ANY] + [(3, 2, 0, 0)]
_APART = [(a, 4, b, 2) for a, b in itertools.product(_ANY, _ANY)]


@pytest.mark.parametrize(
  ("text", "every"), [((3, -1, -1, 2), _CLOSED), ((3, -1, -1, -1), _OPEN), ((-1, 4, -1, 2), _APART)], ids=["closed", "open", "apart"]
)
def test_the_probabilities_of_all_that_can_fill_a_text_add_up_to_one_and_are_the_frequencies(text, every):
  generator = _generator()
  rows, present = tf.constant(every), tf.tile(tf.constant([text]) != -1, [len(every), 1])
  probabilities = np.exp(generator.blank_log_probs(rows, present).numpy().sum(axis=1))
  np.testing.assert_allclose(probabilities.sum(), 1.0, atol=1e-4)
  num = 4000
  tokens = tf.tile(tf.maximum([text], 0), [num, 1])
  filled = tf.function(generator.fill, autograph=False)(tokens, tf.tile(present[:1], [num, 1]), SEED).tokens.numpy()
  counts = np.array([np.sum(np.all(filled == row, axis=1)) for row in every])
  assert counts.sum() == num
  np.testing.assert_allclose(counts / num, probabilities, atol=0.03)


def test_the_likelihood_equals_the_logits():
  """Of a closed blank they are without the end token."""
  generator = _generator()
  tokens, present = tf.constant([[3, 5, 4, 2]]), tf.constant([[True, False, False, True]])
  state, inputs, expected = generator._read(tokens, present), SPEC.start_token, []
  for t in range(4):
    logits, state = generator.step(tf.constant([inputs]), state)
    logits = np.where(np.arange(6) == 2, -np.inf, logits[0].numpy())
    expected.append(0.0 if present[0, t] else logits[tokens[0, t]] - np.log(np.exp(logits).sum()))
    inputs = tokens[0, t].numpy()
  np.testing.assert_allclose(generator.blank_log_probs(tokens, present)[0], expected, atol=1e-5)


def test_many_texts_are_filled_in_chunks_with_their_own_seeds():
  generator = _generator()
  tokens, present = tf.tile([[3, 0, 0, 2]], [1100, 1]), tf.tile([[True, False, False, True]], [1100, 1])
  written = tf.function(generator.fill_all, autograph=False)(tokens, present, SEED)
  first = generator.fill(tokens[:512], present[:512], noise.fold(SEED, 0))
  np.testing.assert_array_equal(written.tokens[:512], first.tokens)
  np.testing.assert_allclose(written.log_probs[:512], tf.reduce_sum(first.log_probs, axis=1), atol=1e-5)
  assert np.any(written.tokens[:512] != written.tokens[512:1024]) and written.tokens.shape == [1100, 4]


def test_temperature_0_fills_with_the_most_probable_tokens():
  generator = _generator()
  tokens, present = tf.constant([[0, 0, 5, 2]] * 3), tf.constant([[False, False, True, True]] * 3)
  filled = generator.fill(tokens, present, SEED, pickers.Argmax()).tokens.numpy()
  assert (filled == filled[0]).all() and tuple(filled[0, 2:]) == (5, 2) and 2 not in filled[0, :2]


def test_dropout_changes_the_likelihood_in_training_alone():
  generator = _generator(dropout=0.5)
  tokens, present = tf.constant([[3, 5, 4, 2]] * 3), tf.constant([[True, False, True, True]] * 3)
  plain, dropped, again = (generator.blank_log_probs(tokens, present, seed) for seed in (None, SEED, SEED))
  np.testing.assert_array_equal(dropped, again)
  assert np.unique(np.round(plain[:, 1], 5)).size == 1 and np.unique(np.round(dropped[:, 1], 5)).size == 3

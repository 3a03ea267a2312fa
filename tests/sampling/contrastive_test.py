"""Tests of tf_textgan.sampling.contrastive against a NumPy twin."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.conformance import tiny
from tf_textgan.generators import lstm
from tf_textgan.sampling import contrastive
from tf_textgan.sampling import limits

SPEC = tiny.SPECS["text"]
T, END = SPEC.length, SPEC.end_token


@pytest.fixture(scope="module")
def generator():
  generator = lstm.Generator(SPEC, lstm.Config(embedding_size=4, hidden_size=5, latent_size=0))
  # Far from uniform, so that the choice is not one of roundings.
  random = np.random.default_rng(1)
  generator.set_weights([random.normal(size=weight.shape) for weight in generator.get_weights()])
  return generator


def _search(generator, given, count, candidates=3, penalty=0.6, bounds=None):
  def outputs(tokens):
    return generator.outputs(tokens, tf.zeros([tf.shape(tokens)[0], 0]))

  @tf.function
  def search():
    return contrastive.search(outputs, generator.output_layer(), tf.constant(given), tf.constant(count), candidates, penalty, END, bounds)

  return [x.numpy() for x in search()]


def _twin(generator, given, candidates, penalty):
  kernel, bias = (x.numpy() for x in generator.output_layer())
  tokens, log_probs = [*given], [0.0] * len(given)

  def representations(tokens):
    padded = np.array([[*tokens, *[0] * (T - len(tokens))]], np.int32)
    return generator.outputs(tf.constant(padded), tf.zeros([1, 0])).numpy()[0]

  while len(tokens) < T and END not in tokens:
    logits = representations(tokens)[len(tokens)] @ kernel + bias
    logp = logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()
    scores = {}
    for token in np.argsort(-logp, kind="stable")[:candidates]:
      penalized = 0.0
      if tokens and len(tokens) + 1 < T:
        h = representations([*tokens, token])
        h /= np.linalg.norm(h, axis=1, keepdims=True)
        penalized = max(h[len(tokens) + 1] @ h[1 : len(tokens) + 1].T)
      scores[token] = (1 - penalty) * np.exp(logp[token]) - penalty * penalized
    best = max(scores, key=scores.get)
    tokens.append(best)
    log_probs.append(logp[best])
  return tokens, log_probs


@pytest.mark.parametrize("penalty", [0.0, 0.3, 0.6, 1.0])
def test_it_chooses_as_a_twin_in_numpy(generator, penalty):
  prompts = [[], [5], [6, 4, 7], [4, END]]
  given = np.zeros([len(prompts), T], np.int32)
  for row, prompt in zip(given, prompts):
    row[: len(prompt)] = prompt
  tokens, log_probs = _search(generator, given, [*map(len, prompts)], penalty=penalty)
  for i, prompt in enumerate(prompts):
    expected, values = _twin(generator, prompt, 3, penalty)
    assert [*tokens[i, : len(expected)]] == expected and not tokens[i, len(expected) :].any()
    np.testing.assert_allclose(log_probs[i, : len(values)], np.where(np.arange(len(values)) < len(prompt), 0, values), rtol=1e-4, atol=1e-5)
    assert not log_probs[i, len(values) :].any()


def test_the_penalty_changes_the_choice(generator):
  none = np.zeros([1, T], np.int32)
  assert (_search(generator, none, [0], penalty=0.0)[0] != _search(generator, none, [0], penalty=0.9)[0]).any()


@pytest.mark.parametrize("least", range(T + 1))
def test_the_limits_are_kept_whatever_the_penalty(generator, least):
  """With a penalty of 1 an impossible token would be the best if it were taken for a candidate."""
  bounds = limits.Limits(END, least=least, most=least, excluded=(0, 1))
  tokens, log_probs = _search(generator, np.zeros([1, T], np.int32), [0], candidates=SPEC.vocab_size, penalty=1.0, bounds=bounds)
  words = tokens[0, :least]
  assert not np.isin(words, [0, 1, END]).any() and (least == T or tokens[0, least] == END) and np.isfinite(log_probs).all()

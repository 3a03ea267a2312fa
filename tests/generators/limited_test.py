"""Tests of tf_textgan.generators.limited: samples within limits have the log-probabilities of the tokens that are possible."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.conformance import tiny
from tf_textgan.generators import ensemble
from tf_textgan.generators import limited
from tf_textgan.generators import lstm
from tf_textgan.generators import transformer
from tf_textgan.sampling import limits
from tf_textgan.sampling import noise

SEED = noise.seed(1)
NUM = 60


def _recurrent(spec):
  return lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=1.0, latent_size=3))


def _attending(spec):
  return transformer.Generator(spec, transformer.Config(embedding_size=8, layers=2, heads=2, feedforward_size=8))


MAKERS = {"lstm": _recurrent, "transformer": _attending, "ensemble": lambda spec: ensemble.Generator([_recurrent(spec), _attending(spec)])}
LIMITS = {"length": {"least": 2, "most": 4}, "exact": {"least": 3, "most": 3}, "new": {"new": 2}, "without": {"excluded": (5,)}}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("settings", LIMITS.values(), ids=list(LIMITS))
@pytest.mark.parametrize("labelled", [False, True])
def test_log_probabilities_are_of_the_possible_tokens(name, settings, labelled):
  spec = tiny.LABELLED_SPEC if labelled else tiny.SPECS["text"]
  bounds = limits.Limits(spec.end_token, **settings)
  generator = MAKERS[name](spec)
  writer = limited.Generator(generator, bounds)
  tokens, count = tf.constant(tiny.batch(spec, NUM)), tf.constant(np.arange(NUM) % 3, tf.int32)
  given = [np.zeros([NUM], np.int32), np.where((tokens[:, :2] == spec.end_token).numpy().any(axis=1), 0, count)]
  for counts, samples in zip(given, [writer.sample(NUM, SEED), writer.complete(tokens, tf.constant(given[1]), SEED)]):
    logits = generator(samples.tokens, samples.latent, samples.context).numpy()
    for t in range(spec.length):
      expected = tf.nn.log_softmax(bounds(tf.constant(logits[:, t]), tf.fill([NUM], t), tf.constant(counts)))
      expected = tf.gather(expected, samples.tokens[:, t], batch_dims=1).numpy()
      free = (t >= counts) & (samples.tokens[:, t] != 0)
      np.testing.assert_allclose(samples.log_probs.numpy()[free, t], expected[free], atol=1e-4)
    words = np.sum((samples.tokens.numpy() != 0) & (samples.tokens.numpy() != spec.end_token), axis=1)
    new = settings.get("new", spec.length)
    assert (words >= settings.get("least", 0)).all() and (words <= np.minimum(settings.get("most", spec.length), counts + new)).all()
    written = samples.tokens.numpy()[np.arange(spec.length) >= counts[:, None]]
    assert not np.isin(written, settings.get("excluded", ())).any()


def test_states_of_samples_are_selected_as_those_of_given_tokens():
  spec = tiny.SPECS["text"]
  writer = limited.Generator(_recurrent(spec), limits.Limits(spec.end_token, least=2, new=3))
  samples = writer.sample(NUM, SEED, keep_history=True)
  read = writer.prefill(samples.tokens, samples.latent)
  positions, rows = tf.constant([0, 1, 2, 3]), tf.constant([7, 0, 3, 9])
  for x, y in zip(*(tf.nest.flatten(writer.state_at(history, positions, rows)) for history in (samples.history, read)), strict=True):
    np.testing.assert_allclose(x, y, atol=1e-6)

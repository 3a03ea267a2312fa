"""Tests of tf_textgan.generators.autoencoder."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.conformance import tiny
from tf_textgan.generators import autoencoder
from tf_textgan.sampling import latents
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

SPEC = tiny.SPECS["text"]
SEED = noise.seed(1)


def _generator(spec=SPEC, **changes):
  sizes = {"embedding_size": 3, "hidden_size": 4, "latent_size": 5, "noise_size": 6, "prior_sizes": (7, 7), "prior_blocks": 2, "init_range": 0.8}
  return autoencoder.Generator(spec, autoencoder.Config(**(sizes | changes)))


def _sigmoid(x):
  return 1 / (1 + np.exp(-x))


def _lstm(layer, inputs):
  """Outputs of a Keras LSTM from zero states: float `[T, I]` to `[T, H]`."""
  kernel, recurrent, bias = (weight.numpy() for weight in (layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias))
  output = cell = np.zeros(layer.units)
  outputs = []
  for x in inputs:
    i, f, g, o = np.split(x @ kernel + output @ recurrent + bias, 4)
    cell = _sigmoid(f) * cell + _sigmoid(i) * np.tanh(g)
    output = _sigmoid(o) * np.tanh(cell)
    outputs.append(output)
  return np.array(outputs)


def test_codes_and_likelihoods_equal_a_numpy_implementation():
  generator = _generator()
  layer = generator.autoencoder
  tokens = tiny.batch(SPEC, 6)
  codes = generator.encode(tf.constant(tokens))
  log_probs = generator.log_probs(tf.constant(tokens), codes)
  for row, code, found in zip(tokens, codes.numpy(), log_probs.numpy()):
    words = row[row != sequences.PAD]
    # The code is of the state after the end token, whatever padding follows.
    state = _lstm(layer.encoder, layer.read_embedding.numpy()[words])[-1]
    expected = state @ layer.to_code.kernel.numpy() + layer.to_code.bias.numpy()
    np.testing.assert_allclose(code, expected / np.linalg.norm(expected), atol=1e-5)
    inputs = layer.embedding.numpy()[[SPEC.start_token, *words[:-1]]]
    outputs = _lstm(layer.decoder, np.concatenate([inputs, np.tile(code, (len(words), 1))], axis=1))
    logits = outputs @ layer.output_kernel.numpy() + layer.output_bias.numpy()
    logits[:, list(SPEC.forbidden_tokens)] = -np.inf
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found[: len(words)], expected[range(len(words)), words], atol=1e-4)
    assert (found[len(words) :] == 0).all()


@pytest.mark.parametrize(("code", "norm"), [("sphere", True), ("plain", False), ("gaussian", False)])
def test_only_codes_on_the_sphere_have_norm_1(code, norm):
  generator = _generator(code=code)
  codes = generator.encode(tf.constant(tiny.batch(SPEC, 20)))
  assert np.allclose(np.linalg.norm(codes, axis=1), 1.0, atol=1e-5) == norm
  assert (generator.interpolation is latents.great_circle) == norm
  assert (generator.autoencoder.codes(tf.constant(tiny.batch(SPEC, 20)))[1] is not None) == (code == "gaussian")


@pytest.mark.parametrize("prior", ["perceptron", "residual", "normal"])
@pytest.mark.parametrize("code", ["sphere", "plain", "gaussian"])
def test_samples_come_from_the_codes_of_the_prior(prior, code):
  generator = _generator(prior=prior, code=code)
  samples = generator.sample(7, SEED)
  np.testing.assert_array_equal(samples.latent, generator.prior(7, noise.fold(SEED, "latent")))
  np.testing.assert_allclose(samples.log_probs, generator.log_probs(samples.tokens, samples.latent), atol=1e-5)
  again = generator.decode(samples.latent, SEED)
  np.testing.assert_array_equal(again.tokens, samples.tokens)
  assert (generator.prior_network is None) == (prior == "normal")


def test_a_normal_prior_is_uniform_on_the_sphere_or_normal():
  on_sphere, gaussian = (_generator(prior="normal", code=code).prior(4000, SEED).numpy() for code in ("sphere", "gaussian"))
  np.testing.assert_allclose(np.linalg.norm(on_sphere, axis=1), 1.0, rtol=1e-5)
  np.testing.assert_allclose(on_sphere.var(axis=0), 1 / 5, atol=0.02)
  np.testing.assert_allclose(gaussian.var(axis=0), 1.0, atol=0.1)


def test_different_codes_decode_differently():
  generator = _generator()
  generator.autoencoder.decoder.cell.kernel.assign(generator.autoencoder.decoder.cell.kernel * 5.0)
  generator.autoencoder.output_kernel.assign(generator.autoencoder.output_kernel * 5.0)
  decoded = generator.decode(tf.eye(5), SEED, pickers.Argmax()).tokens.numpy()
  assert len(np.unique(decoded, axis=0)) > 1


def test_settings_are_checked():
  with pytest.raises(errors.UserError, match="prior_sizes must have at least one size"):
    autoencoder.Config(prior_sizes=())
  with pytest.raises(errors.UserError, match="latent_size must be at least 1, not 0"):
    autoencoder.Config(latent_size=0)

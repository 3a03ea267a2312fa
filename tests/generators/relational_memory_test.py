"""Tests of tf_textgan.generators.relational_memory."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.generators import relational_memory
from tf_textgan.sampling import noise

TEXT = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
FIXED = sequences.Spec(vocab_size=7, length=5, start_token=0)
SEED = noise.seed(1)


def _generator(spec, slots=1, latent_size=0, layers=2, seed=1):
  """A generator whose weights all have an effect; initially the scales are ones and the offsets zeros."""
  config = relational_memory.Config(embedding_size=4, slots=slots, heads=2, head_size=3, layers=layers, latent_size=latent_size)
  generator = relational_memory.Generator(spec, config, seed)
  random = np.random.default_rng(seed)
  for variable in generator.trainable_variables:
    variable.assign(variable + random.normal(0.0, 0.3, variable.shape))
  return generator


def _stepwise(generator, tokens, latent):
  """Logits `[B, T, V]`, step by step."""
  state, inputs, logits = generator.initial_state(latent), tf.fill([tokens.shape[0]], generator.spec.start_token), []
  for t in range(tokens.shape[1]):
    logits_t, state = generator.step(inputs, state)
    logits.append(logits_t)
    inputs = tokens[:, t]
  return tf.stack(logits, axis=1)


def _twin(generator, tokens):
  """Logits `[T, V]` of one sequence in float64, from the equations: all rows attend to one another, then the input's row is dropped."""
  w = {variable.name: variable.numpy().astype(np.float64) for variable in generator.trainable_variables}
  heads, size, slots = 2, 3, generator.config.slots

  def norm(x, scale, offset):
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6) * scale + offset

  def sigmoid(x):
    return 1 / (1 + np.exp(-x))

  query_offset, value_offset = np.split(w["attention_offset"], 2)
  offset = np.concatenate([query_offset, np.zeros(heads * size), value_offset])
  memory, logits = np.eye(slots, heads * size), []
  for token in [generator.spec.start_token, *tokens[:-1]]:
    x = w["embedding"][token] @ w["input_kernel"] + w["input_bias"]
    rows = np.concatenate([memory, x[None]])
    q, k, v = np.split(norm(rows @ w["attention_kernel"], w["attention_scale"], offset), 3, axis=1)
    attended = np.zeros_like(rows)
    for head in range(heads):
      part = slice(head * size, (head + 1) * size)
      scores = np.exp(q[:, part] @ k[:, part].T / np.sqrt(3 * size))
      attended[:, part] = scores / scores.sum(axis=1, keepdims=True) @ v[:, part]
    residue = norm(rows + attended, w["memory_norm_scale"], w["memory_norm_offset"])
    hidden = np.maximum(residue @ w["mlp_kernel_0"] + w["mlp_bias_0"], 0.0) @ w["mlp_kernel_1"] + w["mlp_bias_1"]
    candidate = norm(residue + hidden, w["mlp_norm_scale"], w["mlp_norm_offset"])[:slots]
    take, keep = np.split(np.tanh(memory) @ w["gate_memory_kernel"] + x @ w["gate_input_kernel"], 2, axis=1)
    memory = sigmoid(take) * np.tanh(candidate) + sigmoid(keep + 1.0) * memory
    logits.append(memory.reshape(-1) @ w["output_kernel"] + w["output_bias"])
  return np.array(logits)


@pytest.mark.parametrize("slots", [1, 3])
def test_logits_match_the_equations(slots):
  generator = _generator(FIXED, slots)
  tokens = np.array([[3, 6, 0, 2, 5], [1, 1, 4, 0, 0]], np.int32)
  logits = generator(tf.constant(tokens), tf.zeros([2, 0]))
  np.testing.assert_allclose(logits, [_twin(generator, row) for row in tokens], atol=1e-4)


@pytest.mark.parametrize("spec", [TEXT, FIXED])
@pytest.mark.parametrize(("slots", "latent_size", "layers"), [(1, 0, 2), (2, 3, 1)])
def test_call_equals_step_by_step(spec, slots, latent_size, layers):
  generator = _generator(spec, slots, latent_size, layers)
  tokens = generator.sample(30, SEED).tokens
  latent = generator.prior(30, noise.seed(2))
  logits = tf.function(generator)(tokens, latent)
  np.testing.assert_allclose(logits, _stepwise(generator, tokens, latent), rtol=1e-5, atol=1e-5)
  if latent_size:
    assert np.abs(logits - generator(tokens, -latent)).max() > 0.1


@pytest.mark.parametrize("compiled", [False, True])
def test_the_gradient_equals_step_by_step(compiled):
  generator = _generator(TEXT, slots=2, latent_size=3)
  tokens = generator.sample(8, SEED).tokens
  latent = generator.prior(8, noise.seed(2))
  weights = tf.random.stateless_normal([8, 5, 7], SEED)
  gradients = []
  for logits in (generator, lambda *inputs: _stepwise(generator, *inputs)):

    def differentiate(latent, logits=logits):
      with tf.GradientTape() as tape:
        tape.watch(latent)
        value = tf.reduce_sum(weights[:, :, 2:] * logits(tokens, latent)[:, :, 2:])
      return [tf.convert_to_tensor(g) for g in tape.gradient(value, [latent, *generator.trainable_variables])]

    gradients.append((tf.function(differentiate) if compiled else differentiate)(latent))
  for a, b in zip(*gradients, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_the_initial_memory_has_different_slots_and_reads_the_latent():
  generator = _generator(FIXED, slots=2, latent_size=3)
  plain, latent = generator.initial_state(tf.zeros([4, 3])), generator.prior(4, SEED)
  np.testing.assert_array_equal(plain[3], np.eye(2, 6))
  shift = np.tanh(latent.numpy() @ generator.latent_kernel.numpy()).reshape([4, 2, 6])
  np.testing.assert_allclose(generator.initial_state(latent), np.eye(2, 6) + shift, atol=1e-6)


def test_forbidden_tokens_have_probability_zero():
  generator = _generator(TEXT)
  tokens = generator.sample(200, SEED).tokens
  probs = tf.nn.softmax(generator(tokens, tf.zeros([200, 0]))).numpy()
  assert (probs[:, :, [0, 1]] == 0).all()
  assert set(np.unique(tokens)) == {0, 2, 3, 4, 5, 6}


def test_one_hot_points_give_the_same_as_ids():
  generator = _generator(TEXT, 2, 3)
  state = generator.initial_state(generator.prior(7, SEED))
  for a, b in zip(generator.step(tf.range(7), state), generator.step(tf.eye(7), state)):
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_initial_weights_have_the_published_spread():
  generator = relational_memory.Generator(FIXED, relational_memory.Config(), seed=3)
  assert generator.output_kernel.shape == (512, 7)
  for variable in (generator.attention_kernel, generator.gate_memory_kernel, generator.input_kernel):
    kernel = variable.numpy()
    bound = len(kernel) ** -0.5
    # Truncation at two standard deviations leaves 0.88 of the standard deviation.
    assert np.abs(kernel).max() <= 2 * bound
    np.testing.assert_allclose(kernel.std(), 0.88 * bound, rtol=0.02)

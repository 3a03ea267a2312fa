"""Tests of tf_textgan.algorithms.iqlearn."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import iqlearn
from tf_textgan.algorithms import mle
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
REAL = np.array([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]], np.int32)
SEED = noise.seed(1)
START = tf.constant(0.0)


def _generator(spec):
  return lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.7))


def _step(algorithm):
  return algorithm.mle_step(sequences.Batch(tf.constant(REAL)), SEED, START)


@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
@pytest.mark.parametrize("discount", [1.0, 0.6])
def test_likelihood_and_rewards_match_a_slow_twin(discount, spec):
  generator = _generator(spec)
  logits = generator(tf.constant(REAL), tf.zeros([3, 0])).numpy().astype(np.float64)
  nll, squares, rewards = [], [], []
  for row, tokens in zip(logits, REAL):
    length = 4 if spec is FIXED else int(np.argmax(tokens == 2)) + 1
    value = [np.log(np.sum(np.exp(row[t]))) for t in range(length)] + [0.0]
    for t in range(length):
      nll.append(value[t] - row[t, tokens[t]])
      rewards.append(row[t, tokens[t]] - discount * value[t + 1])
  squares = np.square(rewards)
  metrics = _step(iqlearn.Algorithm(iqlearn.Config(discount=discount), {"generator": generator}))
  np.testing.assert_allclose(metrics["nll"], np.mean(nll), rtol=1e-5)
  np.testing.assert_allclose(metrics["squared_reward"], np.mean(squares), rtol=1e-5)


def test_the_update_is_the_gradient_of_the_penalised_likelihood():
  generator = _generator(TEXT)
  mask = tf.constant([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]], tf.float32)
  with tf.GradientTape() as tape:
    logits = generator(tf.constant(REAL), tf.zeros([3, 0]))
    values = tf.reduce_logsumexp(logits, axis=2) * mask
    log_probs = tf.gather(tf.nn.log_softmax(logits), REAL, batch_dims=2) * mask
    rewards = log_probs + values - 0.9 * tf.concat([values[:, 1:], tf.zeros([3, 1])], axis=1)
    loss = tf.reduce_sum(-log_probs + 0.3 * tf.square(rewards) * mask) / 9.0
  expected = tf.linalg.global_norm([tf.convert_to_tensor(g) for g in tape.gradient(loss, generator.trainable_variables)])
  metrics = _step(iqlearn.Algorithm(iqlearn.Config(td_weight=0.3, discount=0.9), {"generator": generator}))
  np.testing.assert_allclose(metrics["gradient_norm"], expected, rtol=1e-4)


def test_without_the_penalty_it_is_maximum_likelihood():
  one, two = _generator(TEXT), _generator(TEXT)
  _step(iqlearn.Algorithm(iqlearn.Config(td_weight=0.0), {"generator": one}))
  _step(mle.Algorithm(mle.Config(), {"generator": two}))
  for a, b in zip(one.get_weights(), two.get_weights()):
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_penalty_lowers_the_rewards_at_the_price_of_likelihood():
  found = []
  for weight in (0.0, 1.0):
    algorithm = iqlearn.Algorithm(iqlearn.Config(td_weight=weight), {"generator": _generator(TEXT)})
    step = tf.function(algorithm.mle_step)
    for i in range(150):
      metrics = step(sequences.Batch(tf.constant(REAL)), noise.fold(SEED, i), START)
    found.append((float(metrics["nll"]), float(metrics["squared_reward"])))
  assert found[0][0] < found[1][0] and found[1][1] < 0.5 * found[0][1], found


@pytest.mark.parametrize("changes", [{"td_weight": -0.1}, {"discount": 1.1}], ids=str)
def test_impossible_settings_are_refused(changes):
  with pytest.raises(errors.UserError, match=next(iter(changes))):
    iqlearn.Config(**changes)

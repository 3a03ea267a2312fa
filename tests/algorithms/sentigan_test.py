"""Tests of tf_textgan.algorithms.sentigan."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import sentigan
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import cnn_categories
from tf_textgan.generators import lstm_mixture
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0, categories=("neg", "pos"))
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1), categories=("neg", "pos"))
SEED = noise.seed(1)
START = tf.constant(0.0)


class Judge(discriminator_base.Discriminator):
  """Scores category c by the share of token 3 + c in a sequence, and generated text by the constant share `enough`."""

  def __init__(self, spec, scale=8.0, enough=0.5):
    super().__init__(spec)
    self.enough = enough
    self.scale = self.add_weight((), keras.initializers.Constant(scale), name="scale")
    self.built = True

  def class_logits(self, inputs, *, seed=None):
    del seed
    share = tf.reduce_mean(tf.one_hot(inputs - 3, len(self.spec.categories)), axis=1)
    return tf.convert_to_tensor(self.scale) * tf.pad(share, [[0, 0], [0, 1]], constant_values=self.enough)

  def call(self, inputs, *, context=None, seed=None):
    return cnn_categories.real_score(self.class_logits(inputs, seed=seed))

  def prefix_cache(self, tokens):
    return tokens

  def completions_class_logits(self, cache, tokens, rows, t):
    # Completions begin with the prefixes of the cached sequences.
    begun = tf.reduce_all(tf.gather(cache, rows)[:, : t + 1] == tokens[:, : t + 1])
    tf.debugging.Assert(begun, [rows, t])
    return self.class_logits(tokens)


def _algorithm(spec=FIXED, discriminator=None, stddev=0.1, **changes):
  generator = lstm_mixture.Generator(spec, lstm_mixture.Config(4, 5, init_stddev=stddev, initialization="normal"))
  return sentigan.Algorithm(sentigan.Config(**{"rollouts": 4, **changes}), {"generator": generator, "discriminator": discriminator or Judge(spec)})


def _cnn(spec):
  return cnn_categories.Discriminator(spec, cnn_categories.Config(4, (1, 2), (5, 5), dropout=0.0))


def _batch(num, length=4):
  return sequences.Batch(tf.zeros([num, length], tf.int32), tf.zeros([num], tf.int32))


def test_each_generator_learns_its_category():
  """Up to the equilibrium, where probabilities are inverse to penalties."""
  algorithm = _algorithm(discriminator=Judge(FIXED, 16.0, 0.25))
  shares = lambda: [np.mean(member.sample(500, noise.seed(9)).tokens == 3 + i) for i, member in enumerate(algorithm.generator.members)]  # noqa: E731
  before = shares()
  step = tf.function(algorithm.generator_step)
  penalties = [step(_batch(32), noise.fold(SEED, i), START)["penalty"].numpy() for i in range(60)]
  assert max(before) < 0.2 and min(shares()) > 0.27, shares()
  assert np.mean(penalties[-5:]) < np.mean(penalties[:5]) - 0.15


def test_the_penalty_stands_beside_the_mean_cross_entropy_as_published():
  discriminator = _cnn(TEXT)
  algorithm = _algorithm(TEXT, discriminator)
  fake = algorithm.generator.sample(3, noise.fold(SEED, "fake"), context=tf.constant([0, 1, 0])).tokens
  real = tf.constant([[3, 4, 2, 0], [4, 4, 4, 2], [3, 2, 0, 0]])
  with tf.GradientTape() as tape:
    logits = tf.concat([discriminator.class_logits(real), discriminator.class_logits(fake)], axis=0)
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits([0, 1, 0, 2, 2, 2], logits)
  kernel = tf.convert_to_tensor(discriminator.score.kernel)
  slope = tape.gradient(cross_entropy, discriminator.score.kernel.value) / 6.0 + 0.2 * kernel
  optimizer = keras.optimizers.SGD(0.5)
  optimizer.build(discriminator.trainable_variables)
  algorithm.optimizers["discriminator_optimizer"] = optimizer
  algorithm.discriminator_step(sequences.Batch(real, tf.constant([0, 1, 0])), SEED, START)
  # The loss here is twice the mean cross-entropy, so that a step is twice as long.
  np.testing.assert_allclose(discriminator.score.kernel - kernel, -1.0 * slope, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
def test_the_mean_update_is_the_gradient_of_the_penalised_probabilities(spec):
  """Three tokens: the mean update over many samples equals a sum over every sequence, with the exact value of every prefix."""
  spec = dataclasses.replace(spec, length=3)
  algorithm = _algorithm(spec, stddev=1.0, rollouts=2)
  generator, judge = algorithm.generator, algorithm.discriminator
  allowed = [token for token in range(7) if token not in spec.forbidden_tokens]
  everything = []
  for row in np.stack(np.meshgrid(allowed, allowed, allowed, indexing="ij"), axis=-1).reshape(-1, 3):
    ended = np.cumsum(row == spec.end_token) - (row == spec.end_token) > 0
    everything.append(np.where(ended, 0, row))
  everything = np.unique(everything, axis=0).astype(np.int32)
  mask = spec.mask(everything).numpy()
  biases = [member.output_bias.value for member in generator.members]
  exact = []
  for c, member in enumerate(generator.members):
    not_of_category = 1.0 - tf.nn.softmax(judge.class_logits(tf.constant(everything)))[:, c].numpy()
    with tf.GradientTape() as tape:
      log_probs = member.log_probs(tf.constant(everything), tf.zeros([len(everything), 0]))
      probs = np.exp(log_probs.numpy().sum(axis=1))
      penalties = np.zeros_like(mask)
      for t in range(3):
        for i, row in enumerate(everything):
          same = (everything[:, : t + 1] == row[: t + 1]).all(axis=1)
          penalties[i, t] = np.average(not_of_category[same], weights=probs[same])
      loss = tf.reduce_sum(probs[:, None] * mask * penalties * tf.exp(log_probs))
    assert probs.sum() == pytest.approx(1.0, abs=1e-4)
    exact.append(tape.gradient(loss, biases[c]).numpy() / 2)  # The loss is the mean over the two.
  gradients = []

  def record(tape, loss, *_):
    gradients.append([gradient.numpy() for gradient in tape.gradient(loss, biases)])
    return tf.zeros([])

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(base, "minimize", record)
    for i in range(20):
      algorithm.generator_step(_batch(1000, 3), noise.fold(SEED, i), START)
  mean, error = np.mean(gradients, axis=0), np.std(gradients, axis=0, ddof=1) / np.sqrt(len(gradients))
  assert np.abs(exact).max() > 10 * error.max()
  assert np.abs(exact[0] - exact[1]).max() > 10 * error.max()
  assert (np.abs(mean - exact) < 4.5 * error + 1e-6).all()


def test_the_discriminators_loss_is_computed_from_its_classes():
  algorithm = _algorithm(TEXT, _cnn(TEXT), stddev=1.0)
  real = sequences.Batch(tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]]), tf.constant([1, 0, 1]))
  fake = algorithm.generator.sample(3, noise.fold(SEED, "fake"), context=real.context).tokens
  log_probs = [tf.nn.log_softmax(algorithm.discriminator.class_logits(tokens)).numpy() for tokens in (real.tokens, fake)]
  metrics = algorithm.discriminator_step(real, SEED, START)
  np.testing.assert_allclose(metrics["loss"], -np.mean(log_probs[0][range(3), [1, 0, 1]] + log_probs[1][:, 2]), rtol=1e-5)
  real_share, fake_share = (np.exp(x[:, :2]).sum(axis=1) > 0.5 for x in log_probs)
  np.testing.assert_allclose(metrics["accuracy"], (np.mean(real_share) + np.mean(~fake_share)) / 2)
  np.testing.assert_allclose(metrics["category_accuracy"], np.mean((log_probs[0][:, 1] > log_probs[0][:, 0]) == [1, 0, 1]))


def test_the_discriminator_learns_categories_and_generated_text():
  algorithm = _algorithm(FIXED, _cnn(FIXED), discriminator_learning_rate=0.02)
  categories = tf.constant(np.arange(32) % 2, tf.int32)
  real = sequences.Batch(tf.repeat(5 + categories[:, None], 4, axis=1), categories)
  step = tf.function(algorithm.discriminator_step)
  for i in range(60):
    metrics = step(real, noise.fold(SEED, i), START)
  assert metrics["accuracy"] > 0.95 and metrics["category_accuracy"] == 1.0


def test_a_generator_is_pretrained_on_text_of_its_own_category():
  algorithm = _algorithm()
  first, second = (member.get_weights() for member in algorithm.generator.members)
  nll = lambda category: -np.mean(algorithm.generator.members[category].log_probs(tf.fill([1, 4], 5), tf.zeros([1, 0])))  # noqa: E731
  before = nll(0)
  for i in range(5):
    algorithm.mle_step(sequences.Batch(tf.fill([8, 4], 5), tf.zeros([8], tf.int32)), noise.fold(SEED, i), START)
  assert nll(0) < before - 0.1
  for old, new in zip(second, algorithm.generator.members[1].get_weights()):
    np.testing.assert_array_equal(old, new)
  assert any(np.any(old != new) for old, new in zip(first, algorithm.generator.members[0].get_weights()))


def test_the_schedule_is_pretraining_then_rounds_with_some_maximum_likelihood():
  def schedule(**changes):
    return [(p.name, p.steps, [(u.name, u.repeats) for u in p.updates]) for p in _algorithm(**changes).phases(base.Schedule(2, 4, 6))]

  before = [("mle", 2, [("mle", 1)]), ("discriminator", 4, [("discriminator", 1)])]
  assert schedule() == [*before, ("adversarial", 6, [("generator", 1), ("discriminator", 5)])]
  changes = {"generator_steps_per_round": 2, "discriminator_steps_per_round": 3, "mle_steps_per_round": 9}
  assert schedule(**changes) == [*before, ("adversarial", 6, [("generator", 2), ("discriminator", 3), ("mle", 9)])]

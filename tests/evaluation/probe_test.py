"""Tests of tf_textgan.evaluation.probe on tiny oracles: random LSTMs that generate the real sequences."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import errors
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.conformance import fields
from tf_textgan.conformance import tiny
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.discriminators import generator_lstm
from tf_textgan.evaluation import probe
from tf_textgan.generators import lstm
from tf_textgan.metrics import classification
from tf_textgan.metrics import estimates
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=8, length=4, start_token=0)
CHANCE = 2 * math.log(2)


def oracle_of(spec):
  return lstm.Generator(spec, lstm.Config(embedding_size=8, hidden_size=8, init_stddev=1.5), seed=50)


def corpus_of(oracle, num_train, num_held_out=1000):
  """Sequences that the oracle generated."""
  sizes = dict(zip(corpus_lib.SPLITS, (num_train, num_held_out, num_held_out)))
  tokens = {split: oracle.sample(num, noise.fold(noise.seed(123), split)).tokens.numpy() for split, num in sizes.items()}
  return corpus_lib.Corpus("toy", oracle.spec, None, tokens)


def exact_kl(truth, model):
  """KL(truth || model), nats per sequence, by enumeration."""
  spec = truth.spec
  every = np.array(list(itertools.product(range(spec.vocab_size), repeat=spec.length)), np.int32)
  p, q = (tf.reduce_sum(generator.log_probs(every, tf.zeros([len(every), 0])), axis=1).numpy() for generator in (truth, model))
  assert np.exp(p).sum() == pytest.approx(1.0, abs=1e-3)
  return np.sum(np.exp(p) * (p - q))


def a_result(**changes):
  estimate = estimates.Estimate(0.5, 2000, 0.02)
  result = probe.Result(estimate, estimate, estimates.Estimate(0.01, 2000, 0.02), estimate, 100, np.array([1.39, 1.38]))
  return result._replace(**changes)


def test_the_truth_cannot_be_distinguished_from_itself():
  oracle = oracle_of(SPEC)
  result = probe.run(oracle, corpus_of(oracle, 2100), probe.Config(probe_steps=60, probe_evaluations=3), seed=1)
  assert abs(result.probe_accuracy.value - 0.5) <= 2 * result.probe_accuracy.ci
  assert abs(result.probe_auc.value - 0.5) <= 2 * result.probe_auc.ci
  assert result.probe_gain.value - 2 * result.probe_gain.ci <= 0.0
  assert result.validation_losses.min() > CHANCE - 0.02
  assert result.probe_accuracy.n == result.probe_gain.n == 2000
  assert result.probe_training_accuracy.n == 4000  # At most 2,000 sequences of a split are scored.


def test_a_wrong_generator_is_detected_and_the_gain_is_below_the_divergence():
  oracle = oracle_of(SPEC)
  uniform = lstm.Generator(SPEC, lstm.Config(embedding_size=2, hidden_size=2, init_stddev=0.0))
  before = uniform.get_weights()
  result = probe.run(uniform, corpus_of(oracle, 2000), probe.Config(probe_steps=100, probe_learning_rate=1e-2, probe_evaluations=4), seed=0)
  exact = exact_kl(oracle, uniform)
  assert result.probe_accuracy.value > 0.75 and result.probe_auc.value > 0.8
  assert 0.5 * exact < result.probe_gain.value <= exact + 1.5 * result.probe_gain.ci
  assert result.probe_steps == 100 and len(result.validation_losses) == 5
  assert result.validation_losses[-1] == result.validation_losses.min() < CHANCE - 0.3
  assert "something left to teach, at least" in probe.verdict(result)
  assert all(map(np.array_equal, before, uniform.get_weights()))


@pytest.mark.slow
def test_sequences_learnt_by_heart_give_no_gain():
  oracle = oracle_of(sequences.Spec(vocab_size=20, length=6, start_token=0))
  config = probe.Config(probe_steps=300, probe_batch_size=32, probe_learning_rate=1e-2, probe_evaluations=15, probe_patience=6)
  result = probe.run(oracle, corpus_of(oracle, 64), config, seed=0)
  assert result.probe_training_accuracy.value > 0.75 and result.probe_training_accuracy.n == 128
  assert abs(result.probe_accuracy.value - 0.5) <= 2 * result.probe_accuracy.ci
  assert result.probe_gain.value - 2 * result.probe_gain.ci <= 0.0
  # It stopped six evaluations, 20 steps each, after the best.
  best = int(np.argmin(result.validation_losses))
  assert result.probe_steps == 20 * best and len(result.validation_losses) == best + 7
  assert "nothing to teach" in probe.verdict(result) and "by heart" in probe.verdict(result)


def test_the_same_seed_gives_the_same_result():
  """With a one-shot generator, text with an end token, a wrapped iterator, and evaluations after 2, 3 and 5 steps."""
  spec = tiny.SPECS["text"]
  generator = tiny.network("generator", "conv_resnet", None, spec)
  corpus = corpus_lib.Corpus("toy", spec, None, {split: tiny.batch(spec, 40, seed) for seed, split in enumerate(corpus_lib.SPLITS)})
  config, seen = probe.Config(probe_steps=5, probe_batch_size=8, probe_evaluations=3), []

  def note(steps):
    for step in steps:
      seen.append(step)
      yield step

  first, again = (probe.run(generator, corpus, config, 1, bar) for bar in (None, note))
  np.testing.assert_array_equal(first.validation_losses, again.validation_losses)
  assert first[:-1] == again[:-1] and seen == [1, 2, 3, 4, 5]
  assert len(first.validation_losses) == 4 and np.isfinite(first.validation_losses).all()
  assert first.probe_training_accuracy.n == first.probe_accuracy.n == 80


def test_a_generator_is_conditioned_on_the_categories_of_the_real_sequences():
  """Real text generated by the generator itself, a tenth of it in one category: equal shares of the categories would be detected."""
  spec = dataclasses.replace(SPEC, categories=("a", "b"))
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=8, init_stddev=2.0))
  labels = np.int32(np.arange(1000) % 10 == 0)
  tokens = {split: generator.write(1000, noise.seed(i), None, labels)[0].numpy() for i, split in enumerate(corpus_lib.SPLITS)}
  corpus = corpus_lib.Corpus("toy", spec, None, tokens, categories=dict.fromkeys(corpus_lib.SPLITS, labels))
  result = probe.run(generator, corpus, probe.Config(probe_steps=60, probe_learning_rate=1e-2, probe_evaluations=3), seed=0)
  assert abs(result.probe_accuracy.value - 0.5) <= 2 * result.probe_accuracy.ci


@pytest.mark.parametrize("name", tiny.DISCRIMINATORS)
def test_held_out_scores_are_the_discriminators_own(name):
  discriminator = tiny.network("discriminator", name, None, tiny.SPECS["text"])
  held_out = probe.HeldOut(discriminator, batch=8)
  real, fake = tiny.batch(tiny.SPECS["text"], 21, 0), tiny.batch(tiny.SPECS["text"], 12, 1)
  scores = held_out.scores(real)
  assert scores.shape == (21,)
  np.testing.assert_allclose(scores, discriminator(tf.constant(real)), rtol=1e-4, atol=1e-6)
  numbers = held_out(real, fake)
  fake_scores = held_out.scores(fake)
  accuracy, auc = classification.accuracy(scores, fake_scores), classification.auc(scores, fake_scores)
  assert numbers == {
    "heldout_accuracy": accuracy.value,
    "heldout_auc": auc.value,
    "heldout_gain": classification.density_ratio_gain(scores, fake_scores).value,
    "heldout_loss": pytest.approx(np.mean(np.logaddexp(0, -scores)) + np.mean(np.logaddexp(0, fake_scores)), rel=1e-5),
    "heldout_at_chance": float(accuracy.value - accuracy.ci <= 0.5 and auc.value - auc.ci <= 0.5),
  }


def test_a_critic_whose_scores_are_all_above_zero_is_not_at_chance_if_they_differ():
  discriminator = judges.LikesToken(SPEC, 3)
  held_out = probe.HeldOut(discriminator)
  real, fake = np.where(np.arange(400).reshape(100, 4) % 3 > 0, 3, 1), np.tile([3, 1, 1, 1], [100, 1])
  discriminator.scale.assign(0.0)
  assert held_out(real, fake)["heldout_at_chance"] == 1.0
  discriminator.scale.assign(8.0)
  assert held_out(real, fake)["heldout_at_chance"] == 0.0
  held_out.scores = lambda tokens, sources=None: np.mean(tokens == 3, axis=1)
  numbers = held_out(real, fake)
  assert numbers["heldout_accuracy"] == 0.5 and numbers["heldout_at_chance"] == 0.0


@pytest.mark.slow
def test_an_ensemble_of_networks_with_their_own_settings():
  oracle = oracle_of(SPEC)
  wrong = lstm.Generator(SPEC, lstm.Config(embedding_size=4, hidden_size=8, init_stddev=0.5))
  settings = {"probe_steps": 40, "probe_learning_rate": 2e-2, "probe_evaluations": 2, "probe_discriminator": "generator_lstm", "probe_ensemble": 2}
  network = generator_lstm.Config(head_size=8, log_prob=True, per_prefix=True)
  result = probe.run(wrong, corpus_of(oracle, 1000), probe.Config(**settings), seed=0, network=network)
  assert result.probe_accuracy.value > 0.65
  with pytest.raises(errors.UserError, match="begins as the LSTM of its generator, which conv_resnet has not"):
    probe.run(tiny.network("generator", "conv_resnet", None, SPEC), corpus_of(oracle, 100), probe.Config(**settings), seed=0)


def test_compiled_functions_use_later_weights():
  discriminator = tiny.network("discriminator", "recurrent", None, SPEC)
  held_out, tokens = probe.HeldOut(discriminator), tiny.batch(SPEC, 5)
  before = held_out.scores(tokens)
  discriminator.score.bias.assign_add([3.0])
  np.testing.assert_allclose(held_out.scores(tokens), before + 3.0, rtol=1e-5)


def test_verdicts():
  chance = probe.verdict(a_result())
  assert chance.startswith("This discriminator has nothing to teach on this data") and "by heart" not in chance
  assert "50.0% +- 2.0%" in chance and "0.010 +- 0.020 nats per sequence" in chance
  assert "by heart, with 90.0%" in probe.verdict(a_result(probe_training_accuracy=estimates.Estimate(0.9, 2000, 0.02)))
  # Below chance counts as chance.
  assert "nothing" in probe.verdict(a_result(probe_accuracy=estimates.Estimate(0.47, 2000, 0.02)))
  assert "at least 0.070 nats" in probe.verdict(a_result(probe_gain=estimates.Estimate(0.1, 2000, 0.03)))
  assert "the amount is uncertain" in probe.verdict(a_result(probe_accuracy=estimates.Estimate(0.6, 2000, 0.02)))


def test_a_corpus_smaller_than_a_batch():
  oracle = oracle_of(SPEC)
  with pytest.raises(errors.UserError, match="a batch of 64 training sequences, but there are 10; pass --probe_batch_size 10 or less"):
    probe.run(oracle, corpus_of(oracle, 10, 10), probe.Config(), seed=0)


@pytest.mark.parametrize(
  "settings", [{"probe_steps": 0}, {"probe_learning_rate": 0.0}, {"probe_weight_decay": -1.0}, {"probe_patience": 0}, {"probe_discriminator": "x"}]
)
def test_settings_out_of_range(settings):
  with pytest.raises(errors.UserError):
    probe.Config(**settings)


def test_every_setting_has_a_comment():
  assert fields.uncommented_fields(probe.Config) == []
  assert probe.Config().probe_discriminator in registry.names("tf_textgan.discriminators")


@pytest.mark.parametrize("name", ["recurrent", "transformer", "causal_transformer"])
def test_pairs_are_scored_with_their_sources(name):
  discriminator = tiny.network("discriminator", name, None, tiny.PAIR_SPEC)
  tokens, sources = tiny.pair_batch(5)
  expected = discriminator(tf.constant(tokens), context=tf.constant(sources))
  np.testing.assert_allclose(probe.HeldOut(discriminator, batch=4).scores(tokens, sources), expected, atol=1e-5)

"""Tests of tf_textgan.algorithms.rankgan."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import rankgan
from tf_textgan.commands import flags
from tf_textgan.discriminators import cnn_highway
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import lstm
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.sampling import noise
from tf_textgan.sampling import rollouts

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
SEED = noise.seed(1)
START = tf.constant(0.0)
REAL = tf.constant(np.random.default_rng(0).integers(0, 7, [8, 4]), tf.int32)


def _algorithm(spec=FIXED, discriminator=None, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.5))
  discriminator = discriminator or cnn_highway.Discriminator(spec, cnn_highway.Config(4, (1, 2), (6, 6), dropout=0.0))
  return rankgan.Algorithm(rankgan.Config(rollouts=2, **changes), {"generator": generator, "discriminator": discriminator})


def _log_rank(features, references, compared, gamma):
  """Slow twin of the log-rank, `[N]`; pairs of equal rows, a sentence and itself as a reference, are left out."""
  unit = lambda x: x / np.linalg.norm(x)  # noqa: E731
  ranks = []
  for s in features:
    logs = []
    for u in references:
      if not np.array_equal(s, u):
        shares = np.exp([gamma * np.dot(unit(x), unit(u)) for x in [s, *compared]])
        logs.append(np.log(shares[0] / shares.sum()))
    ranks.append(np.mean(logs))
  return np.array(ranks)


@pytest.mark.parametrize(("reference_size", "comparison_size"), [(3, 5), (3, 2), (20, 20)])
def test_the_rankers_loss_matches_a_slow_twin(reference_size, comparison_size):
  algorithm = _algorithm(reference_size=reference_size, comparison_size=comparison_size, gamma=2.0)
  fake = algorithm.generator.sample(8, noise.fold(SEED, "fake")).tokens
  real_features, fake_features = (algorithm.discriminator.features(x).numpy().astype(np.float64) for x in (REAL, fake))
  order = np.argsort(noise.uniform([8], noise.fold(SEED, "sets")))
  references, compared = real_features[order[:reference_size]], real_features[order[-comparison_size:]]
  real_rank = _log_rank(real_features, references, fake_features[:comparison_size], 2.0)
  fake_rank = _log_rank(fake_features, references, compared, 2.0)
  metrics = algorithm.discriminator_step(sequences.Batch(REAL), SEED, START)
  np.testing.assert_allclose(metrics["loss"], np.mean(fake_rank) - np.mean(real_rank), atol=1e-5)


def test_references_and_comparisons_are_redrawn_and_disjoint():
  drawn = []
  for i in range(20):
    sets = rankgan._Sets(8, noise.fold(SEED, i), rankgan.Config(reference_size=3, comparison_size=5))
    references, compared = (f(tf.range(8)[:, None]).numpy().ravel() for f in (sets.references, sets.compared))
    assert sorted([*references, *compared]) == list(range(8))
    np.testing.assert_array_equal(sets.others, np.arange(8)[:, None] != references[None, :])
    drawn.append(tuple(references))
  assert len(set(drawn)) > 15


@pytest.mark.parametrize("kind", ["cnn_highway", "recurrent"])
def test_the_reward_of_the_last_token_is_the_rank_of_its_sentence(kind, monkeypatch):
  discriminator = recurrent.Discriminator(TEXT, recurrent.Config(4, 5)) if kind == "recurrent" else None
  algorithm = _algorithm(TEXT, discriminator, reference_size=3, comparison_size=5, advantage="none")
  real = algorithm.generator.sample(8, noise.seed(5)).tokens
  rewarded = {}

  def rewards(step, state_at, reward, tokens, *args):
    rewarded.update(tokens=tokens, scores=reward(tokens), completions=args[-1])
    return tf.zeros(tf.shape(tokens))

  monkeypatch.setattr(rollouts, "rewards", rewards)
  algorithm.generator_step(sequences.Batch(real), SEED, START)
  features = lambda x: algorithm.discriminator.features(x).numpy().astype(np.float64)  # noqa: E731
  order = np.argsort(noise.uniform([8], noise.fold(SEED, "sets")))
  real_features, tokens = features(real), rewarded["tokens"]
  # A sample may be equal to a reference: it is not the same sentence, and counts.
  unequal = features(tokens) * (1.0 + 1e-9)
  np.testing.assert_allclose(rewarded["scores"], _log_rank(unequal, real_features[order[:3]], real_features[order[-5:]], 16.0), rtol=1e-5, atol=1e-5)
  completed = rewarded["completions"](tokens, tf.range(8), tf.constant(1))
  np.testing.assert_allclose(completed, rewarded["scores"], atol=1e-5)


def test_the_ranker_learns_to_rank_and_its_output_layer_to_classify():
  algorithm = _algorithm(discriminator_learning_rate=0.01, reference_size=8, comparison_size=24)
  real = tf.constant(np.random.default_rng(1).choice([3, 5], [32, 4]), tf.int32)
  step = tf.function(algorithm.discriminator_step)
  losses = [step(sequences.Batch(real), noise.fold(SEED, i), START) for i in range(60)]
  assert losses[-1]["accuracy"] > 0.9 and losses[-1]["loss"] < losses[0]["loss"] - 0.1
  fake = algorithm.generator.sample(200, noise.seed(9)).tokens
  assert np.mean(algorithm.discriminator(real) > 0.0) > 0.9 and np.mean(algorithm.discriminator(fake) < 0.0) > 0.8


def test_a_discriminator_without_features_is_refused():
  experiment = flags.parse(["train.py", "--algorithm", "rankgan", "--discriminator", "token_lstm"], "")
  would_do = "causal_transformer, cnn_categories, cnn_highway, generator_lstm, recurrent, transformer"
  with pytest.raises(errors.UserError, match=f"rankgan needs a discriminator that gives the features of a sequence: {would_do}; not token_lstm"):
    experiment_lib.build(experiment, FIXED)


def test_sizes_and_gamma_are_checked():
  for changes in ({"reference_size": 0}, {"comparison_size": 0}, {"gamma": 0.0}, {"rollouts": 0}):
    with pytest.raises(errors.UserError, match=next(iter(changes))):
      rankgan.Config(**changes)

"""Tests of tf_textgan.sampling.guidance by enumeration of all sequences: 4 tokens, length 3."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests import frequencies
from tf_textgan.sampling import guidance
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling

SEED = noise.seed(3)
EVERY = np.array(list(itertools.product(range(4), repeat=3)), np.int32)
_LOGITS = np.random.default_rng(0).normal(0.0, 1.0, [4, 4]).astype(np.float32)
SCORES = np.random.default_rng(1).normal(0.0, 1.2, [64]).astype(np.float32)


def _place(tokens):
  return np.asarray(tokens) @ [16, 4, 1]


def _step(inputs, state):
  return tf.gather(tf.constant(_LOGITS), inputs), state + 1


def _proposal():
  """Probabilities of all sequences: a Markov chain that starts from token 0."""
  rows = np.exp(_LOGITS) / np.exp(_LOGITS).sum(axis=1, keepdims=True)
  return rows[0, EVERY[:, 0]] * rows[EVERY[:, 0], EVERY[:, 1]] * rows[EVERY[:, 1], EVERY[:, 2]]


Q = _proposal()


def _guided(scores=SCORES):
  p = Q * np.exp(scores)
  return p / p.sum()


def _propose(rows, seed):
  num = tf.size(rows)
  samples = unrolling.unroll(_step, pickers.Categorical(), tf.zeros([num], tf.int32), tf.zeros([num]), 3, seed)
  return samples.tokens, tf.reduce_sum(samples.log_probs, axis=1)


def _score(tokens, scores=SCORES):
  return tf.gather(tf.constant(scores), tf.linalg.matvec(tokens, tf.constant([16, 4, 1])))


def _sample(guide, num, seed=SEED):
  return tf.function(lambda num, seed: guide(_propose, _score, num, seed))(tf.constant(num), seed)


def _assert_drawn_from(guided, p):
  frequencies.assert_drawn_from(_place(guided.tokens), p)


def _distance(guided, p):
  """Total variation distance."""
  counts = np.bincount(_place(guided.tokens), minlength=64)
  return 0.5 * np.abs(counts / counts.sum() - p).sum()


def _assert_consistent(guided):
  """Log-probabilities and scores belong to the tokens."""
  np.testing.assert_allclose(guided.log_probs, np.log(Q)[_place(guided.tokens)], atol=1e-5)
  np.testing.assert_allclose(guided.scores, SCORES[_place(guided.tokens)], atol=1e-6)


def test_rejection_with_the_largest_score_as_bound_draws_from_the_guided_model():
  guided = _sample(guidance.Rejection(candidates=1000, bound=SCORES.max()), 20_000)
  _assert_drawn_from(guided, _guided())
  _assert_consistent(guided)
  assert np.all(guided.accepted)
  # A sentence takes exp(bound) / Z proposals on average.
  assert float(guided.proposals) / 20_000 == pytest.approx(np.exp(SCORES.max()) / np.sum(Q * np.exp(SCORES)), rel=0.03)


def test_scores_above_the_bound_count_as_the_bound():
  guided = _sample(guidance.Rejection(candidates=1000, bound=0.5), 20_000)
  _assert_drawn_from(guided, _guided(np.minimum(SCORES, 0.5)))


def test_a_shift_accepts_by_the_papers_probability():
  guide = guidance.Rejection(candidates=1000, bound=SCORES.max(), shift=-1.0)
  below = np.minimum(SCORES - SCORES.max(), -1e-9).astype(np.float64)
  accept = 1.0 / (1.0 + np.exp(-(below - np.log1p(-np.exp(below)) + 1.0)))
  p = Q * accept
  guided = _sample(guide, 20_000)
  _assert_drawn_from(guided, p / p.sum())
  assert float(guided.proposals) / 20_000 == pytest.approx(1.0 / p.sum(), rel=0.03)


def test_without_an_accepted_candidate_a_rejected_one_is_drawn_by_its_odds():
  """The sum over all outcomes of two candidates."""
  accept = np.exp(SCORES.astype(np.float64) - SCORES.max())
  rejected, odds = Q * (1.0 - accept), accept / np.maximum(1.0 - accept, 1e-300)
  either = 2.0 * rejected * np.sum(rejected * odds[:, None] / (odds[:, None] + odds), axis=1)
  p = Q * accept * (1.0 + rejected.sum()) + either
  assert p.sum() == pytest.approx(1.0)
  guided = _sample(guidance.Rejection(candidates=2, bound=SCORES.max()), 40_000)
  _assert_drawn_from(guided, p)
  _assert_consistent(guided)
  assert np.mean(guided.accepted) == pytest.approx(1.0 - rejected.sum() ** 2, abs=0.01)
  assert float(guided.proposals) / 40_000 == pytest.approx(1.0 + rejected.sum(), rel=0.01)


def test_fitting_measures_the_bound_and_the_shift():
  guide, spent = guidance.Rejection(burn_in=2000).fit(_propose, _score, SEED)
  assert float(guide.bound) == pytest.approx(SCORES.max()) and guide.shift == 0.0 and spent == 2000
  shifted, _ = guidance.Rejection(burn_in=2000, percentile=70.0).fit(_propose, _score, SEED)
  odds = shifted.log_odds(_score(_propose(tf.range(20_000), noise.seed(9))[0]))
  assert np.mean(odds > 0.0) == pytest.approx(0.3, abs=0.06)  # There are few different scores, so some equal the percentile.
  known, spent = guidance.Rejection(bound=2.0).fit(_propose, _score, SEED)
  assert known.bound == 2.0 and spent == 0


def test_resampling_two_candidates_matches_an_enumeration():
  weights = np.exp(SCORES)
  p = 2.0 * Q * np.sum(Q * weights[:, None] / (weights[:, None] + weights), axis=1)
  guided = _sample(guidance.Resampling(2), 40_000)
  _assert_drawn_from(guided, p)
  _assert_consistent(guided)
  assert guided.proposals == 80_000 and np.all(guided.accepted)


def test_resampling_one_candidate_is_the_proposal_and_many_are_the_guided_model():
  _assert_drawn_from(_sample(guidance.Resampling(1), 10_000), Q)
  _assert_drawn_from(_sample(guidance.Resampling(256), 4000), _guided())


def _search(candidates, num, every=1, seed=SEED, **options):
  size = num * candidates
  guide = guidance.Search(candidates, every)
  start, state = tf.zeros([size], tf.int32), tf.zeros([size])
  return tf.function(lambda seed: guide(_step, pickers.Categorical(), start, state, _score, 3, seed, **options))(seed)


def _bad_prefix_score(tokens, count):
  """Prefers other sequences than the scores do."""
  return 0.3 * tf.cast(count, tf.float32) * tf.cast(tokens[:, 0], tf.float32)


@pytest.mark.parametrize(("every", "options"), [(1, {}), (2, {}), (1, {"score_prefix": _bad_prefix_score})], ids=["completions", "blocks", "bad"])
def test_search_with_many_particles_draws_from_the_guided_model(every, options):
  guided = _search(64, 2000, every, **options)
  _assert_drawn_from(guided, _guided())
  _assert_consistent(guided)


def test_search_approaches_the_guided_model_with_more_particles():
  few, more = _search(1, 8000), _search(6, 8000)
  _assert_drawn_from(few, Q)
  assert _distance(few, _guided()) > 2.0 * _distance(more, _guided())


def test_good_prefix_scores_save_particles():
  """The exact prefix score is the log of the mean weight over completions: the particles then only need to choose the last token."""
  exact = Q * np.exp(SCORES)
  tables = [np.log([exact[_starts(prefix)].sum() / Q[_starts(prefix)].sum() for prefix in itertools.product(range(4), repeat=n)]) for n in (1, 2)]

  def prefix_score(tokens, count):
    first, second = (tf.constant(table, tf.float32) for table in tables)
    return tf.where(count == 1, tf.gather(first, tokens[:, 0]), tf.gather(second, 4 * tokens[:, 0] + tokens[:, 1]))

  good, plain = (_distance(_search(4, 8000, **options), _guided()) for options in ({"score_prefix": prefix_score}, {}))
  assert good < plain - 0.01


def _starts(prefix):
  return np.all(EVERY[:, : len(prefix)] == prefix, axis=1)


def test_the_work_of_a_search():
  assert _search(4, 10, every=2, score_prefix=_bad_prefix_score).proposals == 40
  # Completing the prefix of two generates each particle's last token twice.
  assert float(_search(4, 10, every=2).proposals) == pytest.approx(40 * (1 + 1 / 3))


def test_sequences_that_end_in_a_search_stay_as_they_are():
  """Token 2 ends a sequence, and 0 is padding."""
  guide = guidance.Search(8, 2)
  start, state = tf.fill([800], 1), tf.zeros([800])
  score = lambda tokens: tf.reduce_sum(tf.cast(tokens == 3, tf.float32), axis=1)  # noqa: E731
  guided = guide(_step, pickers.Categorical(), start, state, score, 7, SEED, end_token=2)
  for row in guided.tokens.numpy():
    ends = np.flatnonzero(row == 2)
    assert not len(ends) or not row[ends[0] + 1 :].any()
  np.testing.assert_allclose(guided.scores, np.sum(guided.tokens.numpy() == 3, axis=1))
  assert np.mean(guided.tokens.numpy() == 3) > 1.2 * np.mean(_sample_to_the_end(start) == 3)


def _sample_to_the_end(start):
  return unrolling.unroll(_step, pickers.Categorical(), start, tf.zeros_like(start, tf.float32), 7, SEED, 2).tokens.numpy()


def test_best_and_effective_share():
  scores = tf.constant([0.0, 1.0, -1.0, 5.0, 4.0, 4.5])
  np.testing.assert_array_equal(guidance.best(scores, 3), [1, 3])
  np.testing.assert_allclose(guidance.effective_share(tf.constant([0.0, 0.0, 50.0, 0.0]), 2), [1.0, 0.5])


def test_results_depend_on_the_seed():
  for guide in (guidance.Rejection(bound=1.0), guidance.Resampling(4)):
    first, again, other = (guide(_propose, _score, tf.constant(50), noise.seed(i)).tokens.numpy() for i in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)

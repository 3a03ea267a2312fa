"""Tests of tf_textgan.metrics.tevet, on a generator whose latent has three values, and against binomial expectations."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from tf_textgan.metrics import tevet

V, T = 4, 3
PRIOR = np.array([0.5, 0.3, 0.2])
# Probabilities of the next token after each token, [Z, V, V], and of the first token, [Z, V].
NEXT = np.random.default_rng(0).dirichlet(np.ones(V), size=(3, V))
FIRST = np.random.default_rng(1).dirichlet(np.ones(V), size=3)
SENTENCES = np.array(list(itertools.product(range(V), repeat=T)))


def conditionals(sentences):
  """Computes the probability of each token after its true prefix, for each latent: [Z, B, T]."""
  return np.concatenate([FIRST[:, sentences[:, :1]], NEXT[:, sentences[:, :-1], sentences[:, 1:]]], axis=2)


def predict(sentences, num, seed, soft=False):
  """Sums `num` predictions, each with its own latent: [B, T]."""
  generator = np.random.default_rng(seed)
  sums = np.zeros(sentences.shape)
  for _ in range(num):
    latents = generator.choice(3, size=sentences.shape, p=PRIOR)
    probabilities = np.take_along_axis(conditionals(sentences), latents[None], axis=0)[0]
    sums += probabilities if soft else generator.random(sentences.shape) < probabilities
  return sums


def exact():
  """Computes log-probabilities of all sentences, token by token, with a new latent for each token."""
  return np.log(np.einsum("z,zbt->bt", PRIOR, conditionals(SENTENCES)))


def test_the_exact_conditionals_are_a_language_model():
  np.testing.assert_allclose(np.exp(exact().sum(axis=1)).sum(), 1.0, rtol=1e-12)


@pytest.mark.parametrize("soft", [False, True])
def test_more_samples_reduce_the_error_of_the_likelihood(soft):
  errors = []
  for num in (30, 300, 3000):
    estimate = tevet.log_probs(predict(SENTENCES, num, 2, soft), num, V)
    errors.append(np.sqrt(np.mean((estimate - exact()) ** 2)))
  # The error falls with the square root of N: by 3.2 per factor of 10.
  assert errors[0] > 2 * errors[1] > 4 * errors[2] and errors[2] < 0.06


def test_softmax_rows_have_less_variance():
  hard, soft = (tevet.log_probs(predict(SENTENCES, 100, 3, soft), 100, V) for soft in (False, True))
  assert np.mean((soft - exact()) ** 2) < 0.5 * np.mean((hard - exact()) ** 2)


def test_a_latent_kept_for_the_sentence_is_another_model():
  kept = np.log(PRIOR @ conditionals(SENTENCES).prod(axis=2))
  estimate = tevet.log_probs(predict(SENTENCES, 3000, 4), 3000, V).sum(axis=1)
  np.testing.assert_allclose(estimate, exact().sum(axis=1), atol=0.3)
  difference = exact().sum(axis=1) - kept
  assert difference.min() < -0.3 and difference.max() > 0.3


@pytest.mark.parametrize(("num", "p", "alpha"), [(10, 0.3, 1.0), (50, 0.02, 1.0), (200, 0.3, 0.5), (200, 0.05, 2.0)])
def test_the_mean_equals_the_binomial(num, p, alpha):
  counts = np.arange(num + 1)
  expected = scipy.stats.binom.pmf(counts, num, p) @ -np.log((counts + alpha / V) / (num + alpha))
  drawn = -tevet.log_probs(np.random.default_rng(5).binomial(num, p, size=100_000), num, V, alpha)
  assert abs(drawn.mean() - expected) <= 4 * drawn.std() / math.sqrt(100_000)


@pytest.mark.parametrize("p", [0.3, 0.6])
def test_a_finite_sample_makes_the_nll_too_high(p):
  num, counts = 400, np.arange(401)
  weights = scipy.stats.binom.pmf(counts, num, p)
  # Almost no smoothing: the count 0 has a probability below 1e-60.
  bias = weights @ -tevet.log_probs(counts, num, V, alpha=1e-6) + math.log(p)
  np.testing.assert_allclose(bias, (1 - p) / (2 * num * p), rtol=0.02)


def test_the_smoothing_decides_the_cost_of_rare_tokens():
  num, p = 100, 1e-5
  weights = scipy.stats.binom.pmf(np.arange(num + 1), num, p)
  nll = weights @ -tevet.log_probs(np.arange(num + 1), num, V)
  assert nll == pytest.approx(math.log(V * 101), abs=0.01) and nll < -math.log(p) - 5


def test_smoothing_by_hand():
  np.testing.assert_allclose(np.exp(tevet.log_probs([0, 3, 9], 9, 4)), [0.025, 0.325, 0.925])
  # The probabilities of all tokens sum to 1.
  np.testing.assert_allclose(np.exp(tevet.log_probs([5, 4, 0, 0], 9, 4, alpha=3.0)).sum(), 1.0)
  assert tevet.log_probs([0, 9], 9, 4, alpha=0).tolist() == [-math.inf, 0.0]


def test_padding_does_not_count():
  log_probs = [[-1.0, -2.0, -math.inf], [-6.0, math.nan, -9.0]]
  estimate = tevet.nll(log_probs, [[1, 1, 0], [1, 0, 0]])
  assert estimate.value == 3.0 and estimate.n == 2 and estimate.ci > 0


def test_an_impossible_token_makes_it_infinite():
  estimate = tevet.nll([[-1.0, -math.inf], [-1.0, -1.0]], np.ones([2, 2]))
  assert estimate.value == math.inf and math.isnan(estimate.ci) and estimate.n == 2


def test_the_nll_of_a_corpus():
  generator = np.random.default_rng(6)
  corpus = SENTENCES[generator.choice(len(SENTENCES), size=1000, p=np.exp(exact().sum(axis=1)))]
  estimate = tevet.nll(tevet.log_probs(predict(corpus, 500, 7), 500, V), np.ones(corpus.shape))
  entropy = -np.sum(np.exp(exact().sum(axis=1)) * exact().sum(axis=1)) / T
  assert abs(estimate.value - entropy) <= 2 * estimate.ci


def test_mistakes():
  for sums in ([-1.0], [11.0], [math.nan]):
    with pytest.raises(ValueError, match="from 0 to 10"):
      tevet.log_probs(sums, 10, 4)
  for num, size, alpha in ((0, 4, 1.0), (10, 0, 1.0), (10, 4, -1.0), (10, 4, math.nan)):
    with pytest.raises(ValueError, match="at least 1"):
      tevet.log_probs([0.0], num, size, alpha)
  with pytest.raises(ValueError, match=r"got \(2,\) and \(2,\)"):
    tevet.nll([-1.0, -1.0], [1, 1])
  with pytest.raises(ValueError, match=r"got \(1, 2\) and \(2, 1\)"):
    tevet.nll([[-1.0, -1.0]], [[1], [1]])
  for log_probs, mask in (([[math.nan]], [[1]]), ([[-1.0]], [[0]])):
    with pytest.raises(ValueError, match="NaN or none"):
      tevet.nll(log_probs, mask)

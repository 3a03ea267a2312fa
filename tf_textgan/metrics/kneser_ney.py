"""N-gram language model with interpolated modified Kneser-Ney smoothing, and forward and reverse scores of samples by it.

Chen and Goodman, An empirical study of smoothing techniques for language modeling, TR-10-98, Harvard, 1998; Computer Speech & Language 13, 1999.
With h a context, h' the context without its first token, and c the counts of the n-grams of one order:

  p(w | h) = (max(c(hw) - D(c(hw)), 0) + p(w | h') sum_v D(c(hv))) / sum_v c(hv),   or p(w | h') if h was never seen.

The recursion ends with the uniform distribution. The conventions follow KenLM (Heafield et al., https://aclanthology.org/P13-2121):

* A sentence has one start mark at every order: its first word is predicted from the mark alone, the second from the mark and the first word.
  The start mark is never predicted; the end mark is predicted and counted.
* c counts occurrences for the highest order and for n-grams that begin with the start mark, and distinct left neighbours for all others.
* D(0) = 0. Each order has its own D(1), D(2) and D(3), the last for all higher counts: D(j) = j - (j + 1) Y n_{j+1} / n_j with n_j the number of
  n-grams with c = j, and Y = n_1 / (n_1 + 2 n_2).
* If counts are too few for the formula, KenLM refuses the text, or with --discount_fallback takes 0.5, 1 and 1.5. Departure: if n_{j+1} is 0, D(j)
  is D(j - 1) + 1, so that another occurrence adds nothing; otherwise, if the formula gives no positive value, D(j) = Y, as in plain Kneser-Ney
  smoothing; without n_1 all three are KenLM's. Otherwise, with 40,000 n-grams of which one in 500 is seen twice, 0.5 would leave half of the weight
  to n-grams seen once, and whether a single one is seen four times would move a score by 0.05 nats per token.
"""

from collections.abc import Hashable
from collections.abc import Iterable
import itertools
from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates
from tf_textgan.metrics import numbering

# D(1), D(2) and D(3) of an order without n-grams of count 1: KenLM's --discount_fallback.
_FALLBACK = (0.5, 1.0, 1.5)


class _Grams(NamedTuple):
  """The K n-grams of one order in some sentences, with P occurrences. A context is an index into the n-grams of the order below.

  Attributes:
    keys: int64 `[K]`, ascending: context * number of token ids + id of the last token.
    begins: bool `[K]`, whether the n-gram begins with the start mark.
    suffix: int64 `[K]`, index of the n-gram without its first token in the order below; zeros for unigrams.
    ids: int64 `[P]`, index of the n-gram of each occurrence, sentences in order.
    sentence: int64 `[P]`, index of the sentence of each occurrence.
  """

  keys: np.ndarray
  begins: np.ndarray
  suffix: np.ndarray
  ids: np.ndarray
  sentence: np.ndarray


class _Level(NamedTuple):
  """Counts of one order: K n-grams in M contexts.

  Attributes:
    known: bool `[K]`, whether the n-gram occurs.
    discounted: float64 `[K]`, counts minus discounts.
    discount: float64 `[M]`, sum of the discounts in each context.
    total: float64 `[M]`, sum of the counts in each context.
  """

  known: np.ndarray
  discounted: np.ndarray
  discount: np.ndarray
  total: np.ndarray


class _Lookup(NamedTuple):
  """Where the tokens of some sentences are found among the n-grams of one order.

  Attributes:
    here: int64 `[L]`, positions in the concatenated sentences whose context is an n-gram of the order below.
    contexts: int64 `[L]`, the index of that context.
    found: int64 `[L]`, the index of the n-gram that ends here, if there is one.
    seen: bool `[L]`, whether there is one.
  """

  here: np.ndarray
  contexts: np.ndarray
  found: np.ndarray
  seen: np.ndarray


class Model:
  """N-gram model of sentences over a closed vocabulary; see the module.

  In every context the probabilities of the vocabulary, the end mark and one type for all unknown tokens are positive and sum to 1.

  Attributes:
    discounts: float64 `[order, 3]`, D(1), D(2) and D(3) of unigrams, bigrams and so on.
  """

  def __init__(self, sentences: numbering.Sentences, order: int = 5, vocabulary: Iterable[Hashable] | None = None):
    """Counts the n-grams.

    Args:
      sentences: at least one; an empty sequence is a sentence too.
      order: length of the longest n-grams.
      vocabulary: tokens, repetitions allowed; all others, also in training, are one unknown type. None for the tokens of `sentences`. Only models
        over the same vocabulary can be compared.

    Raises:
      ValueError: without sentences, or for an order below 1.
    """
    if order < 1 or not len(sentences):
      raise ValueError(f"expected an order of at least 1 and at least one sentence to train on, not order {order} and {len(sentences)} sentences")
    types = itertools.chain.from_iterable(sentences) if vocabulary is None else vocabulary
    self._ids = {token: i for i, token in enumerate(dict.fromkeys(types))}
    self._unknown, self._end, self._start = range(len(self._ids), len(self._ids) + 3)
    self._num = len(sentences)
    self._grams = self._find(sentences, order)
    self._occurrences = [np.bincount(grams.ids, minlength=len(grams.keys)) for grams in self._grams]
    self.discounts, self._levels = self._fit(self._occurrences)

  def token_log_probs(self, sentences: numbering.Sentences) -> np.ndarray:
    """Computes the log-probability of every token.

    Args:
      sentences: N sentences.

    Returns:
      float64 `[sum of (length + 1)]`, nats: the tokens and the end mark of each sentence, sentences in order.
    """
    positions, lookups = self._look_up(sentences)
    return self._log_probs(positions, lookups, self._levels)

  def log_probs(self, sentences: numbering.Sentences) -> np.ndarray:
    """Computes the log-probability of whole sentences.

    Args:
      sentences: N sentences.

    Returns:
      float64 `[N]`, nats, over length + 1 predictions, the end mark included.
    """
    places = np.repeat(np.arange(len(sentences)), _predictions(sentences))
    return np.bincount(places, self.token_log_probs(sentences), minlength=len(sentences))

  def jackknife(self, sentences: numbering.Sentences) -> np.ndarray:
    """Scores sentences by models trained without each group of the training sentences in turn, for an interval of `nll` (Efron and Stein, 1981).

    The n-grams are found once. The discounts stay those of all sentences: in a small sample they jump with single counts, and the interval would be
    twice too wide.

    Args:
      sentences: N sentences.

    Returns:
      float64 `[G]`, nats per token, end marks counted: see `estimates.groups`. Empty for a single training sentence.
    """
    positions, lookups = self._look_up(sentences)
    values = []
    for left_out in estimates.groups(np.arange(self._num)) if self._num > 1 else ():
      kept = []
      for grams, occurrences in zip(self._grams, self._occurrences):
        group = grams.ids[slice(*np.searchsorted(grams.sentence, [left_out[0], left_out[-1] + 1]))]
        kept.append(occurrences - np.bincount(group, minlength=len(occurrences)))
      _, levels = self._fit(kept, self.discounts)
      values.append(-self._log_probs(positions, lookups, levels).mean())
    return np.array(values)

  def _encode(self, sentences):
    """Returns the ids of all sentences with their marks, concatenated, and the position of each id in its sentence, int64 both."""
    tokens, positions = [], []
    for sentence in sentences:
      tokens.append(self._start)
      tokens.extend(self._ids.get(token, self._unknown) for token in sentence)
      tokens.append(self._end)
      positions.extend(range(len(sentence) + 2))
    return np.array(tokens, np.int64), np.array(positions, np.int64)

  def _keys(self, contexts, tokens):
    return contexts * (self._start + 1) + tokens

  def _find(self, sentences, order):
    """Finds the `_Grams` of each order."""
    tokens, positions = self._encode(sentences)
    sentence = np.cumsum(positions == 0) - 1
    found = []
    # Index of the n-gram that ends at each position; at first the empty n-gram.
    ends = np.zeros(len(tokens), np.int64)
    for context_length in range(order):
      here = np.flatnonzero(positions >= context_length)
      keys, first, ids = np.unique(self._keys(ends[here - 1], tokens[here]), return_index=True, return_inverse=True)
      begins = found[-1].begins[keys // (self._start + 1)] if found else keys == self._start
      found.append(_Grams(keys, begins, ends[here[first]], ids, sentence[here]))
      ends = np.full(len(tokens), -1)
      ends[here] = ids
    return found

  def _fit(self, occurrences, discounts=None):
    """The discounts, float64 `[order, 3]`, estimated if None, and the `_Level` of each order, from the numbers of occurrences of its n-grams."""
    known, discounts, levels = discounts, [], []
    num_contexts = 1
    for number, (grams, occurred) in enumerate(zip(self._grams, occurrences)):
      counts = occurred
      if number + 1 < len(occurrences):
        # Each n-gram adds one left neighbour to its suffix of the order below.
        longer = self._grams[number + 1].suffix[occurrences[number + 1] > 0]
        counts = np.where(grams.begins, occurred, np.bincount(longer, minlength=len(occurred)))
      if number == 0:
        counts = np.where(grams.begins, 0, counts)  # The start mark is a context but never predicted.
      discounts.append(_estimate_discounts(counts) if known is None else known[number])
      contexts = grams.keys // (self._start + 1)
      taken = np.concatenate([[0.0], discounts[-1]])[np.minimum(counts, 3)]
      sums = np.bincount(contexts, taken, num_contexts), np.bincount(contexts, counts, num_contexts)
      levels.append(_Level(occurred > 0, counts - taken, *sums))
      num_contexts = len(grams.keys)
    return np.array(discounts), levels

  def _look_up(self, sentences):
    """The position of each token in its sentence, int64 `[L]`, and the `_Lookup` of each order."""
    tokens, positions = self._encode(sentences)
    lookups = []
    ends = np.zeros(len(tokens), np.int64)
    for context_length, grams in enumerate(self._grams):
      here = np.flatnonzero(positions >= context_length)
      here = here[ends[here - 1] >= 0]
      contexts = ends[here - 1]
      keys = self._keys(contexts, tokens[here])
      found = np.minimum(np.searchsorted(grams.keys, keys), len(grams.keys) - 1)
      seen = grams.keys[found] == keys
      lookups.append(_Lookup(here, contexts, found, seen))
      ends = np.full(len(tokens), -1)
      ends[here[seen]] = found[seen]
    return positions, lookups

  def _log_probs(self, positions, lookups, levels):
    """As `token_log_probs`, from `_look_up` and `_fit`."""
    # The start mark is a type but never predicted.
    probabilities = np.full(len(positions), 1.0 / self._start)
    known_contexts = np.ones(1, bool)
    for (here, contexts, found, seen), level in zip(lookups, levels):
      on = known_contexts[contexts]
      here, contexts, found, seen = here[on], contexts[on], found[on], seen[on]
      discounted = np.where(seen, level.discounted[found], 0.0)
      probabilities[here] = (discounted + level.discount[contexts] * probabilities[here]) / level.total[contexts]
      known_contexts = level.known
    return np.log(probabilities[positions > 0])


class Scorer:
  """Scores samples with n-gram models, forward and in reverse; the forward model is trained once.

  Forward, a model of real text scores the samples: a measure of fluency. It ignores missing diversity: repeating one good sentence scores well, and
  so does sampling at a low temperature, so a value below real text's is no merit. In reverse, a model of the samples scores real text, which
  penalizes missing diversity as well as errors. The reverse score falls as the sample grows, so compare samples of equal size, and with real text of
  that size. Neither sees further than `order` tokens.

  Cifka et al., https://arxiv.org/abs/1804.07972; Semeniuta et al., https://arxiv.org/abs/1806.04936.

  Both models use the vocabulary of `training` and `references`, with one type for unknown tokens: it depends on real text only, so that values of
  different systems are comparable.
  """

  def __init__(self, references: numbering.Sentences, training: numbering.Sentences | None = None, order: int = 5):
    """Trains the forward model.

    Args:
      references: real sentences, at least one.
      training: other real sentences to train the forward model on; None for the references.
      order: length of the longest n-grams.

    Raises:
      ValueError: without sentences to train on, or for an order below 1.
    """
    real = references if training is None else training
    self._references = references
    self._order = order
    self._vocabulary = dict.fromkeys(itertools.chain.from_iterable(itertools.chain(real, references)))
    self._model = Model(real, order, self._vocabulary)

  def __call__(self, samples: numbering.Sentences) -> dict[str, estimates.Estimate]:
    """Scores a sample.

    Args:
      samples: at least one sentence.

    Returns:
      Estimates in nats per token, end marks counted: `lm_nll` of the samples and `reverse_lm_nll` of the references. The intervals cover the choice
      of samples and of references, not of the training sentences, which all systems share.

    Raises:
      ValueError: without samples.
    """
    reverse = Model(samples, self._order, self._vocabulary)
    number = _nll(reverse, self._references, shared=True)
    return {"lm_nll": _nll(self._model, samples), "reverse_lm_nll": estimates.with_jackknife(number, reverse.jackknife(self._references))}

  def values(self, samples: numbering.Sentences) -> dict[str, float]:
    """Scores a sample as a call does, without intervals, which take most of its time."""
    reverse = Model(samples, self._order, self._vocabulary)
    return {"lm_nll": _mean(self._model, samples), "reverse_lm_nll": _mean(reverse, self._references)}

  def real(self) -> estimates.Estimate:
    """Computes the forward score of the references: `lm_nll` of held-out real text. Meaningful only with `training`."""
    return _nll(self._model, self._references)


def _nll(model, sentences, shared=False):
  return estimates.mean(-model.log_probs(sentences), _predictions(sentences), shared=shared)


def _mean(model, sentences):
  return float(-model.token_log_probs(sentences).mean())


def _predictions(sentences):
  """Returns the number of predictions per sentence, its tokens and the end mark: int64 `[N]`."""
  return np.array([len(sentence) + 1 for sentence in sentences], np.int64)


def _estimate_discounts(counts):
  """Computes D(1), D(2) and D(3) from the counts of an order by the formulas of the module; float64 `[3]`."""
  n = np.bincount(np.minimum(counts, 5), minlength=6)[1:5]
  if not n[0]:
    return np.array(_FALLBACK)
  y = n[0] / (n[0] + 2 * n[1])
  discounts = [0.0]
  for j, (of_this, of_next) in enumerate(itertools.pairwise(n), start=1):
    if not of_next:
      discounts.append(discounts[-1] + 1)
    elif j * of_this > (j + 1) * y * of_next:
      discounts.append(j - (j + 1) * y * of_next / of_this)
    else:
      discounts.append(y)
  return np.array(discounts[1:])

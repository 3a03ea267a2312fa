"""An n-gram language model with interpolated modified Kneser-Ney smoothing, and the forward and reverse scores of samples by it.

Chen and Goodman, An empirical study of smoothing techniques for language modeling, TR-10-98, Harvard, 1998; Computer Speech & Language 13, 1999.
With h a context, h' the same without its first token, and c the counts of the n-grams of one order:

  p(w | h) = (max(c(hw) - D(c(hw)), 0) + p(w | h') sum_v D(c(hv))) / sum_v c(hv),   or p(w | h') if h was never seen.

The recursion ends with the uniform distribution. The conventions are those of KenLM (Heafield et al., https://aclanthology.org/P13-2121):

* A sentence has one start mark, whatever the order: its first word is predicted from the mark alone, the second from the mark and the first word.
  The mark is never predicted; the end mark is predicted and counted.
* c is the number of occurrences for the highest order and for n-grams that begin with the start mark, else of the distinct tokens to the left.
* D(0) = 0; D(1), D(2) and D(3), which is for all higher counts too, are the order's own: D(j) = j - (j + 1) Y n_{j+1} / n_j with n_j the number of
  n-grams whose c is j and Y = n_1 / (n_1 + 2 n_2).
* Where counts are too few for that, KenLM refuses the text, or with --discount_fallback takes 0.5, 1 and 1.5. A departure: if n_{j+1} is 0, D(j) is
  D(j - 1) + 1, so that another occurrence counts for no more; else, if the formula gives no value above zero, D(j) = Y, as in plain Kneser-Ney
  smoothing; and without an n_1 all three are KenLM's. Of 40,000 n-grams of which one in 500 is seen twice, 0.5 would leave half of the weight to what
  was seen once, and whether a single one is seen four times would move a score by 0.05 nats a token.
"""

import itertools
from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates

# D(1), D(2) and D(3) of an order without an n-gram whose count is 1: those of KenLM's --discount_fallback.
_FALLBACK = (0.5, 1.0, 1.5)


class _Level(NamedTuple):
  """The n-grams of one order. Those of the order below, whose indices are the contexts, are counted by M, and these by K.

  Attributes:
    keys: int64 `[K]`, ascending: context * number of token ids + id of the last token.
    discounted: float64 `[K]`, counts less their discounts.
    discount: float64 `[M]`, the sum of what was taken from each context's counts.
    total: float64 `[M]`, the sum of each context's counts.
  """

  keys: np.ndarray
  discounted: np.ndarray
  discount: np.ndarray
  total: np.ndarray


class Model:
  """An n-gram model of sentences over a closed vocabulary; see the module.

  In every context the probabilities of the vocabulary, of the end and of one type for all unknown tokens are above zero and sum to one.

  Attributes:
    discounts: float64 `[order, 3]`, D(1), D(2) and D(3) of unigrams, bigrams and so on.
  """

  def __init__(self, sentences, order=5, vocabulary=None):
    """Counts the n-grams.

    Args:
      sentences: sequences of hashable tokens, at least one; an empty sequence is a sentence too.
      order: tokens in the longest n-grams.
      vocabulary: iterable of tokens, repetitions allowed; all others, in training too, are one unknown type. None for the tokens of `sentences`.
        Only models over the same vocabulary can be compared.

    Raises:
      ValueError: no sentences or no order.
    """
    if order < 1 or not len(sentences):
      raise ValueError(f"expected an order of at least 1 and at least one sentence to train on, not order {order} and {len(sentences)} sentences")
    types = itertools.chain.from_iterable(sentences) if vocabulary is None else vocabulary
    self._ids = {token: i for i, token in enumerate(dict.fromkeys(types))}
    self._unknown, self._end, self._start = range(len(self._ids), len(self._ids) + 3)
    tables = self._counts(sentences, order)
    self.discounts = np.array([_estimate_discounts(counts) for _, counts in tables])
    num_contexts = [1] + [len(keys) for keys, _ in tables]
    self._levels = [self._level(*table, *rest) for table, *rest in zip(tables, self.discounts, num_contexts)]

  def token_log_probs(self, sentences):
    """Scores every token.

    Args:
      sentences: sequences of hashable tokens.

    Returns:
      float64 `[sum of (length + 1)]`, nats: each sentence's tokens and its end, one sentence after the other.
    """
    tokens, positions = self._encode(sentences)
    # The start mark is a type, but no outcome.
    probabilities = np.full(len(tokens), 1.0 / self._start)
    grams = np.zeros(len(tokens), np.int64)
    for context_length, level in enumerate(self._levels):
      here = np.flatnonzero(positions >= context_length)
      here = here[grams[here - 1] >= 0]
      contexts = grams[here - 1]
      keys = self._keys(contexts, tokens[here])
      found = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
      seen = level.keys[found] == keys
      discounted = np.where(seen, level.discounted[found], 0.0)
      probabilities[here] = (discounted + level.discount[contexts] * probabilities[here]) / level.total[contexts]
      # Of each n-gram that ends here, its index, or -1 if it was never seen.
      grams = np.full(len(tokens), -1)
      grams[here[seen]] = found[seen]
    return np.log(probabilities[positions > 0])

  def log_probs(self, sentences):
    """Scores whole sentences.

    Args:
      sentences: sequences of hashable tokens.

    Returns:
      float64 `[N]`, nats, the end of the sentence included: of length + 1 predictions.
    """
    places = np.repeat(np.arange(len(sentences)), _predictions(sentences))
    return np.bincount(places, self.token_log_probs(sentences), minlength=len(sentences))

  def _encode(self, sentences):
    """The ids of all sentences, one after the other with their marks, and the place of each in its sentence; both int64."""
    tokens, positions = [], []
    for sentence in sentences:
      tokens.append(self._start)
      tokens.extend(self._ids.get(token, self._unknown) for token in sentence)
      tokens.append(self._end)
      positions.extend(range(len(sentence) + 2))
    return np.array(tokens, np.int64), np.array(positions, np.int64)

  def _keys(self, contexts, tokens):
    return contexts * (self._start + 1) + tokens

  def _counts(self, sentences, order):
    """The keys of the n-grams of each order, ascending, and their counts: c of the module."""
    tokens, positions = self._encode(sentences)
    tables = []
    # The index of the n-gram that ends at each position, the empty one to begin with.
    grams = np.zeros(len(tokens), np.int64)
    for context_length in range(order):
      here = np.flatnonzero(positions >= context_length)
      occurrences = self._keys(grams[here - 1], tokens[here])
      keys, first, indices, counts = np.unique(occurrences, return_index=True, return_inverse=True, return_counts=True)
      if context_length == 0:
        begins = keys == self._start
        # A context, but never predicted.
        counts[begins] = 0
      else:
        # Each n-gram is one token to the left of the shorter one with which it ends.
        shorter, occurred = tables[-1]
        tables[-1] = shorter, np.where(begins, occurred, np.bincount(grams[here[first]], minlength=len(shorter)))
        begins = begins[keys // (self._start + 1)]
      tables.append((keys, counts))
      grams = np.full(len(tokens), -1)
      grams[here] = indices
    return tables

  def _level(self, keys, counts, discounts, num_contexts):
    contexts = keys // (self._start + 1)
    taken = np.concatenate([[0.0], discounts])[np.minimum(counts, 3)]
    return _Level(keys, counts - taken, np.bincount(contexts, taken, num_contexts), np.bincount(contexts, counts, num_contexts))


class Scorer:
  """Scores samples by n-gram models, forward and in reverse; the forward model is made once.

  Forward, a model of real text scores the samples: how likely, so how fluent, they are. It says nothing of what they leave out: one good sentence
  again and again does well, and so does any sampling at a low temperature; a value below that of real text is no merit. In reverse, a model of the
  samples scores real text: that punishes what they leave out as well as what is wrong in them. It falls as the sample grows, so compare samples of
  one size, and with real text of this size. Neither sees further than `order` tokens.

  Cifka et al., https://arxiv.org/abs/1804.07972; Semeniuta et al., https://arxiv.org/abs/1806.04936.

  Both models are over the types of `training` and `references`, and all else is one unknown type: real text alone decides on the vocabulary, so that
  the values of different systems are comparable.
  """

  def __init__(self, references, training=None, order=5):
    """Trains the forward model.

    Args:
      references: real sentences, sequences of hashable tokens, at least one.
      training: other real sentences, to train the forward model on; None for the references.
      order: tokens in the longest n-grams.

    Raises:
      ValueError: no sentences to train on or no order.
    """
    real = references if training is None else training
    self._references = references
    self._order = order
    self._vocabulary = dict.fromkeys(itertools.chain.from_iterable(itertools.chain(real, references)))
    self._model = Model(real, order, self._vocabulary)

  def __call__(self, samples):
    """Scores a sample.

    Args:
      samples: sequences of hashable tokens, at least one.

    Returns:
      Dictionary of `estimates.Estimate`, nats per token, the ends counted: `lm_nll` of the samples, `reverse_lm_nll` of the references.
      The intervals are for the sentences scored; they leave out the chance in those that the models were trained on.

    Raises:
      ValueError: there are no samples.
    """
    reverse = Model(samples, self._order, self._vocabulary)
    return {"lm_nll": _nll(self._model, samples), "reverse_lm_nll": _nll(reverse, self._references)}

  def real(self):
    """The forward score of the references: what `lm_nll` is for real text that the model was not trained on; of no meaning without `training`."""
    return _nll(self._model, self._references)


def _nll(model, sentences):
  return estimates.mean(-model.log_probs(sentences), _predictions(sentences))


def _predictions(sentences):
  """How many tokens of each sentence a model predicts: all and the end. int64 `[N]`."""
  return np.array([len(sentence) + 1 for sentence in sentences], np.int64)


def _estimate_discounts(counts):
  """D(1), D(2) and D(3) of n-grams with these counts, by the formulas of the module; float64 `[3]`."""
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

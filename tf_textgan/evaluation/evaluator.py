"""Scores generators and texts with the metrics that a corpus allows."""

import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.data import pipeline
from tf_textgan.generators import base
from tf_textgan.metrics import diversity
from tf_textgan.metrics import likelihood
from tf_textgan.sampling import noise

_BATCH = 256


class Evaluator:
  """Evaluates one generator on one corpus; what it compiles it keeps for the next time.

  Attributes:
    write: the generator's `write`, compiled.
  """

  def __init__(self, generator, corpus, seed):
    """Args: generator: see `generators.base`; corpus: `data.corpus.Corpus`; seed: integer, the same samples' noise every time."""
    self._generator = generator
    self._corpus = corpus
    self._seed = noise.fold(noise.seed(seed), "evaluation")
    self.write = tf.function(generator.write)
    self._log_probs = tf.function(self._sequence_log_probs) if isinstance(generator, base.Autoregressive) else None
    self._training = None

  def __call__(self, num, split="validation", picker=None):
    """Samples and scores.

    Args:
      num: sequences to sample.
      split: whose sequences to score under the generator, and to compare n-grams with.
      picker: see `sampling.pickers`; None for the generator's own.

    Returns:
      Dictionary of numbers: `nll_<split>` (nats per token, of the split under the generator; an upper bound if it has a latent; absent
      without a likelihood), `entropy` (nats per token, of the samples under what they were drawn from), and those of `score_tokens`.
    """
    tokens, log_probs = self.write(tf.constant(num), noise.fold(self._seed, "samples"), picker)
    tokens, log_probs = tokens.numpy(), log_probs.numpy()
    numbers = {}
    if self.has_likelihood:
      real = self._corpus.tokens[split]
      numbers[f"nll_{split}"] = likelihood.average(self.log_probs(real), lengths(real, self._corpus.spec)).nll
      numbers["entropy"] = likelihood.average(log_probs, lengths(tokens, self._corpus.spec)).nll
    if self._training is None:
      self._training = as_sentences(self._corpus.tokens["train"], self._corpus.spec)
    return numbers | score_tokens(tokens, self._corpus, split, self._training)

  @property
  def has_likelihood(self):
    """Whether the generator gives sequences a probability."""
    return self._log_probs is not None

  def log_probs(self, tokens):
    """Log-probability of each sequence under the generator, nats, float64 `[N]`; see `generators.base.Autoregressive.log_probs`."""
    seed = noise.fold(self._seed, "latent")
    batches = enumerate(pipeline.padded_batches(tokens, _BATCH))
    return np.concatenate([self._log_probs(batch, noise.fold(seed, i)).numpy() for i, batch in batches]).astype(np.float64)

  def _sequence_log_probs(self, tokens, seed):
    latent = self._generator.draw_latent(tf.shape(tokens)[0], seed)
    return tf.reduce_sum(self._generator.log_probs(tokens, latent), axis=1)


def score_tokens(tokens, corpus, split, training=None):
  """Scores token sequences by themselves, against a corpus and, where it is known, under the truth.

  Args:
    tokens: int32 `[N, T]`.
    corpus: `data.corpus.Corpus`.
    split: whose n-grams to compare with.
    training: the training sentences as `as_sentences` gives them, if the caller has them already.

  Returns:
    Dictionary of numbers: `distinct_1` to `distinct_4`, `duplicates`, `copied` (share that stands in the training set), `js_2`
    (divergence of bigrams from the split's, nats), `mean_length` (tokens without the end token); with a known truth also `nll_oracle` (nats per token
    under it, of the sequences it allows) and `grammatical` (their share: the grammatical ones).
  """
  sentences = as_sentences(tokens, corpus.spec)
  if training is None:
    training = as_sentences(corpus.tokens["train"], corpus.spec)
  numbers = {}
  if corpus.truth is not None:
    truth = likelihood.average(corpus.truth.log_prob(tokens), lengths(tokens, corpus.spec))
    numbers |= {"nll_oracle": truth.nll, "grammatical": truth.possible}
  numbers |= diversity.summary(sentences)
  numbers |= {
    "copied": diversity.copied_share(sentences, training),
    "js_2": diversity.js_divergence(sentences, as_sentences(corpus.tokens[split], corpus.spec), 2),
    "mean_length": float(np.mean([len(sentence) for sentence in sentences])),
  }
  return numbers


def lengths(tokens, spec):
  """Tokens of each sequence, the end token included: int `[N]`."""
  if spec.end_token is None:
    return np.full(len(tokens), tokens.shape[1])
  return np.count_nonzero(np.asarray(tokens) != sequences.PAD, axis=1)


def as_sentences(tokens, spec):
  """Token ids without end token and padding, a tuple for each sequence."""
  ends = lengths(tokens, spec)
  if spec.end_token is not None:
    ends = ends - np.any(tokens == spec.end_token, axis=1)
  return [tuple(row[:end]) for row, end in zip(np.asarray(tokens).tolist(), ends.tolist())]

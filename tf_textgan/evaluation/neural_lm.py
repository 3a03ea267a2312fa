"""LSTM language model, and forward and reverse scores of samples by it: `metrics.kneser_ney` with longer contexts.

Cifka et al., https://arxiv.org/abs/1804.07972; Semeniuta et al., https://arxiv.org/abs/1806.04936; Caccia et al., https://arxiv.org/abs/1811.02549.
The scores depend on the model's size and training: compare only scores with the same `Config`, and report the scores of real text beside them.
"""

from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import itertools

import numpy as np
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import progress
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import likelihood
from tf_textgan.generators import lstm
from tf_textgan.metrics import estimates
from tf_textgan.metrics import numbering
from tf_textgan.sampling import noise

_START, _END, _UNKNOWN, _FIRST = range(1, 5)

# Fraction of the sentences held out for early stopping if the caller has no validation sentences.
_HELD_OUT = 0.1
# Fewest sentences for which this fraction is useful.
_FEWEST = 10
# Epochs without improvement of the held-out likelihood before training stops.
_PATIENCE = 2
_CLIP_NORM = 5.0
# A layer of more units fits into no memory.
_LARGEST_SIZE = 2**16
# Batches per pool. Sentences are sorted by length within a random pool, for little padding in random batches.
_POOL = 20


@dataclasses.dataclass(frozen=True)
class Config:
  """Settings of the LSTM language model that scores samples."""

  # Embedding and hidden size of the LSTM language model that scores samples; 0 omits its scores.
  lm_size: int = 0
  # Number of samples, from the first, to train the reverse LSTM language model on; equal for every system.
  lm_sentences: int = 10000
  # Groups of samples for the jackknife interval of the reverse LSTM score; each trains one more model. 0 for no interval.
  lm_groups: int = 0
  # Most training epochs of each LSTM language model; early stopping by held-out likelihood.
  lm_epochs: int = 30
  # Batch size of the LSTM language model.
  lm_batch_size: int = 64
  # Adam's learning rate for the LSTM language model.
  lm_learning_rate: float = 5e-3
  # Dropout rate of the LSTM language model's inputs and outputs.
  lm_dropout: float = 0.5

  def __post_init__(self):
    checks.at_least(self, 0, "lm_size", "lm_groups")
    checks.at_most(self, _LARGEST_SIZE, "lm_size")
    checks.at_least(self, 1, "lm_epochs", "lm_batch_size")
    checks.at_least(self, _FEWEST, "lm_sentences")
    checks.above_zero(self, "lm_learning_rate")
    checks.share(self, "lm_dropout")


class Model:
  """Language model of sentences over a closed vocabulary; all other tokens are one unknown type.

  Attributes:
    network: `generators.lstm.Generator`.
  """

  def __init__(self, vocabulary: Iterable[Hashable], config: Config, seed: int):
    """Creates an untrained model.

    Args:
      vocabulary: tokens, repetitions allowed.
      config: sizes and batch size.
      seed: of the initial weights.
    """
    self._ids = {token: _FIRST + i for i, token in enumerate(dict.fromkeys(vocabulary))}
    # The length is irrelevant: the network generates no sentences.
    spec = sequences.Spec(_FIRST + len(self._ids), 1, _START, _END, forbidden_tokens=(sequences.PAD, _START))
    sizes = lstm.Config(embedding_size=config.lm_size, hidden_size=config.lm_size, dropout=config.lm_dropout)
    self.network = lstm.Generator(spec, sizes, seed)
    self._batch_size = config.lm_batch_size
    self._score = tf.function(self._log_prob, autograph=False)

  def encode(self, sentences: numbering.Sentences) -> list[list[int]]:
    """Returns the ids of each sentence, with the end token."""
    return [[*(self._ids.get(token, _UNKNOWN) for token in sentence), _END] for sentence in sentences]

  def log_probs(self, rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Computes the log-probability of whole sentences.

    Args:
      rows: N sentences from `encode`.

    Returns:
      float64 `[N]`, nats, end tokens included.
    """
    order = np.argsort(_lengths(rows), kind="stable")
    result = np.empty(len(rows), np.float64)
    for chosen in _cut(order, self._batch_size):
      result[chosen] = self._score(_pad([rows[i] for i in chosen], self._batch_size)).numpy()[: len(chosen)]
    return result

  def _log_prob(self, tokens):
    return tf.reduce_sum(self.network.log_probs(tokens, tf.zeros([tf.shape(tokens)[0], 0])), axis=1)


def fit(
  sentences: numbering.Sentences, vocabulary: Iterable[Hashable], config: Config, seed: int, validation: numbering.Sentences | None = None
) -> Model:
  """Trains a language model by maximum likelihood with Adam, and keeps the weights of the epoch with the best held-out likelihood.

  Args:
    sentences: at least ten.
    vocabulary: tokens; all others are one unknown type. Only models over the same vocabulary can be compared.
    config: settings.
    seed: of the initial weights, the order, the dropout and the choice of held-out sentences.
    validation: sentences for early stopping; None holds out a tenth of `sentences`.

  Returns:
    The trained model.

  Raises:
    UserError: for too few sentences.
  """
  if len(sentences) < _FEWEST:
    raise errors.UserError(f"an LSTM language model needs at least {_FEWEST} sentences to train on, but got {len(sentences)}")
  model = Model(vocabulary, config, seed)
  generator = np.random.default_rng(seed)
  rows = model.encode(sentences)
  if validation is None:
    shuffled = generator.permutation(len(rows))
    num = round(_HELD_OUT * len(rows))
    held_out, rows = [rows[i] for i in shuffled[:num]], [rows[i] for i in shuffled[num:]]
  else:
    held_out = model.encode(validation)
  optimizer = base.adam(model.network, config.lm_learning_rate)
  seed = noise.fold(noise.seed(seed), "language model")
  @tf.function(autograph=False)
  def step(tokens, number):
    return likelihood.step(model.network, optimizer, sequences.Batch(tokens), noise.fold(seed, number), _CLIP_NORM)

  numbers = itertools.count()
  lowest, best, best_epoch = np.inf, model.network.get_weights(), 0
  total = config.lm_epochs * -(-len(rows) // config.lm_batch_size)
  with progress.bar(total=total, desc=f"LSTM of {len(sentences)} sentences", unit="step") as bar:
    for epoch in range(config.lm_epochs):
      for chosen in _shuffled_batches(_lengths(rows), config.lm_batch_size, generator):
        step(_pad([rows[i] for i in chosen], config.lm_batch_size), tf.constant(next(numbers)))
        bar.update()
      nll = -model.log_probs(held_out).sum() / _lengths(held_out).sum()
      bar.set_postfix(held_out_nll=f"{nll:.3f}")
      if nll < lowest:
        lowest, best, best_epoch = nll, model.network.get_weights(), epoch
      elif epoch - best_epoch >= _PATIENCE:
        break
  model.network.set_weights(best)
  return model


def log_probs(model: Model, sentences: numbering.Sentences) -> np.ndarray:
  """Computes the log-probability of whole sentences.

  Args:
    model: a trained model.
    sentences: N sentences.

  Returns:
    float64 `[N]`, nats, over length + 1 predictions, the end token included.
  """
  return model.log_probs(model.encode(sentences))


class Scorer:
  """Scores samples with LSTM language models, forward and in reverse; the forward model is trained once.

  `metrics.kneser_ney.Scorer` explains both scores and the vocabulary. Unlike a smoothed n-gram model, an LSTM assigns almost no probability to words
  unseen in training: words missing from a sample weigh heavily in the reverse score, and the reverse score of a collapsed sample is bounded only by
  the length of the training.
  """

  def __init__(self, references: numbering.Sentences, training: numbering.Sentences | None, config: Config, seed: int):
    """Trains the forward model.

    Args:
      references: real sentences, at least one.
      training: other real sentences to train the forward model on; None for the references.
      config: settings with `lm_size` above 0.
      seed: of both trainings and the bootstrap.

    Raises:
      UserError: for too few sentences.
    """
    real = references if training is None else training
    self._references = references
    self._config = config
    self._seed = seed
    self._vocabulary = dict.fromkeys(itertools.chain.from_iterable(itertools.chain(real, references)))
    self._model = fit(real, self._vocabulary, config, seed)

  def __call__(self, samples: numbering.Sentences) -> dict[str, estimates.Estimate]:
    """Trains the reverse model and scores a sample.

    Args:
      samples: at least `lm_sentences` sentences. All are scored; the first `lm_sentences` train the reverse model.

    Returns:
      Estimates in nats per token, end tokens counted: `lstm_lm_nll` of the samples and `reverse_lstm_lm_nll` of the references. The first interval
      covers the choice of samples. The second covers that of references and samples, with `lm_groups` above 1; otherwise it is unknown, because the
      reverse model depends on the samples.

    Raises:
      UserError: for too few samples.
    """
    num = self._config.lm_sentences
    if len(samples) < num:
      raise errors.UserError(
        f"the reverse LSTM language model is trained on {num} samples, but there are {len(samples)}; "
        f"sample more, or pass --lm_sentences {len(samples)} or less for every system that is compared"
      )
    # Departure from Caccia et al., who remove duplicates: they are part of the distribution, and every system trains on the same number.
    reverse, without = self._reverse(samples[:num]), []
    groups = np.array_split(np.arange(num), self._config.lm_groups) if self._config.lm_groups > 1 else []
    for group in groups:
      without.append(self._reverse([*samples[: group[0]], *samples[group[-1] + 1 : num]]).value)
    return {"lstm_lm_nll": self._nll(self._model, samples), "reverse_lstm_lm_nll": estimates.with_jackknife(reverse, without)}

  def _reverse(self, samples):
    return self._nll(fit(samples, self._vocabulary, self._config, self._seed), self._references, shared=True)

  def _nll(self, model, sentences, shared=False):
    rows = model.encode(sentences)
    return estimates.mean(-model.log_probs(rows), _lengths(rows), self._seed, shared)


def _shuffled_batches(lengths, batch_size, generator):
  """Splits one epoch into batches of sentences of similar length, in random order; returns their arrays of indices."""
  pools = _cut(generator.permutation(len(lengths)), _POOL * batch_size)
  batches = [batch for pool in pools for batch in _cut(pool[np.argsort(lengths[pool], kind="stable")], batch_size)]
  return [batches[i] for i in generator.permutation(len(batches))]


def _cut(items, size):
  return [items[first : first + size] for first in range(0, len(items), size)]


def _lengths(rows):
  return np.array([len(row) for row in rows], np.int64)


def _pad(rows, batch_size):
  """Pads rows to an int32 array with `batch_size` rows, in one of few widths (8, 12, 16, 24, 32, 48, ..): each width is compiled separately."""
  longest = max(map(len, rows))
  multiple = max(4, 2 ** (longest.bit_length() - 2))
  tokens = np.full([batch_size, -(-longest // multiple) * multiple], sequences.PAD, np.int32)
  for target, row in zip(tokens, rows):
    target[: len(row)] = row
  return tokens

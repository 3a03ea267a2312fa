"""An LSTM language model of stated size, and the forward and reverse scores of samples by it: `metrics.kneser_ney` with a longer memory.

Cifka et al., https://arxiv.org/abs/1804.07972; Semeniuta et al., https://arxiv.org/abs/1806.04936; Caccia et al., https://arxiv.org/abs/1811.02549.
The values depend on the model's size and training, so compare only those of one `Config`, and show those of a sample of real text beside them.
"""

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
from tf_textgan.sampling import noise

_START, _END, _UNKNOWN, _FIRST = range(1, 5)

# Share of the sentences that decides when to stop, where the caller has no others for it.
_HELD_OUT = 0.1
# Fewest sentences of which such a share says anything.
_FEWEST = 10
# Epochs without a better likelihood of the held-out sentences before training ends.
_PATIENCE = 2
_CLIP_NORM = 5.0
# Batches whose sentences are sorted by length among themselves: little padding, and still random batches.
_POOL = 20


@dataclasses.dataclass(frozen=True)
class Config:
  """The LSTM language model by which samples are scored."""

  # Numbers in the embeddings and in the hidden state of the LSTM language model that scores samples; 0 leaves its scores out.
  lm_size: int = 0
  # Samples that the reverse LSTM language model is trained on, the first ones: as many for every system.
  lm_sentences: int = 10000
  # Most epochs of each LSTM language model's training, which ends early when held-out sentences become less likely.
  lm_epochs: int = 30
  # Sentences in a batch of the LSTM language model.
  lm_batch_size: int = 64
  # Adam's learning rate for the LSTM language model.
  lm_learning_rate: float = 5e-3
  # Share of the LSTM language model's inputs and outputs left out in training.
  lm_dropout: float = 0.5

  def __post_init__(self):
    checks.at_least(self, 0, "lm_size")
    checks.at_least(self, 1, "lm_epochs", "lm_batch_size")
    checks.at_least(self, _FEWEST, "lm_sentences")
    checks.above_zero(self, "lm_learning_rate")
    checks.share(self, "lm_dropout")


class Model:
  """A language model of sentences over a closed vocabulary; all other tokens are one unknown type.

  Attributes:
    network: `generators.lstm.Generator`.
  """

  def __init__(self, vocabulary, config, seed):
    """Args: vocabulary: iterable of hashable tokens, repetitions allowed; config: `Config`; seed: integer, of the initial weights."""
    self._ids = {token: _FIRST + i for i, token in enumerate(dict.fromkeys(vocabulary))}
    # Any length: the network is not asked for sentences.
    spec = sequences.Spec(_FIRST + len(self._ids), 1, _START, _END, forbidden_tokens=(sequences.PAD, _START))
    sizes = lstm.Config(embedding_size=config.lm_size, hidden_size=config.lm_size, dropout=config.lm_dropout)
    self.network = lstm.Generator(spec, sizes, seed)
    self._batch_size = config.lm_batch_size
    self._score = tf.function(self._log_prob, autograph=False)

  def encode(self, sentences):
    """The ids of each sentence and the end token: a list of lists."""
    return [[*(self._ids.get(token, _UNKNOWN) for token in sentence), _END] for sentence in sentences]

  def log_probs(self, rows):
    """See the function `log_probs`; rows: as `encode` gives them."""
    order = np.argsort(_lengths(rows), kind="stable")
    result = np.empty(len(rows), np.float64)
    for chosen in _cut(order, self._batch_size):
      result[chosen] = self._score(_pad([rows[i] for i in chosen], self._batch_size)).numpy()[: len(chosen)]
    return result

  def _log_prob(self, tokens):
    return tf.reduce_sum(self.network.log_probs(tokens, tf.zeros([tf.shape(tokens)[0], 0])), axis=1)


def fit(sentences, vocabulary, config, seed, validation=None):
  """Trains a language model by maximum likelihood with Adam, and keeps its weights of the epoch at which held-out sentences were likeliest.

  Args:
    sentences: sequences of hashable tokens, at least ten.
    vocabulary: iterable of tokens; all others are one unknown type. Only models over the same vocabulary can be compared.
    config: `Config`.
    seed: integer, of the weights, the order, the dropout and the choice of held-out sentences.
    validation: sentences that say when to stop; None holds out a tenth of `sentences`.

  Returns:
    `Model`.

  Raises:
    UserError: too few sentences.
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


def log_probs(model, sentences):
  """Scores whole sentences.

  Args:
    model: `Model`.
    sentences: sequences of hashable tokens.

  Returns:
    float64 `[N]`, nats, the end of the sentence included: of length + 1 predictions.
  """
  return model.log_probs(model.encode(sentences))


class Scorer:
  """Scores samples by LSTM language models, forward and in reverse; the forward model is trained once.

  What the two say, and leave out, is told in `metrics.kneser_ney.Scorer`, and the vocabulary is the same here. What a model has not seen in training
  it takes for nearly impossible, unlike an n-gram model with smoothing: words that a sample never uses weigh heavily in the reverse score, and that
  of a collapsed sample has no upper bound but the length of the training.
  """

  def __init__(self, references, training, config, seed):
    """Trains the forward model.

    Args:
      references: real sentences, sequences of hashable tokens, at least one.
      training: other real sentences, to train the forward model on; None for the references.
      config: `Config` with an `lm_size` above 0.
      seed: integer, of both trainings and the bootstrap.

    Raises:
      UserError: too few sentences.
    """
    real = references if training is None else training
    self._references = references
    self._config = config
    self._seed = seed
    self._vocabulary = dict.fromkeys(itertools.chain.from_iterable(itertools.chain(real, references)))
    self._model = fit(real, self._vocabulary, config, seed)

  def __call__(self, samples):
    """Scores a sample; it trains the reverse model.

    Args:
      samples: sequences of hashable tokens, at least `lm_sentences`. All are scored, and the first `lm_sentences` trained on.

    Returns:
      Dictionary of `estimates.Estimate`, nats per token, the ends counted: `lstm_lm_nll` of the samples, `reverse_lstm_lm_nll` of the references.
      The intervals are for the sentences scored; they leave out the chance in the trainings and in what was trained on.

    Raises:
      UserError: too few samples.
    """
    num = self._config.lm_sentences
    if len(samples) < num:
      raise errors.UserError(
        f"the reverse LSTM language model is trained on {num} samples, but there are {len(samples)}; "
        f"sample more, or pass --lm_sentences {len(samples)} or less for every system that is compared"
      )
    # Duplicates stay, unlike in Caccia et al., where they are removed: they are part of the distribution, and each system keeps the same number.
    reverse = fit(samples[:num], self._vocabulary, self._config, self._seed)
    return {"lstm_lm_nll": self._nll(self._model, samples), "reverse_lstm_lm_nll": self._nll(reverse, self._references)}

  def _nll(self, model, sentences):
    rows = model.encode(sentences)
    return estimates.mean(-model.log_probs(rows), _lengths(rows), self._seed)


def _shuffled_batches(lengths, batch_size, generator):
  """Cuts one epoch into batches, in random order, of sentences of about the same length: a list of arrays of indices."""
  pools = _cut(generator.permutation(len(lengths)), _POOL * batch_size)
  batches = [batch for pool in pools for batch in _cut(pool[np.argsort(lengths[pool], kind="stable")], batch_size)]
  return [batches[i] for i in generator.permutation(len(batches))]


def _cut(items, size):
  return [items[first : first + size] for first in range(0, len(items), size)]


def _lengths(rows):
  return np.array([len(row) for row in rows], np.int64)


def _pad(rows, batch_size):
  """An int32 array of `batch_size` rows, the last ones empty; of a few widths only (8, 12, 16, 24, 32, 48, ..), for each is compiled on its own."""
  longest = max(map(len, rows))
  multiple = max(4, 2 ** (longest.bit_length() - 2))
  tokens = np.full([batch_size, -(-longest // multiple) * multiple], sequences.PAD, np.int32)
  for target, row in zip(tokens, rows):
    target[: len(row)] = row
  return tokens

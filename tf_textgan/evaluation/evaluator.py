"""Scores a generator: its likelihood of real text, and its samples against real text and, if known, the true distribution."""

from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import threadpoolctl

from tf_textgan import sequences
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data import pipeline
from tf_textgan.data.tokenizers import char
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.evaluation import curves
from tf_textgan.evaluation import probe
from tf_textgan.evaluation import reconstruction
from tf_textgan.generators import base as generator_base
from tf_textgan.metrics import characters
from tf_textgan.metrics import collapse
from tf_textgan.metrics import divergence
from tf_textgan.metrics import diversity
from tf_textgan.metrics import estimates
from tf_textgan.metrics import frechet
from tf_textgan.metrics import kneser_ney
from tf_textgan.metrics import naive_bayes
from tf_textgan.metrics import translation
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

_BATCH = 256
# Sequences whose reconstruction is measured, at each evaluation.
_RECONSTRUCTED = 1000


class LogProbs(NamedTuple):
  """Log-probabilities of sequences, nats.

  Attributes:
    whole: float64 `[N]`, of all tokens of each sequence.
    known: float64 `[N]`, of all tokens but the unknown one, `<unk>`, which stands for any word that the vocabulary does not have: who predicts it
      has predicted no word. Equal to `whole` where there is none.
  """

  whole: np.ndarray
  known: np.ndarray


class Evaluator:
  """Evaluates one generator on one corpus; caches compiled functions and statistics of the corpus between evaluations.

  A generator with categories is conditioned on categories drawn from the training split's labels, and on the label of each real sequence. A generator
  of pairs is conditioned on sources of the split that it is scored against, each once: there are no more samples than pairs.

  Attributes:
    write: the generator's `write`, compiled. Unless `allow_unk`, the unknown token is never picked: see `pickers.Without`.
    symptoms: signs of collapse in the last evaluation, see `metrics.collapse`; a list of texts.
    cost: a guided generator's cost of the last sample, a dictionary of `estimates.Estimate`: `proposals`, candidates per sentence, and `accepted`,
      fraction of sentences that did not run out of candidates; empty for other generators.
  """

  def __init__(
    self,
    generator: Any,
    corpus: corpus_lib.Corpus,
    seed: int,
    discriminator: discriminator_base.Discriminator | None = None,
    frechet_distance: bool = False,
    allow_unk: bool = False,
  ):
    """Compiles the generator's functions.

    Args:
      generator: see `generators.base`; or a `guided.Generator`, which has no likelihood of its own: see `guided_likelihood`.
      corpus: `data.corpus.Corpus`.
      seed: integer seed of the samples, the same in every evaluation.
      discriminator: the generator's adversary, to score on held-out text; None for none.
      frechet_distance: also measure the Frechet distance of the samples, with the encoder that needs no download.
      allow_unk: whether the samples may have the unknown token.
    """
    self._generator = generator
    self._corpus = corpus
    self._seed = noise.fold(noise.seed(seed), "evaluation")
    self._number = seed
    self._classifier = None
    self._accuracy_on_real = {}
    unwritten = None if allow_unk else corpus.tokenizer.unknown_token

    def write(num, seed, picker=None, context=None):
      return generator.write(num, seed, pickers.without(picker or generator.picker, unwritten), context)

    self.write = tf.function(write, autograph=False)
    # The discriminator is compared with the distribution it is trained against, which has the unknown token; its scores may end a phase.
    self._write_all = tf.function(generator.write, autograph=False) if discriminator is not None and unwritten is not None else None
    # Compiled once for a whole sweep: the temperature is a tensor here, but a constant of the picker in `write`.
    self._write_at = tf.function(
      lambda num, seed, temperature, context: write(num, seed, pickers.Categorical(temperature), context), autograph=False
    )
    self._log_probs = tf.function(self._sequence_log_probs, autograph=False) if self.likelihood else None
    self._held_out = probe.HeldOut(discriminator) if discriminator is not None else None
    self._reconstruct = reconstruction.Reconstruction(generator) if isinstance(generator, generator_base.Encodes) else None
    self.symptoms = []
    self.cost = {}
    self._encoder = None
    if frechet_distance:
      from tf_textgan.encoders import hashed  # scikit-learn takes a second to import.

      self._encoder = hashed.Encoder()
    self._embeddings = {}
    self._sentences = {}
    self._num_characters = {}
    self._languages = {}
    self._real = {}
    self._under_truth = {}

  def __call__(self, num: int, split: str = "validation", picker: Any = None) -> dict[str, float]:
    """Samples and scores on a small budget, for repeated evaluations in training.

    Args:
      num: number of sequences to sample.
      split: the real sequences to score under the generator, and to compare the samples with.
      picker: see `sampling.pickers`; None for the generator's own.

    Returns:
      Dictionary of numbers, from `explicit`, `score_sentences`, `category_accuracy`, `reconstruction` and `characters_js`; `lm_nll` and
      `reverse_lm_nll`, see `kneser_ney.Scorer`; `curve_sum`, quality plus diversity in one number (nats per token, lower is better), which chooses
      the best checkpoint; `collapse`, the number of `symptoms`; with a discriminator also from `probe.HeldOut`; if requested, `frechet` (see
      `metrics.frechet`), on equal numbers of samples and real sentences.
    """
    tokens, log_probs = self.sample(num, picker, split)
    num = len(tokens)
    numbers = {name: estimate.value for name, estimate in self.explicit(tokens, log_probs, split, picker).items()}
    sentences, references, training = self._corpus.tokenizer.words(tokens), self._words(split), self._words("train")
    numbers |= score_sentences(sentences, references, training)
    numbers |= self._language(split).values(sentences)
    others = self.category_accuracy(sentences, split) | self.reconstruction(split) | characters_js(tokens, self._corpus, split)
    numbers |= {name: estimate.value for name, estimate in others.items()}
    numbers["curve_sum"] = sum(numbers[name] for name in self._curve_metrics(split))
    # A bound of the entropy from below and one of the negative log-likelihood from above tell nothing of each other.
    comparable = {name: value for name, value in numbers.items() if name != "entropy" or self.likelihood == "exact"}
    self.symptoms = collapse.symptoms(comparable, self._real_text(num, split), split)
    numbers["collapse"] = float(len(self.symptoms))
    if self._held_out:
      fake = tokens
      if self._write_all is not None:
        fake = self._write_all(tf.constant(num), self._sample_seed(picker), picker, self.sample_context(num, split)).tokens.numpy()
      sources = (self._corpus.sources[split], self.sample_context(num, split)) if self._corpus.sources else ()
      numbers |= self._held_out(self._corpus.tokens[split], fake, *sources)
    if self._encoder:
      numbers["frechet"] = self._frechet(tokens, split)
    return numbers

  def sample(self, num: int, picker: Any = None, split: str = "validation") -> tuple[np.ndarray, np.ndarray]:
    """Generates the samples to score: int32 `[num, T]`, and their log-probabilities under the picker, float64 `[num]` (nats).

    They are conditioned on `sample_context(num, split)`, and fewer if it has fewer rows.
    """
    seed, context = self._sample_seed(picker), self.sample_context(num, split)
    num = num if context is None else len(context)
    if isinstance(picker, pickers.Categorical) and _keeps_all(picker):
      generated = self._write_at(tf.constant(num), seed, tf.constant(picker.temperature, tf.float32), context)
    else:
      generated = self.write(tf.constant(num), seed, picker, context)
    if generated.proposals is not None:
      proposals, accepted = float(generated.proposals) / num, generated.accepted.numpy()
      self.cost = {"proposals": estimates.Estimate(proposals, num), "accepted": estimates.share(accepted)}
    return generated.tokens.numpy(), generated.log_probs.numpy().astype(np.float64)

  def _sample_seed(self, picker):
    # Each setting has its own noise: the points of a curve are compared as independent.
    return noise.fold(self._seed, "samples" if picker is None else f"samples {picker}")

  @property
  def categories(self) -> tuple[str, ...]:
    """Names of the categories that the generator is conditioned on; empty without categories."""
    return self._generator.spec.categories

  def sample_categories(self, num: int) -> np.ndarray | None:
    """The categories of the samples of `sample(num)`, drawn from the training split's labels: int32 `[num]`; None without categories."""
    if not self.categories:
      return None
    return np.random.default_rng(self._number).choice(self._corpus.categories["train"], num)

  def sample_context(self, num: int, split: str) -> np.ndarray | None:
    """What the samples of `sample(num, split=split)` are conditioned on: `sample_categories`, or the sources at `sample_places`, int32 `[num, S]`."""
    if not self.has_sources:
      return self.sample_categories(num)
    return np.asarray(self._corpus.sources[split][self.sample_places(num, split)])

  @property
  def has_sources(self) -> bool:
    """Whether the generator is conditioned on sources."""
    return bool(self._generator.spec.source_length)

  def sample_places(self, num: int, split: str) -> np.ndarray:
    """The places in a split of the pairs whose sources `sample(num, split=split)` has, at most all: int `[num]` or fewer."""
    total = len(self._corpus.tokens[split])
    # Two samples at least, which other scores need.
    return np.resize(np.random.default_rng(self._number).permutation(total)[:num], min(num, max(total, 2)))

  def translations(self, tokens: np.ndarray, split: str) -> dict[str, estimates.Estimate]:
    """The scores of `translation.scores` of the samples of `sample(num, split=split)`, int32 `[num, T]`."""
    references = np.asarray(self._corpus.tokens[split][self.sample_places(len(tokens), split)])
    return translation.scores(*map(self._corpus.tokenizer.decode, (tokens, references)))

  def category_accuracy(self, sentences: Sequence[Sequence[str]], split: str) -> dict[str, estimates.Estimate]:
    """Accuracy of a classifier trained on the training split, `naive_bayes.Classifier`, in finding the categories of the samples.

    Args:
      sentences: the samples of `sample(num)`, as sequences of words: see the tokenizer's `words`.
      split: real sequences to compare with, other than the training split.

    Returns:
      Dictionary of `estimates.Estimate`, empty without categories: `category_accuracy`, and `category_accuracy_real` on the real sequences. Both
      samples have about the same proportions of categories.
    """
    if not self.categories:
      return {}
    if self._classifier is None:
      self._classifier = naive_bayes.Classifier(self._words("train"), self._corpus.categories["train"])
    if split not in self._accuracy_on_real:
      found = self._classifier(self._words(split))
      self._accuracy_on_real[split] = estimates.share(found == self._corpus.categories[split])
    found = self._classifier(sentences)
    return {
      "category_accuracy": estimates.share(found == self.sample_categories(len(sentences))),
      "category_accuracy_real": self._accuracy_on_real[split],
    }

  def explicit(
    self, tokens: np.ndarray, log_probs: np.ndarray, split: str, picker: Any = None
  ) -> dict[str, estimates.Estimate]:
    """Metrics from log-probabilities. With a latent, the negative log-likelihood and the divergences are upper bounds.

    Args:
      tokens: int32 `[N, T]`, samples.
      log_probs: float `[N]`, the samples' log-probabilities under the picker, nats.
      split: the real sequences.
      picker: the samples' picker. With nucleus, top-k or temperature 0 real text may be impossible, so its likelihood is left out. The likelihood
        of real sequences is of the generator's whole distribution, which has the unknown token, `entropy` of the one that was drawn from.

    Returns:
      Dictionary of `estimates.Estimate`. With a likelihood: `nll_<split>` (nats per token of the real sequences under the generator, `<unk>` left
      out, at the picker's temperature, each conditioned on its category or source, if any; with categories also `nll_<split>_<category>`),
      `nll_per_character_<split>` (see `per_character`), `unk_<split>` (fraction of `<unk>` among the tokens of the real sequences, their end tokens
      left out; absent if it is 0), `entropy` (nats per token, of the samples).
      With a known truth: `nll_oracle` (nats per token under it, of the possible samples), `grammatical` (fraction of possible samples),
      `nll_oracle_<split>` (of the real sequences: the truth's entropy). With both: `forward_kl`, `reverse_kl`, `js` (see `metrics.divergence`, nats
      per sequence).
    """
    spec, truth, real = self._corpus.spec, self._corpus.truth, self._corpus.tokens[split]
    numbers = {}
    sizes, real_sizes = lengths(tokens, spec), lengths(real, spec)
    labels = self._corpus.categories[split] if self.categories else None
    context = self._corpus.context(split) if self._generator.spec.conditional else None
    real_log_probs = None
    if self.gives_likelihood(picker):
      real_log_probs, known = self.log_probs(real, picker, context)
      known_sizes = real_sizes - unknown(real, self._corpus)
      numbers[f"nll_{split}"] = estimates.mean(-known, known_sizes, shared=True)
      numbers |= per_character(real_log_probs, self._characters(split), f"nll_per_character_{split}")
      for i, name in enumerate(self.categories):
        if np.any(labels == i):
          numbers[f"nll_{split}_{suffix(name)}"] = estimates.mean(-known[labels == i], known_sizes[labels == i], shared=True)
      numbers |= unknown_share(real, self._corpus, f"unk_{split}")
    if self.has_likelihood:
      numbers["entropy"] = estimates.mean(-log_probs, sizes)
    if truth is None:
      return numbers
    if split not in self._under_truth:
      self._under_truth[split] = truth.log_prob(np.asarray(real))
    under_truth, real_under_truth = truth.log_prob(tokens), self._under_truth[split]
    numbers |= oracle(under_truth, sizes)
    numbers[f"nll_oracle_{split}"] = oracle(real_under_truth, real_sizes)["nll_oracle"]
    if real_log_probs is not None and np.isfinite(real_under_truth).all():
      numbers["forward_kl"] = divergence.forward_kl(real_under_truth, real_log_probs)
      numbers["reverse_kl"] = divergence.reverse_kl(under_truth, log_probs)
      numbers["js"] = divergence.jensen_shannon(real_under_truth, real_log_probs, under_truth, log_probs)
    return numbers

  @property
  def encodes(self) -> bool:
    """Whether the generator has an encoder."""
    return self._reconstruct is not None

  def reconstruction(self, split: str) -> dict[str, estimates.Estimate]:
    """The numbers of `reconstruction.Reconstruction` on the first `_RECONSTRUCTED` sequences of a split; empty if the generator has no encoder."""
    return self._reconstruct(self._corpus.tokens[split][:_RECONSTRUCTED]) if self._reconstruct else {}

  @property
  def likelihood(self) -> str | None:
    """What the generator's log-probabilities are, see `generators.base.Generator.likelihood`: "exact", "bound" or None."""
    return getattr(self._generator, "likelihood", None)

  @property
  def has_likelihood(self) -> bool:
    """Whether the generator gives sequences a probability."""
    return self._log_probs is not None

  def gives_likelihood(self, picker: Any = None) -> bool:
    """Whether, with this picker, every sequence has a probability above zero."""
    if not self.has_likelihood:
      return False
    return picker is None or (picker.temperature > 0 and _keeps_all(picker))

  def log_probs(self, tokens: np.ndarray, picker: Any = None, context: np.ndarray | None = None) -> LogProbs:
    """Log-probabilities of sequences under the generator at the picker's temperature, see `generators.base.Autoregressive.log_probs`.

    Args:
      tokens: int32 `[N, T]`.
      picker: see `gives_likelihood`.
      context: what to condition on, see `sequences.Batch`; None for random categories, if the generator has categories.
    """
    data = sequences.Batch(tokens, context)
    seed = noise.fold(self._seed, "latent")
    temperature = tf.constant(1.0 if picker is None else picker.temperature)
    batches = enumerate(pipeline.padded_batches(data, _BATCH))
    found = [self._log_probs(batch, noise.fold(seed, i), temperature) for i, batch in batches]
    return LogProbs(*(np.concatenate([part.numpy() for part in column]).astype(np.float64) for column in zip(*found)))

  def _sequence_log_probs(self, batch, seed, temperature):
    num = tf.shape(batch.tokens)[0]
    latent, context = self._generator.prior(num, seed), self._generator.contexts(num, seed, batch.context)
    log_probs = self._generator.log_probs(batch.tokens, latent, context, temperature=temperature)
    whole, token = tf.reduce_sum(log_probs, axis=1), self._corpus.tokenizer.unknown_token
    if token is None:
      return whole, whole
    return whole, tf.reduce_sum(tf.where(batch.tokens == token, 0.0, log_probs), axis=1)

  def headline(self, split: str = "validation") -> dict[str, str]:
    """The few numbers to read first: label to metric. Quality and diversity are what `curve_sum` adds; in all but AUC lower is better."""
    metrics = dict(zip(("quality", "diversity"), self._curve_metrics(split)))
    if self.has_likelihood:
      metrics = {"held-out NLL" if self.likelihood == "exact" else "held-out NLL, bound": f"nll_{split}"} | metrics
    return metrics | {"AUC": "heldout_auc"} if self._held_out else metrics

  def plane(self, split: str = "validation") -> curves.Plane:
    """The plane of quality and diversity, of the two metrics that `curve_sum` adds."""
    return next(plane for plane in curves.filled(split) if plane.quality.metric == self._curve_metrics(split)[0])

  def quality_diversity(self, num: int, split: str = "validation", picker: Any = None) -> dict[str, estimates.Estimate]:
    """The two metrics of `plane` with their intervals, of a new sample; arguments as of a call."""
    tokens, log_probs = self.sample(num, picker, split)
    names = self._curve_metrics(split)
    if names[0] == "lm_nll":
      return self._language(split)(self._corpus.tokenizer.words(tokens))
    found = self.explicit(tokens, log_probs, split, picker)
    return {name: found[name] for name in names}

  @property
  def sweepable(self) -> bool:
    """Whether the generator has a sampling temperature."""
    return isinstance(self._generator, generator_base.Autoregressive)

  def _language(self, split):
    if split not in self._languages:
      self._languages[split] = kneser_ney.Scorer(self._words(split), self._words("train"))
    return self._languages[split]

  def _curve_metrics(self, split):
    """Quality and diversity, nats per token, lower is better: neither overfitting nor a low temperature lowers both.

    If the truth gives every sequence a probability, NLL-oracle and NLL of held-out text, whose minimal sum over temperatures summarizes a curve
    (Caccia et al., https://arxiv.org/abs/1811.02549); else the forward and reverse scores of a Kneser-Ney model.
    """
    if self.has_likelihood and self._corpus.truth is not None and self._corpus.truth.full_support:
      return "nll_oracle", f"nll_{split}"
    return "lm_nll", "reverse_lm_nll"

  def _frechet(self, tokens, split):
    """The Frechet distance between the samples and the first sentences of a split."""
    num = min(len(tokens), len(self._corpus.tokens[split]))
    decode = self._corpus.tokenizer.decode
    if (num, split) not in self._embeddings:
      self._embeddings[num, split] = self._encoder(decode(self._corpus.tokens[split][:num]))
    ours = self._encoder(decode(tokens[:num]))
    with threadpoolctl.threadpool_limits(1):  # See `texts.Scorer`.
      return frechet.distance(ours, self._embeddings[num, split])

  def _real_text(self, num, split):
    """Fractions of `num` real sentences that are duplicates, and copies from the training set."""
    if (num, split) not in self._real:
      sentences = self._words(split)[:num]
      copied = diversity.copied_share(sentences, self._words("train"))
      self._real[num, split] = {"duplicates": diversity.duplicate_share(sentences), "copied": copied}
    return self._real[num, split]

  def _characters(self, split):
    if split not in self._num_characters:
      self._num_characters[split] = num_characters(self._corpus.tokens[split], self._corpus)
    return self._num_characters[split]

  def _words(self, split):
    if split not in self._sentences:
      self._sentences[split] = self._corpus.tokenizer.words(self._corpus.tokens[split])
    return self._sentences[split]


def suffix(category: str) -> str:
  """The name of a category as the suffix of a metric's name, where / would mean a training metric."""
  return category.replace("/", "_")


def _keeps_all(picker):
  return not picker.top_k and picker.nucleus == 1.0


def oracle(under_truth: np.ndarray, sizes: np.ndarray) -> dict[str, estimates.Estimate]:
  """Scores samples under a known true distribution.

  Args:
    under_truth: float `[N]`, log-probabilities, nats; minus infinity for impossible sequences.
    sizes: int `[N]`, tokens in each, the end token included.

  Returns:
    Dictionary of `estimates.Estimate`: `nll_oracle` (nats per token of the possible sequences; NaN without any), `grammatical` (their fraction).
  """
  under_truth, sizes = np.asarray(under_truth), np.asarray(sizes)
  possible = np.isfinite(under_truth)
  return {"nll_oracle": estimates.mean(-under_truth[possible], sizes[possible]), "grammatical": estimates.share(possible)}


def score_sentences(
  sentences: Sequence[Sequence[str]], references: Sequence[Sequence[str]], training: Sequence[Sequence[str]]
) -> dict[str, float]:
  """Scores sentences by themselves and against real ones, on a small budget.

  Args:
    sentences, references, training: sequences of words: see the tokenizer's `words`.

  Returns:
    Dictionary of numbers: `distinct_1` to `distinct_4`, `duplicates`, `copied` (fraction found in the training set), `js_2`
    (divergence of bigrams from the references', nats), `mean_length` (words).
  """
  return diversity.summary(sentences) | {
    "copied": diversity.copied_share(sentences, training),
    "js_2": diversity.js_divergence(sentences, references, 2),
    "mean_length": float(np.mean([len(sentence) for sentence in sentences])),
  }


def is_of_characters(corpus: corpus_lib.Corpus) -> bool:
  """Whether a corpus's tokens are characters."""
  return isinstance(corpus.tokenizer, char.Tokenizer)


def characters_js(tokens: np.ndarray, corpus: corpus_lib.Corpus, split: str) -> dict[str, estimates.Estimate]:
  """The divergences of `characters.js` of a sample, int `[N, T]`, from a split; empty unless the corpus is one of characters."""
  if not is_of_characters(corpus):
    return {}
  return characters.js(*(corpus.tokenizer.decode(np.asarray(sample)) for sample in (tokens, corpus.tokens[split])))


def num_characters(tokens: np.ndarray, corpus: corpus_lib.Corpus) -> np.ndarray | None:
  """Characters (Unicode code points) of the decoded text of each sequence, int `[N, T]`, its end counted as one: int `[N]`.

  None where no text stands for the sequences: of the integers of a corpus without an end, and if one has an unknown token.
  """
  if not corpus.tokenizer.ends or corpus_lib.has_unknown(tokens, corpus.tokenizer):
    return None
  return np.array([len(text) + 1 for text in corpus.tokenizer.decode(tokens)])


def per_character(log_probs: np.ndarray, sizes: np.ndarray | None, name: str) -> dict[str, estimates.Estimate]:
  """The negative log-likelihood of text in nats per character, which runs with other tokenizers can be compared by.

  Args:
    log_probs: float `[N]`, of whole sequences, their end tokens included, nats.
    sizes: `num_characters` of the sequences.
    name: of the number.

  Returns:
    `name` to an `estimates.Estimate`; empty if `sizes` is None.
  """
  return {} if sizes is None else {name: estimates.mean(-log_probs, sizes, shared=True)}


def unknown(tokens: np.ndarray, corpus: corpus_lib.Corpus) -> np.ndarray:
  """Unknown tokens, `<unk>`, in each sequence, int `[N, T]`: int `[N]`."""
  token = corpus.tokenizer.unknown_token
  return np.zeros(len(tokens), int) if token is None else np.count_nonzero(np.asarray(tokens) == token, axis=1)


def unknown_share(tokens: np.ndarray, corpus: corpus_lib.Corpus, name: str) -> dict[str, estimates.Estimate]:
  """The fraction of `<unk>` among the tokens of sequences, int `[N, T]`, their end tokens left out: `name` to it, or nothing if it is 0."""
  counts = unknown(tokens, corpus)
  if not counts.any():
    return {}
  ends = np.any(np.asarray(tokens) == corpus.spec.end_token, axis=1)
  return {name: estimates.mean(counts, lengths(tokens, corpus.spec) - ends)}


def lengths(tokens: np.ndarray, spec: sequences.Spec) -> np.ndarray:
  """Tokens of each sequence, the end token included: int `[N]`."""
  if spec.end_token is None:
    return np.full(len(tokens), tokens.shape[1])
  return np.count_nonzero(np.asarray(tokens) != sequences.PAD, axis=1)

"""Scores a generator at many sampling temperatures and nucleus thresholds: the points of its quality-diversity curve."""

from collections.abc import Callable
import dataclasses
import math
from typing import Any

import numpy as np

from tf_textgan import errors
from tf_textgan import progress
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.evaluation import curves
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.evaluation import texts
from tf_textgan.metrics import bleu
from tf_textgan.metrics import divergence
from tf_textgan.metrics import estimates
from tf_textgan.sampling import pickers


@dataclasses.dataclass(frozen=True)
class Config:
  """Sampling temperatures and nucleus thresholds."""

  # Sampling temperatures of the sweep.
  temperatures: tuple[float, ...] = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
  # Nucleus thresholds of the sweep, at temperature 1; may be empty.
  nuclei: tuple[float, ...] = (0.8, 0.95)

  def __post_init__(self):
    for temperature in self.temperatures:
      if not 0 < temperature < math.inf:
        raise errors.UserError(f"temperatures must be above 0, not {temperature}")
    for nucleus in self.nuclei:
      if not 0 < nucleus < 1:
        raise errors.UserError(f"nuclei must be above 0 and below 1, not {nucleus}")
    if not self.temperatures + self.nuclei:
      raise errors.UserError("a sweep needs at least one of temperatures and nuclei")


class RunScorer:
  """Scores one generator, with any picker, by every metric that its corpus allows."""

  def __init__(
    self,
    evaluator: evaluator_lib.Evaluator,
    corpus: corpus_lib.Corpus,
    scorer: texts.Scorer,
    num: int,
    split: str,
    seed: int = 0,
    likelihood: Callable[[Any], dict[str, estimates.Estimate]] | None = None,
  ):
    """Args:
    evaluator: `evaluator.Evaluator` of the generator.
    corpus: `data.corpus.Corpus`.
    scorer: `texts.Scorer` of the corpus's sentences.
    num: sequences to sample for each point.
    split: the real sequences.
    seed: integer seed of the truth's samples.
    likelihood: function of a picker that returns further numbers, `guided_likelihood.Likelihood` for a guided generator; None for none.
    """
    self._evaluator = evaluator
    self._corpus = corpus
    self._scorer = scorer
    self._num = num
    self._split = split
    self._seed = seed
    self._likelihood = likelihood
    self._fresh = None

  def __call__(self, picker: Any = None) -> dict[str, estimates.Estimate]:
    """The numbers at one setting.

    Args:
      picker: see `sampling.pickers`; None for the generator's own.

    Returns:
      Dictionary of `estimates.Estimate`, from `Evaluator.explicit`, `Evaluator.reconstruction`, `evaluator.characters_js` and `texts.Scorer`. If the
      truth is a grammar, also `mass_covered` and `mass_covered_truth`: see `divergence.mass_covered`. For a generator of pairs, also
      `Evaluator.translations`. For a generator with categories, also `Evaluator.category_accuracy`, and `bleu_<n>_<category>`, the samples of a
      category against its real sequences. For a guided generator, also `Evaluator.cost`.

    Raises:
      progress.Stopped: an interrupt; it has the metrics that were done.
    """
    sample = []

    def draw():
      tokens, log_probs = self._evaluator.sample(self._num, picker, self._split)
      sample.extend((tokens, log_probs, self._corpus.tokenizer.words(tokens)))
      return {}

    steps = [
      ("sampling", draw),
      ("likelihood", lambda: self._evaluator.explicit(*sample[:2], self._split, picker) | self._evaluator.cost),
    ]
    if evaluator_lib.is_of_characters(self._corpus):
      steps.append(("characters", lambda: evaluator_lib.characters_js(sample[0], self._corpus, self._split)))
    if self._evaluator.encodes:
      steps.append(("reconstruction", lambda: self._evaluator.reconstruction(self._split)))
    if self._likelihood is not None:
      steps.append(("likelihood of the guided system", lambda: self._likelihood(picker)))
    if self._corpus.truth is not None and not self._corpus.truth.full_support:
      steps.append(("covered mass", lambda: self._mass_covered(sample[0])))
    steps += self._scorer.steps(lambda: sample[2])
    if self._evaluator.has_sources:
      steps.append(("pairs", lambda: self._evaluator.translations(sample[0], self._split)))
    if self._evaluator.categories:
      steps.append(("categories", lambda: self._evaluator.category_accuracy(sample[2], self._split) | self._bleu_by_category(sample[2])))
    return progress.run(steps)

  def _mass_covered(self, tokens):
    truth = self._corpus.truth
    if self._fresh is None:
      fresh = truth.sample(self._num, self._seed)
      self._fresh = fresh, truth.log_prob(fresh)
    coverage = divergence.mass_covered(tokens, truth.log_prob(tokens), *self._fresh)
    return {"mass_covered": coverage.model, "mass_covered_truth": coverage.truth}

  def _bleu_by_category(self, sentences):
    names = self._evaluator.categories
    categories, labels = self._evaluator.sample_categories(self._num), self._corpus.categories[self._split]
    references = self._corpus.tokenizer.words(self._corpus.tokens[self._split])
    numbers = {}
    for i, name in enumerate(names):
      of_category = [[sentence for sentence, label in zip(*pair) if label == i] for pair in ((sentences, categories), (references, labels))]
      if all(of_category):
        columns = bleu.bleu(*of_category).T
        suffix = evaluator_lib.suffix(name)
        numbers |= {f"bleu_{order}_{suffix}": estimates.mean(column) for order, column in zip(bleu.ORDERS, columns)}
    return numbers


def run(name: str, score: RunScorer, config: Config, sweepable: bool, advance: Callable[[], Any]) -> list[curves.Curve]:
  """Scores a run at every setting.

  Args:
    name: the run's name.
    score: `RunScorer`.
    config: `Config`.
    sweepable: whether the generator has a sampling temperature; if not, its own picker gives the only point.
    advance: function to call after each point.

  Returns:
    Curves over temperatures and, if any, over nucleus thresholds.
  """

  def curve(curve_name, settings):
    points = []
    for setting, picker in settings:
      points.append(curves.Point(setting, score(picker)))
      advance()
    return [curves.Curve(curve_name, "run", points)] if points else []

  if not sweepable:
    return curve(name, [("own", None)])
  warm = curve(name, [(f"T {temperature:g}", pickers.Categorical(temperature)) for temperature in config.temperatures])
  return warm + curve(f"{name}, nucleus", [(f"{nucleus:g}", pickers.Categorical(1.0, 0, nucleus)) for nucleus in config.nuclei])


def num_settings(config: Config, sweepable: bool) -> int:
  """Number of points that `run` scores."""
  return len(config.temperatures) + len(config.nuclei) if sweepable else 1


def real_row(corpus: corpus_lib.Corpus, scorer: texts.Scorer, num: int, split: str, seed: int = 0) -> curves.Curve:
  """The real-data row: training sentences scored as if they were generated; see `texts.Scorer.real`.

  Args:
    corpus, scorer, split: as in `RunScorer`.
    num: maximum number of sentences.
    seed: integer seed of their choice.

  Returns:
    `curves.Curve` of one point.
  """
  tokens = np.asarray(corpus.tokens["train"])
  tokens = tokens[np.sort(np.random.default_rng(seed).permutation(len(tokens))[:num])]
  numbers = scorer.real(corpus.tokenizer.words(tokens)) | evaluator_lib.characters_js(tokens, corpus, split)
  if corpus.truth is not None:
    sizes = evaluator_lib.lengths(tokens, corpus.spec)
    numbers |= evaluator_lib.oracle(corpus.truth.log_prob(tokens), sizes)
    if corpus.truth.full_support:
      # The truth's likelihood of held-out text: the value of a perfect model.
      real = np.asarray(corpus.tokens[split])
      numbers[f"nll_{split}"] = estimates.mean(-corpus.truth.log_prob(real), evaluator_lib.lengths(real, corpus.spec), shared=True)
  return curves.Curve("real data (training)", "real", [curves.Point("", numbers)])

"""Scores several runs on one corpus alike."""

from collections.abc import Mapping
import dataclasses
import importlib.util
import os
import sys
from typing import Any

from tf_textgan import errors
from tf_textgan import progress
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.evaluation import guided_likelihood
from tf_textgan.evaluation import neural_lm
from tf_textgan.evaluation import sweep
from tf_textgan.evaluation import texts
from tf_textgan.generators import base as generator_base
from tf_textgan.metrics import estimates


class Bench:
  """Scores systems, each a generator, and text files against one corpus.

  Attributes:
    runs: workdir to `runs.Run`.
    corpus: `data.corpus.Corpus` of the runs.
    scorer: `texts.Scorer` of the corpus.
  """

  def __init__(
    self,
    runs: Mapping[str, Any],
    num: int,
    split: str,
    seed: int,
    combined: Mapping[str, generator_base.Generator] | None = None,
    guided: Mapping[str, tuple[str, Any]] | None = None,
    texts_config: texts.Config | None = None,
    lm_config: neural_lm.Config | None = None,
    new_data: bool = False,
    allow_unk: bool = False,
    judge: Any = None,
  ):
    """Prepares the corpus of the runs.

    Args:
      runs: workdir to `runs.Run`; see `check_same_corpus`.
      num: sentences to sample from each system, 2 or more.
      split: split of the corpus to score against.
      seed: integer seed of the samples and of all resampling.
      combined: name to generator, combinations of several runs; None for none.
      guided: name to a pair, the name of the guided run or combination and its `guided.Generator`; None for none.
      texts_config: `texts.Config`; None for the default.
      lm_config: `neural_lm.Config`; None for no neural language model.
      new_data: whether the corpus may have changed since the runs began.
      allow_unk: whether the samples may have the unknown token, if every run saw it in training.
      judge: `runs.Run` whose discriminator guides the guided systems; None if each is guided by its own.
    """
    first = next(iter(runs.values()))
    self.runs = runs
    self._num, self._split, self._seed = num, split, seed
    self._allow_unk = allow_unk and all(run.unknown for run in runs.values())
    self._own = {name: run.algorithm.generator for name, run in runs.items()} | (combined or {})
    self._guided = guided or {}
    self._judge = judge
    self.corpus = first.corpus(new_data)
    if self.corpus.sources and importlib.util.find_spec("sacrebleu") is None:
      raise errors.UserError('scores of pairs need the package sacrebleu; expected: pip install "tf_textgan[pairs]"')
    references, training = (self.corpus.tokenizer.words(self.corpus.tokens[part]) for part in (split, "train"))
    self.scorer = texts.Scorer(references, training, texts_config, lm_config, seed=seed)

  def generators(self) -> dict[str, Any]:
    """The systems to score: name of each run, combination and guided system to its generator."""
    return self._own | {name: generator for name, (_, generator) in self._guided.items()}

  def describe(self, checkpoint: str | int) -> list[str]:
    """One line on the checkpoint of each run that the systems are made of, see `runs.Run.describe`."""
    return [run.describe(checkpoint) for run in (*self.runs.values(), self._judge) if run is not None]

  def evaluator(self, name: str) -> evaluator_lib.Evaluator:
    """The `Evaluator` of a run or a combination."""
    return evaluator_lib.Evaluator(self._own[name], self.corpus, self._seed, allow_unk=self._allow_unk)

  def score(self, name: str) -> sweep.RunScorer:
    """The function of a picker that scores a system."""
    scored = self.corpus, self.scorer, self._num, self._split, self._seed
    if name not in self._guided:
      return sweep.RunScorer(self.evaluator(name), *scored)
    own, generator = self._guided[name]
    # Its bounds are of the whole distribution: real text may have the unknown token.
    whole = evaluator_lib.Evaluator(self._own[own], self.corpus, self._seed, allow_unk=True)
    likelihood = guided_likelihood.Likelihood(whole, generator.log_weight, self.corpus, self._num, self._split, self._seed)
    return sweep.RunScorer(evaluator_lib.Evaluator(generator, self.corpus, self._seed, allow_unk=self._allow_unk), *scored, likelihood)

  def score_file(self, path: str | os.PathLike) -> dict[str, estimates.Estimate]:
    """Scores a file's sentences, truncated and encoded like the runs' corpus, as if a run had generated them. A blank line is an empty sentence.

    Prints to the standard error how many sentences are cut, and the share of unknown tokens if it is large.
    """
    tokens, notes = corpus_lib.read_samples(path, self.corpus.tokenizer, self.corpus.spec.length)
    for note in notes:
      print(note, file=sys.stderr)
    words = self.corpus.tokenizer.words(tokens)
    return progress.run([("likelihood", lambda: self._likelihood_of(tokens)), *self.scorer.steps(lambda: words)])

  def _likelihood_of(self, tokens):
    """The numbers of a file's tokens from the true distribution, if known, and from the only run, and the share of unknown tokens."""
    sizes, numbers = evaluator_lib.lengths(tokens, self.corpus.spec), {}
    if self.corpus.truth is not None:
      numbers |= evaluator_lib.oracle(self.corpus.truth.log_prob(tokens), sizes)
    if len(self.runs) == 1:
      evaluator = self.evaluator(*self.runs)
      # The category or the source of a line is not known.
      if evaluator.has_likelihood and not evaluator.categories and not evaluator.has_sources:
        log_probs = evaluator.log_probs(tokens)
        numbers["nll_file"] = estimates.mean(-log_probs.known, sizes - evaluator_lib.unknown(tokens, self.corpus))
        numbers |= evaluator_lib.per_character(log_probs.whole, evaluator_lib.num_characters(tokens, self.corpus), "nll_per_character_file")
    return numbers | evaluator_lib.unknown_share(tokens, self.corpus, "unk_file")

  def likelihood(self, name: str) -> str | None:
    """What the log-probabilities of a system are: see `Evaluator.likelihood`."""
    return getattr(self.generators()[name], "likelihood", None)

  def sweepable(self, name: str) -> bool:
    """Whether a system's generator is autoregressive, so that it has a sampling temperature."""
    own = self._guided[name][0] if name in self._guided else name
    return isinstance(self._own[own], generator_base.Autoregressive)


def check_same_corpus(runs: Mapping[str, Any], new_data: bool = False) -> None:
  """Raises a `UserError` unless all runs, workdir to `runs.Run`, were trained on one corpus.

  With `new_data` it may have changed from run to run, but not the vocabulary.
  """
  first_name, first = next(iter(runs.items()))
  for workdir, run in runs.items():
    # Not every algorithm uses the categories of its corpus.
    chosen, expected = (
      (
        x.experiment.choices.dataset,
        x.experiment.dataset,
        dataclasses.replace(x.algorithm.generator.spec, categories=()),
        x.tokenizer,
        None if new_data else x.data,
      )
      for x in (run, first)
    )
    if chosen != expected:
      raise errors.UserError(f"{workdir} and {first_name} differ in corpus, vocabulary or length; expected runs whose scores can be compared")

"""Scores texts against real text: all metrics that need only samples, each with its sample size and, if it is a mean, its interval."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
from typing import Literal

import numpy as np
import threadpoolctl

from tf_textgan import errors
from tf_textgan import progress
from tf_textgan.encoders import load
from tf_textgan.evaluation import neural_lm
from tf_textgan.metrics import bleu
from tf_textgan.metrics import estimates
from tf_textgan.metrics import frechet
from tf_textgan.metrics import kneser_ney
from tf_textgan.metrics import mauve
from tf_textgan.metrics import statistics

# Metrics that mean nothing for training sentences.
_KNOWN = ("copied", "longest_copied", "longest_copied_max", "lstm_lm_nll")


@dataclasses.dataclass(frozen=True)
class Config:
  """Protocol of BLEU, and the sentence encoder."""

  # Sampling protocol of BLEU and Self-BLEU: ours ("full"), or a published program's; see docs/evaluation.md.
  bleu_protocol: Literal["full", "texygen", "texygen_fast", "relgan", "textgan_pytorch"] = "full"
  # Sentence encoder of the Frechet distance and MAUVE: hashed, keras_hub:PRESET_OR_FOLDER, onnx:FOLDER, saved_model:FOLDER, or a module of
  # your own, my_package.my_module; empty for neither.
  encoder: str = "hashed"


class Scorer:
  """Scores any number of samples against the same real text; statistics of the real text are computed once.

  Sentences are sequences of words.
  """

  def __init__(
    self,
    references: Sequence[Sequence[str]],
    training: Sequence[Sequence[str]] | None = None,
    config: Config | None = None,
    lm_config: neural_lm.Config | None = None,
    seed: int = 0,
  ):
    """Prepares the encoder and the LSTM language model.

    Args:
      references: sentences to compare with, at least two; usually the test set.
      training: the training sentences, for copies and the forward language model; None counts no copies and trains that model on the references.
      config: `Config`; None for the default.
      lm_config: `neural_lm.Config`; None for no LSTM language model.
      seed: integer seed of the bootstrap, the clustering and the LSTM.
    """
    self._references = references
    self._training = training
    self._config = config or Config()
    self._seed = seed
    self._encoder = load.load(self._config.encoder) if self._config.encoder else None
    self._embeddings = None
    self._neural = None
    if lm_config and lm_config.lm_size:
      self._neural = neural_lm.Scorer(references, training, lm_config, seed)

  def __call__(self, sentences: Sequence[Sequence[str]]) -> dict[str, estimates.Estimate]:
    """Scores a sample.

    Args:
      sentences: at least two.

    Returns:
      Dictionary of `estimates.Estimate`, from `bleu.scores`, `statistics.statistics` and `kneser_ney.Scorer`; `frechet` and `mauve`, on equal
      numbers of sentences and references; if requested, from `neural_lm.Scorer`.

    Raises:
      UserError: there are too few sentences for the protocol of BLEU.
      progress.Stopped: an interrupt; it has the metrics that were done.
    """
    return progress.run(self.steps(lambda: sentences))

  def steps(self, sample: Callable[[], Sequence[Sequence[str]]]) -> list[tuple[str, Callable[[], Mapping[str, estimates.Estimate]]]]:
    """The metrics of a call as steps for `progress.run`; `sample` returns the sentences."""
    steps = [
      ("BLEU and Self-BLEU", lambda: self._bleu(sample())),
      ("statistics", lambda: statistics.statistics(sample(), self._references, self._training, self._seed)),
      ("n-gram language model", lambda: self._language(sample())),
    ]
    if self._encoder:
      pair = []
      steps += [
        ("embeddings", lambda: pair.extend(self._embedded(sample())) or {}),
        ("MAUVE", lambda: _on_one_thread(lambda: {"mauve": mauve.estimate(*pair, self._seed)})),
        ("Frechet distance", lambda: _on_one_thread(lambda: {"frechet": frechet.estimate(*pair)} if len(pair[0]) >= 3 else {})),
      ]
    if self._neural:
      steps.append(("LSTM language model", lambda: self._neural(sample())))
    return steps

  def _bleu(self, sentences):
    protocol = self._config.bleu_protocol
    if len(sentences) < bleu.fewest(protocol):
      raise errors.UserError(f"--bleu_protocol {protocol} is for {bleu.fewest(protocol)} or more sentences, but there are {len(sentences)}")
    return bleu.scores(sentences, self._references, protocol)

  def real(self, sentences: Sequence[Sequence[str]]) -> dict[str, estimates.Estimate]:
    """Scores training sentences as if they were samples: the real-data row.

    Args:
      sentences: some of the training sentences, at least two.

    Returns:
      As a call, except: the language models were trained on these sentences, so `lm_nll` is the references', and copies and the forward score of
      the LSTM are left out.
    """
    numbers = {name: number for name, number in self(sentences).items() if name not in _KNOWN}
    return numbers | {"lm_nll": self._language.real()}

  @functools.cached_property
  def _language(self):
    return kneser_ney.Scorer(self._references, self._training)

  def _embedded(self, sentences):
    """The embeddings of as many sentences as references, and of the references."""
    if self._embeddings is None:
      self._embeddings = self._encode(self._references)
    # The metrics depend on the sample sizes; equal sizes leave one number to report.
    num = min(len(sentences), len(self._embeddings))
    return self._encode(sentences[:num]), self._embeddings[:num]

  def _encode(self, sentences):
    return np.asarray(self._encoder([" ".join(sentence) for sentence in sentences]))


def _on_one_thread(function):
  """Many small matrices: on a busy machine, threads waiting for each other take ten times as long."""
  with threadpoolctl.threadpool_limits(1):
    return function()

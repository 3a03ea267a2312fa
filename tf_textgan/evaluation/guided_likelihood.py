"""Bounds of the likelihood of held-out text under a guided generator: `metrics.partition` on a corpus."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data import pipeline
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.metrics import estimates
from tf_textgan.metrics import partition

_BATCH = 256


class Likelihood:
  """Bounds the negative log-likelihood of a split under p(x) = q(x) exp f(x) / Z, to which every guide converges with many candidates."""

  def __init__(
    self,
    evaluator: evaluator_lib.Evaluator,
    log_weight: Callable[[tf.Tensor], tf.Tensor],
    corpus: corpus_lib.Corpus,
    num: int,
    split: str,
    seed: int = 0,
  ):
    """Args:
    evaluator: `evaluator.Evaluator` of the generator without its guide.
    log_weight: f, see `guided.Generator.log_weight`.
    corpus: `data.corpus.Corpus`.
    num: number of samples of the generator to estimate Z from, 2 or more.
    split: the real sequences.
    seed: integer seed of the bootstrap.
    """
    self._evaluator = evaluator
    self._log_weight = tf.function(log_weight, input_signature=[tf.TensorSpec([None, corpus.spec.length], tf.int32)], autograph=False)
    self._corpus = corpus
    self._num = num
    self._split = split
    self._seed = seed
    self._real_scores = None

  def __call__(self, picker: Any = None) -> dict[str, estimates.Estimate]:
    """The bounds at one setting.

    Args:
      picker: picker of the proposals, see `sampling.pickers`; None for the generator's own.

    Returns:
      Dictionary of `estimates.Estimate`: `nll_<split>`, the upper bound, and `nll_<split>_lower`, nats per token, the latter only if the likelihood
      of q is exact; and `unk_<split>`, see `Evaluator.explicit`. The generator's probabilities of `<unk>` are left out of q, as they are of its own
      likelihood; f is that of the whole sentence, so that two systems differ by f - log Z alone. Empty if the proposals give real text no
      likelihood, and for a generator with categories, where each category would need its own Z.
    """
    if self._evaluator.categories or not self._evaluator.gives_likelihood(picker):
      return {}
    real = self._corpus.tokens[self._split]
    if self._real_scores is None:
      self._real_scores = self._scores(real)
    samples, _ = self._evaluator.sample(self._num, picker)
    log_probs = self._evaluator.log_probs(real, picker).known
    sizes = evaluator_lib.lengths(real, self._corpus.spec) - evaluator_lib.unknown(real, self._corpus)
    lower, upper = partition.nll(log_probs, self._real_scores, sizes, self._scores(samples), self._seed)
    unknown = evaluator_lib.unknown_share(real, self._corpus, f"unk_{self._split}")
    # Of a generator with a latent log q is itself a bound from below, so no lower bound of -log p follows.
    bounds = {f"nll_{self._split}_lower": lower} if self._evaluator.likelihood == "exact" else {}
    return {f"nll_{self._split}": upper, **bounds, **unknown}

  def _scores(self, tokens):
    batches = pipeline.padded_batches(sequences.Batch(tokens), _BATCH)
    return np.concatenate([self._log_weight(batch.tokens).numpy() for batch in batches]).astype(np.float64)

"""Scores of generated targets against the references of their own sources, by the package sacrebleu."""

from collections.abc import Sequence
import json

from tf_textgan.metrics import estimates

# Pairs that are drawn in all resamples of a bootstrap, which bounds its memory; at least so many resamples.
_DRAWN = 2_000_000
_FEWEST = 100
_MOST = 1000
# Decimals of the numbers that sacrebleu gives.
_WIDTH = 6


def scores(hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, estimates.Estimate]:
  """BLEU and chrF of a corpus of pairs, from 0 to 100 as published, and the share of hypotheses that are their reference.

  Args:
    hypotheses: N generated texts, detokenized.
    references: N texts, one for each.

  Returns:
    Dictionary of `estimates.Estimate`: `sacrebleu` (Papineni et al., 2002, with the tokenizer 13a and one reference; Post,
    https://arxiv.org/abs/1804.08771), `chrf` (Popovic, https://aclanthology.org/W15-3049: chrF2) and `exact`. Intervals are of a bootstrap over the
    pairs, sacrebleu's own for the first two.
  """
  from sacrebleu import metrics  # An optional package, whose import takes some tenths of a second.

  numbers = {
    "sacrebleu": _estimate(metrics.BLEU(force=True), hypotheses, references),  # `force`: no warning about text that is tokenized already.
    "chrf": _estimate(metrics.CHRF(), hypotheses, references),
  }
  return numbers | {"exact": estimates.share([ours == theirs for ours, theirs in zip(hypotheses, references, strict=True)])}


def _estimate(metric, hypotheses, references):
  resamples = max(_FEWEST, min(_MOST, _DRAWN // len(hypotheses)))
  score = metric.corpus_score(hypotheses, [references], n_bootstrap=resamples)
  # The only public way to the interval, which is absent if all resamples are 0.
  described = json.loads(score.format(_WIDTH, signature=metric.get_signature().format(), is_json=True))
  return estimates.Estimate(described["score"], len(hypotheses), described.get("confidence_var", 0.0))

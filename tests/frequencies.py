"""Whether samples have the frequencies that they should have."""

import numpy as np
import scipy.stats


def assert_drawn_from(places, probs):
  """Fails if the chi-square test finds that places, int `[N]`, were not drawn with probabilities `[K]`; the rare ones are counted together."""
  counts = np.bincount(places, minlength=len(probs))
  expected = np.asarray(probs, np.float64) / np.sum(probs, dtype=np.float64) * len(places)
  rare = expected < 5.0
  counts, expected = (np.append(x[~rare], x[rare].sum()) for x in (counts, expected))
  filled = expected > 0.0
  assert not counts[~filled].any()
  if filled.sum() == 1:  # All that can be asked of one bin.
    return
  pvalue = scipy.stats.chisquare(counts[filled], expected[filled], sum_check=False).pvalue
  assert pvalue > 1e-3, (pvalue, counts, expected)

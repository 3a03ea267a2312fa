"""Signs that a generator has collapsed: it writes the same again and again, or the training set by heart."""


def symptoms(numbers, real, split="validation"):
  """Looks for the signs.

  Args:
    numbers: dictionary of a sample's `duplicates` and `copied` and, where there is a likelihood, `entropy` and `nll_<split>` (nats per token).
    real: dictionary of `duplicates` and `copied` of as much real text.
    split: the held-out text.

  Returns:
    A list of short texts, empty if all is well: an entropy below half of the held-out text's negative log-likelihood (a calibrated model has both
    alike), a share of unique sentences below half of real text's, a share of copies 20 points above real text's.
  """
  found = []
  entropy, nll = numbers.get("entropy"), numbers.get(f"nll_{split}")
  if entropy is not None and nll is not None and entropy < 0.5 * nll:
    found.append(f"the samples' entropy is {entropy:.2f} nats a token, below half of the {nll:.2f} that held-out text costs")
  unique, real_unique = 1.0 - numbers["duplicates"], 1.0 - real["duplicates"]
  if unique < 0.5 * real_unique:
    found.append(f"{unique:.0%} of the samples are unique, of real text {real_unique:.0%}")
  if numbers["copied"] > real["copied"] + 0.2:
    found.append(f"{numbers['copied']:.0%} of the samples are copied from the training set, of real text {real['copied']:.0%}")
  return found

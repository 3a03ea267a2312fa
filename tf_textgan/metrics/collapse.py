"""Symptoms of a collapsed generator: repeated samples, copies of the training set, low entropy."""


from collections.abc import Mapping


def symptoms(numbers: Mapping[str, float], real: Mapping[str, float], split: str = "validation") -> list[str]:
  """Describes the symptoms of collapse in a sample's metrics.

  A symptom is an entropy below half of the held-out negative log-likelihood (both are alike for a calibrated model), a fraction of unique sentences
  below half of real text's, or a fraction of copies 20 points above real text's.

  Args:
    numbers: metrics of the sample: `duplicates`, `copied` and, where the generator has a likelihood, `entropy` and `nll_<split>`, nats per token.
    real: `duplicates` and `copied` of real text of the same size.
    split: name of the held-out split.

  Returns:
    One short text per symptom; empty without symptoms.
  """
  found = []
  entropy, nll = numbers.get("entropy"), numbers.get(f"nll_{split}")
  if entropy is not None and nll is not None and entropy < 0.5 * nll:
    found.append(f"the samples' entropy is {entropy:.2f} nats per token, below half of the held-out NLL of {nll:.2f}")
  unique, real_unique = 1.0 - numbers["duplicates"], 1.0 - real["duplicates"]
  if unique < 0.5 * real_unique:
    found.append(f"{unique:.0%} of the samples are unique, against {real_unique:.0%} of real text")
  if numbers["copied"] > real["copied"] + 0.2:
    found.append(f"{numbers['copied']:.0%} of the samples are copied from the training set, against {real['copied']:.0%} of real text")
  return found

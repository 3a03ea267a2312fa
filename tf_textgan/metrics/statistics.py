"""Statistics of a sample of sentences, compared with real sentences and the training set, under flat names and with sample sizes."""

import numpy as np

from tf_textgan.metrics import diversity
from tf_textgan.metrics import estimates
from tf_textgan.metrics import numbering


def statistics(
  sentences: numbering.Sentences, references: numbering.Sentences | None, training: numbering.Sentences | None = None, seed: int = 0
) -> dict[str, estimates.Estimate]:
  """Computes the statistics of `diversity`; the n-grams of each order are counted once.

  All but the means depend on the number of sentences and of references: compare samples of equal size. The intervals cover the choice of sentences,
  not of references, which all systems share: bootstraps for means, Wilson's for fractions, binomial ones for percentiles, jackknives over groups of
  sentences for statistics of n-grams. That of `duplicates` treats the sentences' flags as independent, which is right for few duplicates and too wide
  for many.

  Args:
    sentences: the sample, N sentences, at least one.
    references: sentences to compare with, such as the test set; at least one. None to omit the comparisons, `js_2` and `ms_jaccard_*`.
    training: sentences of the training set; None to omit the statistics of copies.
    seed: of the bootstrap.

  Returns:
    Estimates, each with n = N; all but `longest_copied_max` have an interval:
      distinct_1 to distinct_4: ratio of distinct n-grams to all n-grams.
      duplicates: fraction of sentences that also occur earlier in the sample.
      ngram_entropy_1 to ngram_entropy_4: nats.
      js_2: Jensen-Shannon divergence of bigram frequencies from the references', nats.
      ms_jaccard_2 to ms_jaccard_5: see `diversity.ms_jaccard`.
      mean_length: tokens.
      length_std, length_p5, length_p50, length_p95: standard deviation and percentiles of the length, tokens.
    and with a training set also
      copied: fraction of sentences that occur in the training set.
      longest_copied: mean length, in tokens, of a sentence's longest n-gram that occurs in the training set.
      longest_copied_max: maximum of these lengths.

  Raises:
    ValueError: without sentences or references.
  """
  if not len(sentences) or references is not None and not len(references):
    raise ValueError(f"expected at least one sentence and one reference; got {len(sentences)} and {len(references or ())}")
  num = len(sentences)
  numbers = _of_ngrams(sentences, references)
  numbers["duplicates"] = estimates.share(diversity.duplicate_flags(sentences))
  lengths = np.array([len(sentence) for sentence in sentences])
  numbers["mean_length"] = estimates.mean(lengths, seed=seed)
  numbers["length_std"] = estimates.deviation(lengths, seed)
  numbers |= {f"length_p{percent}": estimates.percentile(lengths, percent) for percent in (5, 50, 95)}
  if training is not None:
    longest = diversity.longest_copied(sentences, training)
    numbers["copied"] = estimates.share(diversity.copied_flags(sentences, training))
    numbers["longest_copied"] = estimates.mean(longest, seed=seed)
    numbers["longest_copied_max"] = estimates.Estimate(float(np.max(longest)), num)
  return numbers


def _of_ngrams(sentences, references):
  """The statistics of n-grams, with jackknife intervals."""
  others = [] if references is None else [references]
  sizes = [len(other) for other in others]
  ngrams = diversity.NGrams([sentences, *others], 5)
  whole = _of_counts(ngrams.counts, [len(sentences), *sizes])
  without = [_of_counts(counts, [num, *sizes]) for counts, num in ngrams.without_groups()] if len(sentences) > 1 else []
  return {
    name: estimates.with_jackknife(estimates.Estimate(value, len(sentences)), [numbers[name] for numbers in without]) for name, value in whole.items()
  }


def _of_counts(counts, sizes):
  numbers = {f"distinct_{order}": diversity.distinct_of_counts(counts[order - 1][0]) for order in range(1, 5)}
  numbers |= {f"ngram_entropy_{order}": diversity.ngram_entropy_of_counts(counts[order - 1][0]) for order in range(1, 5)}
  if len(sizes) == 1:
    return numbers
  numbers["js_2"] = diversity.js_divergence_of_counts(counts[1])
  return numbers | {f"ms_jaccard_{order}": score for order, score in diversity.ms_jaccard_of_counts(counts, sizes).items()}

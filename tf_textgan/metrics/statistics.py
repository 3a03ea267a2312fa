"""Statistics of a sample of sentences, compared with real sentences and the training set, under flat names and with sample sizes."""

import numpy as np

from tf_textgan.metrics import diversity
from tf_textgan.metrics import estimates
from tf_textgan.metrics import numbering


def statistics(
  sentences: numbering.Sentences, references: numbering.Sentences, training: numbering.Sentences | None = None, seed: int = 0
) -> dict[str, estimates.Estimate]:
  """Computes the statistics of `diversity`; the n-grams of each order are counted once.

  All but the means depend on the number of sentences and of references: compare samples of equal size. The interval of `duplicates` treats the
  sentences' flags as independent, which is right for few duplicates and too wide for many.

  Args:
    sentences: the sample, N sentences, at least one.
    references: sentences to compare with, such as the test set; at least one.
    training: sentences of the training set; None to omit the statistics of copies.
    seed: of the bootstrap.

  Returns:
    Estimates, each with n = N:
      distinct_1 to distinct_4: ratio of distinct n-grams to all n-grams.
      duplicates: fraction of sentences that also occur earlier in the sample; with an interval.
      ngram_entropy_1 to ngram_entropy_4: nats.
      js_2: Jensen-Shannon divergence of bigram frequencies from the references', nats.
      ms_jaccard_2 to ms_jaccard_5: see `diversity.ms_jaccard`.
      mean_length: tokens; with an interval.
      length_std, length_p5, length_p50, length_p95: see `diversity.length_summary`.
    and with a training set also
      copied: fraction of sentences that occur in the training set; with an interval.
      longest_copied: mean length, in tokens, of a sentence's longest n-gram that occurs in the training set; with an interval.
      longest_copied_max: maximum of these lengths.

  Raises:
    ValueError: without sentences or references.
  """
  if not len(sentences) or not len(references):
    raise ValueError(f"expected at least one sentence and one reference; got {len(sentences)} and {len(references)}")
  counts = diversity.count_ngrams([sentences, references], 5)
  numbers = {f"distinct_{order}": diversity.distinct_of_counts(counts[order - 1][0]) for order in range(1, 5)}
  numbers["duplicates"] = estimates.mean(diversity.duplicate_flags(sentences), seed=seed)
  numbers |= {f"ngram_entropy_{order}": diversity.ngram_entropy_of_counts(counts[order - 1][0]) for order in range(1, 5)}
  numbers["js_2"] = diversity.js_divergence_of_counts(counts[1])
  scores = diversity.ms_jaccard_of_counts(counts, [len(sentences), len(references)])
  numbers |= {f"ms_jaccard_{order}": score for order, score in scores.items()}
  lengths = diversity.length_summary(sentences)
  # Replaced by `mean_length`, which has an interval.
  del lengths["length_mean"]
  numbers |= {"mean_length": estimates.mean([len(sentence) for sentence in sentences], seed=seed), **lengths}
  if training is not None:
    longest = diversity.longest_copied(sentences, training)
    numbers["copied"] = estimates.mean(diversity.copied_flags(sentences, training), seed=seed)
    numbers["longest_copied"] = estimates.mean(longest, seed=seed)
    numbers["longest_copied_max"] = float(np.max(longest))
  return {name: value if isinstance(value, estimates.Estimate) else estimates.Estimate(value, len(sentences)) for name, value in numbers.items()}

"""Statistics of a sample of sentences, next to a sample of real ones and to the training set: flat names, each number with its sample size."""

import numpy as np

from tf_textgan.metrics import diversity
from tf_textgan.metrics import estimates


def statistics(sentences, references, training=None, seed=0):
  """Gathers the statistics of `diversity`; each order's n-grams are counted once.

  All but the averages depend on the number of sentences, that of the references too: compare samples of one size. The interval of `duplicates` takes
  the sentences' flags for independent, which is right for few duplicates and too wide for many.

  Args:
    sentences: N sequences of hashable tokens, the sample; at least one.
    references: sentences to compare with, such as those of the test set; at least one.
    training: the training set's sentences; None for no numbers of copies.
    seed: integer, of the bootstrap.

  Returns:
    Dictionary of `estimates.Estimate`, each with n = N:
      distinct_1 to distinct_4: distinct n-grams over all n-grams.
      duplicates: share of the sentences that stand earlier in the sample too; with an interval.
      ngram_entropy_1 to ngram_entropy_4: nats.
      js_2: divergence of the bigrams' frequencies from the references', nats.
      ms_jaccard_2 to ms_jaccard_5: see `diversity.ms_jaccard`.
      mean_length: tokens; with an interval.
      length_std, length_p5, length_p50, length_p95: see `diversity.length_summary`.
    and with a training set also
      copied: share of the sentences that stand there; with an interval.
      longest_copied: mean length, in tokens, of a sentence's longest run that stands there; with an interval.
      longest_copied_max: the longest such run of all.

  Raises:
    ValueError: if there are no sentences or no references.
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
  # The same number, with its interval.
  del lengths["length_mean"]
  numbers |= {"mean_length": estimates.mean([len(sentence) for sentence in sentences], seed=seed), **lengths}
  if training is not None:
    longest = diversity.longest_copied(sentences, training)
    numbers["copied"] = estimates.mean(diversity.copied_flags(sentences, training), seed=seed)
    numbers["longest_copied"] = estimates.mean(longest, seed=seed)
    numbers["longest_copied_max"] = float(np.max(longest))
  return {name: value if isinstance(value, estimates.Estimate) else estimates.Estimate(value, len(sentences)) for name, value in numbers.items()}

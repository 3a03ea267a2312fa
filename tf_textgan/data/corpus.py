"""A corpus: three splits of token sequences, their vocabulary and, for synthetic text, the distribution they were drawn from.

Letters: N sentences, T tokens in a sequence.
"""

import abc
import collections
import collections.abc
import dataclasses
import itertools
import os
import tempfile

from absl import logging
import numpy as np

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.data import vocabulary as vocabularies

SPLITS = ("train", "validation", "test")

# The longest sequence chosen without being asked for: memory and time grow with the longest sentence, which may be an outlier.
LONGEST_BY_DEFAULT = 256

# Larger token arrays stay on disk.
RAM_LIMIT = 2**30

_CHUNK = 8192


class Truth(abc.ABC):
  """The exact distribution of a synthetic corpus.

  Attributes:
    full_support: whether every sequence has a probability above zero.
  """

  full_support = False

  @abc.abstractmethod
  def log_prob(self, tokens):
    """Nats per sequence of int32 `[N, T]`, a float64 array `[N]`; -inf for what cannot occur."""

  @abc.abstractmethod
  def sample(self, num, seed):
    """Draws `num` fresh sequences, int32 `[num, T]`; the same seed gives the same ones."""


@dataclasses.dataclass(frozen=True)
class Corpus:
  """Token sequences ready for training.

  Attributes:
    name: what the user calls it.
    spec: shape and special tokens of the sequences.
    vocabulary: what turns them into text.
    tokens: for each of `SPLITS` an int32 array `[N, T]`, possibly memory-mapped.
    truth: the distribution of the sequences, where it is known.
  """

  name: str
  spec: sequences.Spec
  vocabulary: vocabularies.Vocabulary | vocabularies.IntegerVocabulary
  tokens: collections.abc.Mapping[str, np.ndarray]
  truth: Truth | None = None


def encode(
    name, splits, *, level="word", min_count=1, max_vocab_size=0, max_length=0, vocabulary=None, length=None, folder=None,
    ram_limit=RAM_LIMIT):
  """Makes a corpus from text.

  The text is read twice and encoded in chunks, so it may be larger than memory. Empty sentences and those that do not fit are dropped.

  Args:
    name: of the corpus, for messages.
    splits: for each of `SPLITS` an iterable of strings that can be iterated over more than once.
    level: `"word"` or `"char"`.
    min_count: a token seen fewer times in the training split becomes `<unk>`.
    max_vocab_size: most tokens in the vocabulary, the special ones included; 0 keeps all.
    max_length: most tokens in a sequence, the end token included; 0 takes the longest sentence, but at most 256.
    vocabulary: an existing vocabulary instead of one built from the training split; `level`, `min_count` and `max_vocab_size` do
      not count then.
    length: an existing T, in place of `max_length`.
    folder: where arrays above the limit are kept; None keeps all in memory.
    ram_limit: bytes above which the tokens of a split are memory-mapped from a file in `folder`.

  Returns:
    A `Corpus`.

  Raises:
    UserError: a split has no sentence that fits, or the training split has fewer than two.
  """
  level = vocabulary.level if vocabulary else level
  lengths = {split: collections.Counter() for split in SPLITS}

  def measured(split):
    for sentence in splits[split]:
      lengths[split][len(vocabularies.split(sentence, level))] += 1
      yield sentence

  train = measured("train")
  vocabulary = vocabulary or vocabularies.Vocabulary.build(train, level, min_count, max_vocab_size)
  for sentences in (train, measured("validation"), measured("test")):
    collections.deque(sentences, maxlen=0)  # only the lengths are wanted; what the vocabulary has read is not read again

  if length is None:
    longest = max((max(counts, default=0) for counts in lengths.values()), default=0)
    length = max_length or min(longest + 1, LONGEST_BY_DEFAULT)
  tokens = {}
  for split in SPLITS:
    total = sum(lengths[split].values())
    fitting = sum(count for size, count in lengths[split].items() if 0 < size < length)
    if fitting < total:
      logging.info("%s: dropped %d of %d %s sentences, which are empty or longer than %d tokens", name, total - fitting, total, split,
                   length - 1)
    least = 2 if split == "train" else 1
    if fitting < least:
      raise errors.UserError(
          f"{name}: the {split} split needs at least {least} sentence{'s' * (least > 1)} of 1 to {length - 1} tokens, but has {fitting} "
          f"(of {total})")
    on_disk = folder is not None and 4 * fitting * length > ram_limit
    path = os.path.join(folder, f"tokens_{split}.npy") if on_disk else None
    tokens[split] = _encode_split(vocabulary, splits[split], length, fitting, path)
  return Corpus(name, vocabulary.spec(length), vocabulary, tokens)


def _encode_split(vocabulary, sentences, length, num, path):
  """Encodes the `num` sentences that fit, into the file `path` or, without one, in memory: int32 `[num, length]`."""
  fitting = (s for s in sentences if 0 < len(vocabularies.split(s, vocabulary.level)) < length)
  if path is None:
    tokens = np.empty([num, length], np.int32)
    _fill(tokens, vocabulary, fitting)
    return tokens
  descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), suffix=".incomplete")
  os.close(descriptor)
  try:
    tokens = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.int32, shape=(num, length))
    _fill(tokens, vocabulary, fitting)
    tokens.flush()
    os.replace(temporary, path)
  except BaseException:
    os.unlink(temporary)
    raise
  return np.load(path, mmap_mode="r")


def _fill(tokens, vocabulary, sentences):
  start = 0
  while chunk := list(itertools.islice(sentences, _CHUNK)):
    tokens[start:start + len(chunk)] = vocabulary.encode(chunk, tokens.shape[1])
    start += len(chunk)
  if start != len(tokens):
    raise ValueError(f"the text gave {len(tokens)} sentences when it was first read, but {start} the second time")

"""Text from any dataset registered in TFDS, by its name there: `imdb_reviews`, `lm1b`, `wikipedia/20230601.en`."""

import dataclasses
import difflib

import tensorflow_datasets as tfds

from tf_textgan import errors
from tf_textgan.data import corpus
from tf_textgan.data import prepare
from tf_textgan.data import text_config

# A split the dataset does not have is one part in this many of its training split.
_CARVED = 20


@dataclasses.dataclass(frozen=True)
class Config(text_config.TextConfig):
  """What to read of the dataset."""

  # feature that holds a sentence; a/b is the feature b inside a
  text_feature: str = "text"
  # split to train on
  train_split: str = "train"
  # split to validate on; empty takes the one called validation or, without one, the last 5 % of the training split
  validation_split: str = ""
  # split for the final test; empty takes the one called test or, without one, the 5 % of the training split before those
  test_split: str = ""


def check_registered(name, also=()):
  """Raises `UserError` unless TFDS has a dataset of that name; the message names close ones.

  Args:
    name: with or without a config and a version.
    also: other names that would have been right.
  """
  registered = tfds.list_builders(with_community_datasets=False)
  base = name.split("/")[0].split(":")[0]
  if base not in registered:
    close = difflib.get_close_matches(base, [*also, *registered], n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    own = f"the library has {', '.join(also)}, and " if also else ""
    raise errors.UserError(f"unknown dataset {name!r}{hint} ({own}TFDS has {len(registered)} others, see https://www.tensorflow.org/datasets)")


def load_registered(name, config, data_dir=None, vocabulary=None, length=None):
  """Prepares and reads a registered dataset.

  Args:
    name: in TFDS.
    config: a `Config`.
    data_dir: where TFDS keeps prepared datasets; None for its default.
    vocabulary: an existing vocabulary to encode with.
    length: the sequence length that goes with it.

  Returns:
    A `corpus.Corpus`.

  Raises:
    UserError: there is no such dataset, feature or split, or an option is out of range.
  """
  text_config.check(config)
  check_registered(name)
  try:
    builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
  except (ValueError, KeyError) as error:  # a config or a version that the dataset does not have
    raise errors.UserError(f"TFDS cannot make the dataset {name!r}: {str(error).strip().splitlines()[0]}") from error
  allowed = _string_features(builder.info.features)
  if config.text_feature not in allowed:
    raise errors.UserError(
        f"{name} has no string feature {config.text_feature!r}; pass --text_feature with one of: {', '.join(allowed) or '(there are none)'}")
  builder = prepare.prepare(lambda: tfds.builder(name, data_dir=data_dir, try_gcs=False))
  return text_config.encode(name, builder, _splits(name, builder.info.splits, config), config, config.text_feature, vocabulary, length)


def _string_features(features, prefix=""):
  """Names of the features that hold one string, those inside others as `a/b`."""
  names = []
  for name, feature in features.items():
    if isinstance(feature, tfds.features.FeaturesDict):
      names += _string_features(feature, f"{prefix}{name}/")
    elif isinstance(feature, tfds.features.Tensor) and feature.shape == () and feature.tf_dtype.name == "string":
      names.append(prefix + name)
  return names


def _splits(name, available, config):
  """For each split of a corpus the TFDS split or the part of one to read."""
  wanted = dict(zip(corpus.SPLITS, (config.train_split, config.validation_split, config.test_split)))
  for split in wanted.values():
    if split and split not in available:
      raise errors.UserError(f"{name} has no split {split!r}; there are: {', '.join(available)}")
  num = kept = available[config.train_split].num_examples
  splits = {}
  for split in ("validation", "test"):
    if wanted[split] or split in available and split != config.train_split:
      splits[split] = wanted[split] or split
    else:
      end, kept = kept, kept - max(num // _CARVED, 1)
      splits[split] = f"{config.train_split}[{max(kept, 0)}:{end}]"
  return splits | {"train": f"{config.train_split}[:{max(kept, 0)}]" if kept < num else config.train_split}

"""Text from any dataset registered in TFDS, by its name there: `imdb_reviews`, `lm1b`, `wikipedia/20230601.en`."""

import dataclasses
import difflib

import tensorflow_datasets as tfds

from tf_textgan import errors
from tf_textgan.data import prepare
from tf_textgan.data import text_config

# Of more different labels it is doubtful whether they are categories.
_MOST_CATEGORIES = 1000

# Stand-ins for splits the dataset does not have, and what is then left of the training split.
_CARVED = ("[95%:]", "[90%:95%]")
_LEFT = ("", "[:95%]", "[:90%]")


@dataclasses.dataclass(frozen=True)
class Config(text_config.TextConfig):
  """What to read of the dataset."""

  # feature that holds a sentence; a/b is the feature b inside a
  text_feature: str = "text"
  # feature that holds a sentence's category, a class label, an integer or a string, for algorithms that learn to write in categories; empty for none
  label_feature: str = ""
  # split to train on
  train_split: str = "train"
  # split to validate on; empty takes the one called validation or, without one, a twentieth of the training split
  validation_split: str = ""
  # split for the final test; empty takes the one called test or, without one, another twentieth of the training split
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
    raise errors.UserError(
        f"unknown dataset {name!r}{hint} ({own}TFDS has {len(registered)} others, see https://www.tensorflow.org/datasets)")


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
  scalars = _scalar_features(builder.info.features)
  allowed = [name for name, feature in scalars.items() if feature.tf_dtype.name == "string"]
  if config.text_feature not in allowed:
    raise errors.UserError(
        f"{name} has no string feature {config.text_feature!r}; pass --text_feature with one of: "
        f"{', '.join(allowed) or '(there are none)'}")
  allowed = [name for name, feature in scalars.items() if feature.tf_dtype.name == "string" or feature.tf_dtype.is_integer]
  if config.label_feature and config.label_feature not in allowed:
    raise errors.UserError(
        f"{name} has no feature {config.label_feature!r} of one integer or string; pass --label_feature with one of: {', '.join(allowed)}")
  builder = prepare.prepare(lambda: tfds.builder(name, data_dir=data_dir, try_gcs=False))
  splits = _splits(name, builder.info.splits, config)
  labels, categories = None, ()
  if config.label_feature:
    labels, categories = _labels(builder, splits, config.label_feature, scalars[config.label_feature])
  return text_config.encode(name, builder, splits, config, config.text_feature, vocabulary, length, labels, categories)


def _scalar_features(features, prefix=""):
  """The features that hold one number or string: name to feature, those inside others as `a/b`."""
  found = {}
  for name, feature in features.items():
    if isinstance(feature, tfds.features.FeaturesDict):
      found |= _scalar_features(feature, f"{prefix}{name}/")
    elif isinstance(feature, tfds.features.Tensor) and feature.shape == ():
      found[prefix + name] = feature
  return found


def _labels(builder, splits, name, feature):
  """The labels of each split, and the names of the categories: those of a class label, else the values in the training split, sorted."""
  if isinstance(feature, tfds.features.ClassLabel):
    return {split: prepare.Labels(builder, part, name, None) for split, part in splits.items()}, tuple(feature.names)
  values = set()
  for value in prepare.raw_labels(builder, splits["train"], name):
    values.add(value)
    if len(values) > _MOST_CATEGORIES:
      raise errors.UserError(f"the label_feature {name!r} has more than {_MOST_CATEGORIES} different values, so it holds no categories")
  names = tuple(prepare.label_name(value) for value in sorted(values))
  return {split: prepare.Labels(builder, part, name, names) for split, part in splits.items()}, names


def _splits(name, available, config):
  """For each split of a corpus the TFDS split or the part of one to read."""
  wanted = {"train": config.train_split, "validation": config.validation_split, "test": config.test_split}
  for split in wanted.values():
    # A dataset mocked by `tfds.testing` does not know its splits.
    if split and available and split not in available:
      raise errors.UserError(f"{name} has no split {split!r}; there are: {', '.join(available)}")
  carved = [
      split for split in ("validation", "test") if not wanted[split] and (split not in available or split == config.train_split)]
  splits = {split: wanted[split] or split for split in wanted}
  splits |= {split: config.train_split + part for split, part in zip(carved, _CARVED)}
  return splits | {"train": config.train_split + _LEFT[len(carved)]}

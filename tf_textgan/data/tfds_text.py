"""Text from TFDS: any registered dataset by its name, such as `imdb_reviews` or `wikipedia/20230601.en`, or the folder of a prepared one."""

from collections.abc import Sequence
import dataclasses
import difflib
import os
import pathlib
import re

import tensorflow_datasets as tfds

from tf_textgan import errors
from tf_textgan import files
from tf_textgan.data import corpus
from tf_textgan.data import prepare
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base as tokenizers

# The file that marks a folder as a prepared dataset.
_INFO = "dataset_info.json"

# Configs of a dataset that a message lists.
_SHOWN = 10

# If the dataset lacks a validation or test split: the parts of the training split, in percent, that replace up to two of them, ...
_CARVED = ((95, 100), (90, 95))
# ... and the end of the remaining training split, by the number of replaced splits.
_LEFT = (100, 95, 90)


@dataclasses.dataclass(frozen=True)
class Config(text_config.TextConfig):
  """Features and splits of the dataset to read."""

  # feature that holds a sentence; a/b is the feature b inside a
  text_feature: str = "text"
  # feature that holds a sentence's category (a class label, an integer or a string), for algorithms conditioned on categories; empty for none
  label_feature: str = ""
  # feature that holds what a sentence is generated from, its source, for pairs; empty for none
  source_feature: str = ""
  # maximum number of tokens in a source, the end token included; pairs with longer ones are dropped; 0 for the longest one, but at most 256
  max_source_length: int = 0
  # split to train on, or a TFDS split instruction, such as train[:50%] or train+unsupervised
  train_split: str = "train"
  # split to validate on; empty for the one called validation or, without one, a twentieth of the training split
  validation_split: str = ""
  # split for the final test; empty for the one called test or, without one, another twentieth of the training split
  test_split: str = ""


def check_registered(name: str, also: Sequence[str] = ()) -> None:
  """Raises `UserError` unless a name is a TFDS dataset or a path; the message suggests close names.

  Args:
    name: with or without a config and a version, or the path of a folder: see `is_path`.
    also: other valid names, for the message.
  """
  if is_path(name):
    return
  registered = tfds.list_builders(with_community_datasets=False)
  base = name.split("/")[0].split(":")[0]
  if base not in registered:
    close = difflib.get_close_matches(base, {*also, *registered}, n=3)  # TFDS lists some names twice.
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    own = f"the library has {', '.join(also)}, and " if also else ""
    raise errors.UserError(
        f"unknown dataset {name!r}{hint} ({own}TFDS has {len(registered)} others, see https://www.tensorflow.org/datasets)")


def is_path(name: str) -> bool:
  """Whether a name is a path: it starts with /, ./, ../ or ~, or a prepared dataset lies there."""
  return name.startswith(("/", "./", "../", "~")) or (pathlib.Path(name) / _INFO).is_file()


def load_registered(
    name: str, config: Config, data_dir: str | None = None, tokenizer: tokenizers.Tokenizer | None = None, length: int | None = None,
) -> corpus.Corpus:
  """Prepares and reads a registered dataset, or reads a prepared one.

  Args:
    name: of a TFDS dataset, or the path of a folder: see `is_path`.
    config: a `Config`.
    data_dir: where TFDS keeps prepared datasets; None for its default.
    tokenizer: an existing tokenizer to encode with.
    length: the sequence length that goes with it.

  Raises:
    UserError: there is no such dataset, feature or split, or an option is out of range.
  """
  text_config.check(config)
  text_config.check_source_length(config.max_source_length)
  if config.max_source_length and not config.source_feature:
    raise errors.UserError(f"max_source_length is {config.max_source_length}, but there is no source_feature; expected both")
  if config.label_feature and config.source_feature:
    raise errors.UserError("label_feature and source_feature are two conditions; expected one of them")
  check_registered(name)
  builder = _builder(name, data_dir)
  scalars = _scalar_features(builder.info.features)
  allowed = [name for name, feature in scalars.items() if feature.tf_dtype.name == "string"]
  if config.text_feature not in allowed:
    raise errors.UserError(
        f"{name} has no string feature {config.text_feature!r}; pass --text_feature with one of: "
        f"{', '.join(allowed) or '(there are none)'}")
  if config.source_feature and config.source_feature not in allowed:
    raise errors.UserError(f"{name} has no string feature {config.source_feature!r}; pass --source_feature with one of: {', '.join(allowed)}")
  allowed = [name for name, feature in scalars.items() if feature.tf_dtype.name == "string" or feature.tf_dtype.is_integer]
  if config.label_feature and config.label_feature not in allowed:
    raise errors.UserError(
        f"{name} has no feature {config.label_feature!r} of one integer or string; pass --label_feature with one of: {', '.join(allowed)}")
  builder = prepare.prepare(lambda: _builder(name, data_dir))
  splits = _splits(name, builder.info.splits, config)
  labels, categories = None, ()
  if config.label_feature:
    labels, categories = _labels(builder, splits, config.label_feature, scalars[config.label_feature])
  return text_config.encode(name, builder, splits, config, config.text_feature, tokenizer, length, labels, categories, config.source_feature)


def _builder(name, data_dir):
  try:
    if is_path(name):
      folder = os.path.expanduser(name)
      if os.path.exists(os.path.join(folder, _INFO)):
        files.check_regular_inside(folder)
      return tfds.builder_from_directory(folder)
    return tfds.builder(name, data_dir=data_dir, try_gcs=False)
  except tfds.core.dataset_info.DatasetInfoFileError as error:
    raise errors.UserError(
        f"--dataset {name} is no folder of a prepared TFDS dataset; expected one with a {_INFO}, such as /path/to/my_dataset/1.0.0") from error
  except (ValueError, KeyError, AssertionError, TypeError) as error:  # a config, a version or an option that the dataset does not have
    raise errors.UserError(f"TFDS cannot make the dataset {name!r}: {_wrong_config(name) or _reason(error)}") from error


def _wrong_config(name):
  """What is wrong with the config in the name of a registered dataset; empty if nothing is."""
  found = re.fullmatch(r"([^/:]+)/([^/:=]+)(:.*|/.*)?", name)
  if not found:
    return ""
  base, config = found[1], found[2]
  allowed = list(tfds.builder_cls(base).builder_configs)
  if config in allowed:
    return ""
  if not allowed:
    return f"{base} has no configs"
  close = difflib.get_close_matches(config, allowed, n=3)
  hint = f"; did you mean {' or '.join(close)}?" if close else ""
  more = f" and {len(allowed) - _SHOWN} more" if len(allowed) > _SHOWN else ""
  return f"it has no config {config!r}{hint} (there are: {', '.join(allowed[:_SHOWN])}{more})"


def _reason(error):
  """The first line of an error of TFDS, without the call that it repeats."""
  if isinstance(error, tfds.core.registered.DatasetNotFoundError) or str(error).startswith("Parsing builder name"):
    return "expected dataset_name[/config_name][:version]"
  return re.sub(r'^Failed to construct dataset ".*?", builder_kwargs ".*?": ', "", errors.first_line(error))


def _scalar_features(features, prefix=""):
  """The features that hold one number or string: name to feature; `a/b` is the feature b inside a."""
  found = {}
  for name, feature in features.items():
    if isinstance(feature, tfds.features.FeaturesDict):
      found |= _scalar_features(feature, f"{prefix}{name}/")
    elif isinstance(feature, tfds.features.Tensor) and feature.shape == ():
      found[prefix + name] = feature
  return found


def _labels(builder, splits, name, feature):
  """The labels of each split, and the categories: the names of a class label, or the sorted values in the training split."""
  if isinstance(feature, tfds.features.ClassLabel):
    return {split: prepare.Labels(builder, part, name, None) for split, part in splits.items()}, tuple(feature.names)
  values = set()
  for value in prepare.raw_labels(builder, splits["train"], name):
    values.add(value)
    if len(values) > corpus.MOST_CATEGORIES:
      raise errors.UserError(f"the label_feature {name!r} has more than {corpus.MOST_CATEGORIES} different values, so it holds no categories")
  names = tuple(prepare.label_name(value) for value in sorted(values))
  return {split: prepare.Labels(builder, part, name, names) for split, part in splits.items()}, names


def _splits(name, available, config):
  """For each split of a corpus the TFDS split or split instruction to read."""
  wanted = {"train": config.train_split, "validation": config.validation_split, "test": config.test_split}
  # A dataset mocked by `tfds.testing` lists no splits.
  parts = {split: _parts(name, available, split, wanted[split]) for split in wanted if wanted[split] and available}
  training = {part for part, _, _ in parts.get("train", ())} or {config.train_split}
  carved = [split for split in ("validation", "test") if not wanted[split] and (split not in available or split in training)]
  splits = {split: wanted[split] or split for split in wanted}
  splits |= {split: _percent(config.train_split, parts.get("train"), *ends) for split, ends in zip(carved, _CARVED)}
  return splits | {"train": _percent(config.train_split, parts.get("train"), 0, _LEFT[len(carved)])}


def _parts(name, available, split, instruction):
  """The parts that a TFDS instruction reads, in order: a list of (split, first example, end), the end excluded."""
  try:
    absolute = tfds.core.ReadInstruction.from_spec(instruction).to_absolute(available)
  except (ValueError, NotImplementedError) as error:
    if re.fullmatch(r"\w+", instruction):
      raise errors.UserError(f"{name} has no split {instruction!r}; there are: {', '.join(available)}") from error
    sizes = ", ".join(f"{key} ({info.num_examples} examples)" for key, info in available.items())
    reason = errors.first_line(error).rstrip(".")
    raise errors.UserError(f"TFDS cannot read --{split}_split {instruction}: {reason}; {name} has {sizes}") from error
  parts = []
  for part in absolute:
    end = available[part.splitname].num_examples if part.to is None else part.to
    parts.append((part.splitname, part.from_ or 0, end))
  if any(first >= end for _, first, end in parts):
    raise errors.UserError(f"--{split}_split {instruction} has a part without an example")
  return parts


def _percent(instruction, parts, first, last):
  """A TFDS instruction for `first` to `last` percent of another instruction; `parts`: its `_parts`, None if unknown."""
  if (first, last) == (0, 100):
    return instruction
  if parts is None or instruction == parts[0][0]:
    return f"{instruction}[{first}%:{last}%]"
  total = sum(end - start for _, start, end in parts)
  first, last = (round(percent * total / 100) for percent in (first, last))
  read, before = [], 0
  for split, start, end in parts:
    low, high = max(first - before, 0), min(last - before, end - start)
    before += end - start
    if low < high:
      read.append(f"{split}[{start + low}:{start + high}]")
  return "+".join(read) or f"{parts[0][0]}[0:0]"

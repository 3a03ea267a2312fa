"""Finds a corpus by its name: a module of `tf_textgan/data/datasets/`, a user's own module, or a TFDS dataset."""

from typing import Any

import tensorflow as tf

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.data import corpus
from tf_textgan.data import tfds_text
from tf_textgan.data.tokenizers import base as tokenizers

_PACKAGE = "tf_textgan.data.datasets"


def names() -> list[str]:
  """Sorted names of the library's own datasets."""
  return registry.names(_PACKAGE)


def config_class(name: str) -> type:
  """The `Config` dataclass of a dataset.

  Raises:
    UserError: neither the library nor TFDS has a dataset of that name, or the user's module defines no dataset.
  """
  if _is_module(name):
    return registry.load(_PACKAGE, name).Config
  tfds_text.check_registered(name, also=names())
  return tfds_text.Config


def load(
    name: str, config: Any, data_dir: str | None = None, tokenizer: tokenizers.Tokenizer | None = None, length: int | None = None,
) -> corpus.Corpus:
  """Reads a corpus, preparing it first if needed.

  Args:
    name: the dataset's name.
    config: an instance of its `config_class`.
    data_dir: where TFDS keeps prepared datasets; None for its default.
    tokenizer: an existing tokenizer to encode with, for a resumed run.
    length: the sequence length that goes with it.

  Raises:
    UserError: neither the library nor TFDS has a dataset of that name, its config is wrong, or the folder cannot be reached.
  """
  _check_folder(data_dir)
  if registry.is_outside(name):
    made = registry.load(_PACKAGE, name).load(config, data_dir, tokenizer, length)
    corpus.check(made, f"the corpus of {name}")
    return made
  if _is_module(name):
    return registry.load(_PACKAGE, name).load(config, data_dir, tokenizer, length)
  return tfds_text.load_registered(name, config, data_dir, tokenizer, length)


def _check_folder(data_dir):
  """Raises a `UserError` for a folder on another machine, such as gs://bucket/data, that cannot be reached."""
  if data_dir is None or "://" not in str(data_dir):
    return
  try:
    tf.io.gfile.exists(str(data_dir))
  except tf.errors.OpError as error:
    raise errors.UserError(f"the data_dir {data_dir} cannot be reached: {error.message}") from error


def _is_module(name):
  return name in names() or registry.is_outside(name)

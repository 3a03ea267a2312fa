"""Finds a corpus by its name: a module of `tf_textgan/data/datasets/`, a user's own module, or a TFDS dataset."""

from typing import Any

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
    UserError: neither the library nor TFDS has a dataset of that name, or its config is wrong.
  """
  if _is_module(name):
    return registry.load(_PACKAGE, name).load(config, data_dir, tokenizer, length)
  return tfds_text.load_registered(name, config, data_dir, tokenizer, length)


def _is_module(name):
  return name in names() or registry.is_outside(name)

"""Finds a corpus by its name: a module of `tf_textgan/data/datasets/`, a user's own module, or a dataset in TFDS."""

from tf_textgan import registry
from tf_textgan.data import tfds_text

_PACKAGE = "tf_textgan.data.datasets"


def names():
  """Names of the library's own datasets, sorted."""
  return registry.names(_PACKAGE)


def config_class(name):
  """The `Config` dataclass of a dataset.

  Raises:
    UserError: neither the library nor TFDS has a dataset of that name, or the user's module is none of a dataset.
  """
  if _is_module(name):
    return registry.load(_PACKAGE, name).Config
  tfds_text.check_registered(name, also=names())
  return tfds_text.Config


def load(name, config, data_dir=None, tokenizer=None, length=None):
  """Prepares a corpus where that has not been done yet, and reads it.

  Args:
    name: of the dataset.
    config: an instance of its `config_class`.
    data_dir: where TFDS keeps prepared datasets; None for its default.
    tokenizer: an existing tokenizer to encode with, as a resumed run needs it.
    length: the sequence length that goes with it.

  Returns:
    A `corpus.Corpus`.

  Raises:
    UserError: neither the library nor TFDS has a dataset of that name, or its config is wrong.
  """
  if _is_module(name):
    return registry.load(_PACKAGE, name).load(config, data_dir, tokenizer, length)
  return tfds_text.load_registered(name, config, data_dir, tokenizer, length)


def _is_module(name):
  return name in names() or registry.is_outside(name)

"""Checks a user's own parts against the library's laws: algorithms, generators, discriminators, tokenizers, datasets, encoders and rewards.

  python -m tf_textgan.conformance my_package.my_module [my_package.my_rewards:politeness ...]

Arguments after the names, such as -x or -k dropout, go to pytest, which must be installed.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

from collections.abc import Sequence
import os
import sys

import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.commands import cli
from tf_textgan.conformance import devices
from tf_textgan.conformance import tiny

_LAWS = ("algorithms", "modules", "networks", "texts")


class Plugin:
  """Markers, selection and fixtures of the laws."""

  def pytest_configure(self, config):
    config.addinivalue_line("markers", "slow: skipped in the library's quick tests; here all tests run")

  def pytest_collection_modifyitems(self, items):
    # Drops the laws for kinds of parts that no name stands for.
    items[:] = [item for item in items if "NOTSET" not in item.name]

  @pytest.fixture
  def two_replicas(self) -> tf.distribute.Strategy:
    """See `devices.two_replicas`."""
    return devices.two_replicas()

  @pytest.fixture(scope="session")
  def data_dir(self):
    """Where prepared datasets are: the default of TFDS."""
    return None


def parse(argv: Sequence[str]) -> tuple[list[str], list[str]]:
  """Splits a command line into the names of modules and pytest's arguments."""
  arguments = argv[1:]
  first = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
  if not first or {"-h", "--help"} & set(arguments):
    raise errors.UserError("expected modules of your own: python -m tf_textgan.conformance my_package.my_module [arguments of pytest]")
  return arguments[:first], arguments[first:]


def main(options: tuple[list[str], list[str]]) -> int:
  """Runs the tests and returns pytest's exit code."""
  names, arguments = options
  tiny.select(names)
  devices.split_cpu()
  laws = [os.path.join(os.path.dirname(__file__), f"{law}.py") for law in _LAWS]
  settings = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "-o", "python_files=*.py", "-W", "ignore::DeprecationWarning"]
  return pytest.main([*settings, *laws, *arguments], plugins=[Plugin()])


if __name__ == "__main__":
  sys.argv[0] = "conformance"
  cli.run(parse, main)

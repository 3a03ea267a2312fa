"""Holds a user's own parts to the laws of the library's: algorithms, generators, discriminators, tokenizers, datasets, encoders and rewards.

  python -m tf_textgan.conformance my_package.my_module [my_package.my_rewards:politeness ...]

What follows the names goes to pytest, which must be installed: -x, -k dropout.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import os
import sys

import pytest

from tf_textgan import errors
from tf_textgan.commands import cli
from tf_textgan.conformance import devices
from tf_textgan.conformance import tiny

_LAWS = ("algorithms", "modules", "networks", "texts")


class Plugin:
  """What the laws need of pytest."""

  def pytest_configure(self, config):
    config.addinivalue_line("markers", "slow: see the library's own tests; here all are made")

  def pytest_collection_modifyitems(self, items):
    # Laws for kinds of parts of which none is named.
    items[:] = [item for item in items if "NOTSET" not in item.name]

  @pytest.fixture
  def two_replicas(self):
    """See `devices.two_replicas`."""
    return devices.two_replicas()

  @pytest.fixture(scope="session")
  def data_dir(self):
    """Where prepared datasets are: the default of TFDS."""
    return None


def parse(argv):
  """The names and the arguments for pytest, a list each."""
  arguments = argv[1:]
  first = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
  if not first or {"-h", "--help"} & set(arguments):
    raise errors.UserError("expected modules of your own: python -m tf_textgan.conformance my_package.my_module [arguments of pytest]")
  return arguments[:first], arguments[first:]


def main(options):
  """Makes the tests; gives pytest's exit code."""
  names, arguments = options
  tiny.select(names)
  devices.split_cpu()
  laws = [os.path.join(os.path.dirname(__file__), f"{law}.py") for law in _LAWS]
  settings = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "-o", "python_files=*.py", "-W", "ignore::DeprecationWarning"]
  return pytest.main([*settings, *laws, *arguments], plugins=[Plugin()])


if __name__ == "__main__":
  sys.argv[0] = "conformance"
  cli.run(parse, main)

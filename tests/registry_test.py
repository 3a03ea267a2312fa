"""Tests of tf_textgan.registry."""

import pytest

from tf_textgan import errors
from tf_textgan import registry


def test_names_are_the_module_files_without_the_shared_ones():
  names = registry.names("tf_textgan.algorithms")
  assert names == sorted(names)
  assert {"mle", "seqgan", "gsgan", "wgan_gp"} <= set(names)
  assert "base" not in names


def test_load_imports_the_module_of_that_name():
  assert registry.load("tf_textgan.generators", "lstm").__name__ == "tf_textgan.generators.lstm"


@pytest.mark.parametrize("name", ["seqgam", "base", "", "os"])
def test_an_unknown_name_lists_those_there_are(name):
  with pytest.raises(errors.UserError, match=r"unknown algorithm '.*there are: .*mle.*seqgan") as failure:
    registry.load("tf_textgan.algorithms", name)
  assert ("did you mean seqgan?" in str(failure.value)) == (name == "seqgam")

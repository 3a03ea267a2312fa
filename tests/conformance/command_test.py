"""Tests of `python -m tf_textgan.conformance`, on a user's parts."""

import subprocess
import sys

import pytest

from tests import outside
from tests import shell
from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.conformance import tiny


def _run(folder, *words):
  command = [sys.executable, "-m", "tf_textgan.conformance", *words]
  environment = shell.environment(PYTHONPATH=str(shell.ROOT))
  return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=150)


def test_parts_of_a_users_package_are_checked(tmp_path):
  parts = outside.write(tmp_path, "conformance_parts")
  names = [parts[kind] for kind in ("generator", "discriminator", "algorithm", "tokenizer", "dataset", "encoder")]
  names.append(f"{parts['reward']}:politeness")
  result = _run(tmp_path, *names)
  assert result.returncode == 0, result.stdout
  assert " passed" in result.stdout and "failed" not in result.stdout and "skipped" not in result.stdout


def test_a_part_that_breaks_a_law_fails_by_its_name(tmp_path):
  name = outside.write(tmp_path, "conformance_parts")["discriminator"]
  path = tmp_path / "conformance_parts" / "discriminator.py"
  path.write_text(path.read_text().replace("tf.reduce_sum(embedded, axis=2)", "tf.reduce_sum(embedded, axis=2) + float(inputs.dtype.is_integer)"))
  result = _run(tmp_path, name, "-k", "points")
  assert result.returncode == 1
  assert f"networks.py::test_ids_and_their_one_hot_points_score_equally[text-{name}]" in result.stdout


def test_other_modules_are_refused(tmp_path, monkeypatch):
  result = _run(tmp_path)
  assert result.returncode == 2 and "expected modules of your own: python -m tf_textgan.conformance my_package.my_module" in result.stderr
  monkeypatch.syspath_prepend(tmp_path)
  parts = outside.write(tmp_path, "conformance_parts")
  before = tiny.ALGORITHMS[:]
  with pytest.raises(errors.UserError, match="conformance_parts.reward has none of Algorithm, Generator, .*named my_package.my_module:function"):
    tiny.select([parts["reward"]])
  with pytest.raises(errors.UserError, match="conformance_parts.reward has no function absent"):
    tiny.select([parts["reward"] + ":absent"])
  with pytest.raises(errors.UserError, match="there is no module conformance_parts.absent"):
    tiny.select(["conformance_parts.absent"])
  assert before == tiny.ALGORITHMS == registry.names("tf_textgan.algorithms")
  outside.forget("conformance_parts")

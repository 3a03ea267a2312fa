"""Tests of tf_textgan.runs.features: frozen features of another run or of a sentence encoder."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests import shell
from tf_textgan import runs
from tf_textgan.encoders import hashed
from tf_textgan.runs import features


def _settings(folder, name, algorithm, **changes):
  settings = {**shell.tiny_flags(algorithm), **shell.SHORT, "dataset": "text_lines", "text_files": folder / "text.txt", "export": "false"}
  return shell.as_flags({**settings, "data_dir": folder / "data", "workdir": folder / name, **changes})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("features")
  shell.write_text(folder / "text.txt")
  code, _, err = shell.call("train", *_settings(folder, "mle", "mle"))
  assert code == 0, err
  return folder


def test_an_encoder_gives_one_point_for_each_sentence():
  found = tf.function(features.of_encoder(hashed.Encoder(), lambda tokens: ["a b" if row[0] else "c" for row in tokens]))
  points, weights = found(tf.constant([[1, 2], [0, 3]]))
  np.testing.assert_allclose(points[:, 0], hashed.Encoder()(["a b", "c"]), rtol=1e-6)
  np.testing.assert_array_equal(weights, [[1.0], [1.0]])


@pytest.mark.parametrize("which", ["generator", "hashed", "run:{}/mle"])
def test_training_and_its_resumption(which, folder):
  name = which.split(":")[0]
  words = _settings(folder, name, "mmd", features=which.format(folder))
  code, _, err = shell.call("train", *words)
  assert code == 0, err
  code, _, err = shell.call("train", *words[:-1], words[-1], "--adversarial_steps", "4")
  assert code == 0 and "going on from step 5 of 7" in err, err
  # Neither the other run nor the encoder is needed to generate.
  run = runs.load(folder / name)
  assert ("feature_model" in run.algorithm.modules) == (which == "generator")
  assert float(run.algorithm.modules["kernel"].scale) not in (0.0, 1.0)


def test_a_run_is_not_resumed_with_other_features(folder):
  shutil.copytree(folder / "mle", folder / "model")
  words = _settings(folder, "with_model", "mmd", features=f"run:{folder}/model")
  code, _, err = shell.call("train", *words)
  assert code == 0, err
  shutil.rmtree(folder / "model")
  code, _, err = shell.call("train", *_settings(folder, "model", "mle", mle_steps=9))
  assert code == 0, err
  code, _, err = shell.call("train", *words, "--adversarial_steps", "4")
  assert code == 2 and f"--features run:{folder}/model gives other features than when the run began" in shell.said(err)[-1], err


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"features": "run:{}/absent"}, "there is no run in {}/absent"),
    ({"features": "frozen"}, "expected an encoder hashed, keras_hub:PRESET_OR_FOLDER"),
    ({"features": "hashed", "jit_compile": "true"}, "--features of a sentence encoder are made outside of TensorFlow's graph; expected"),
    ({"features": "run:{}/mle", "text_files": "{}/other.txt"}, "--features run:{}/mle has another vocabulary; expected a run on the same corpus"),
  ],
  ids=str,
)
def test_what_cannot_be_used_ends_in_one_line(changes, message, folder, tmp_path):
  (folder / "other.txt").write_text("some other words\n" * 60)
  changes = {name: value.format(folder) for name, value in changes.items()}
  code, _, err = shell.call("train", *_settings(folder, tmp_path / "refused", "mmd", **changes))
  assert code == 2 and message.format(folder) in shell.said(err)[-1], err
  assert not (tmp_path / "refused").exists()

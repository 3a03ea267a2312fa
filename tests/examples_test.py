"""The scripts of the tutorials run, at tiny sizes, and say what their pages say."""

import json
import os
import pathlib
import re
import runpy
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests import shell
from tf_textgan.runs import export

EXAMPLES = shell.ROOT / "examples"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
  """As a reader in a folder of one's own: datasets are prepared there, and the modules of examples/ are found."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.syspath_prepend(shell.ROOT)
  monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "data"))
  monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: None)  # It holds for a whole process.


def example(name, *words):
  """Runs a script: what it wrote to stdout."""
  code, out, err = shell.call(f"examples/{name}", *words)
  assert code == 0, err
  return out


def test_own_corpus(tmp_path):
  shell.write_text("my.txt")
  out = example("own_corpus", "--text_file", "my.txt", "--steps", 5, "--hidden_size", 8)
  assert len(out.splitlines()[-6:]) == 6 and "log-probabilities at temperature 1: [" in out
  assert (tmp_path / "runs/own_corpus/run/export/saved_model.pb").exists()


def test_own_corpus_without_a_file(tmp_path):
  example("own_corpus", "--steps", 1, "--hidden_size", 4, "--workdir", "captions")
  assert len((tmp_path / "captions/captions.txt").read_text().splitlines()) == 5000


def test_the_notebook_runs(capsys):
  """Its cells, in order, with smaller numbers."""
  notebook = json.loads((EXAMPLES / "own_corpus.ipynb").read_text(encoding="utf-8"))
  code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
  for old, new in (("range(5000)", "range(200)"), ("mle_steps=1500, evaluations=3", "mle_steps=2, evaluations=1"), ("_size=64", "_size=8")):
    assert any(old in cell for cell in code), old
    code = [cell.replace(old, new) for cell in code]
  namespace = {}
  for number, cell in enumerate(code):
    exec(compile(cell, f"own_corpus.ipynb, cell {number}", "exec"), namespace)
  assert namespace["scores"]["log_prob"].shape == [2]
  assert len(re.findall(r"^ *-\d+\.\d\d  ", capsys.readouterr().out, re.M)) == 5


def test_own_corpus_needs_a_file_that_is_there():
  """As the page says to call it, in a checkout."""
  command = [sys.executable, "-m", "examples.own_corpus", "--text_file", "absent.txt"]
  environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
  done = subprocess.run(command, cwd=shell.ROOT, env=environment, capture_output=True, text=True, timeout=100)
  assert done.returncode == 2
  assert shell.said(done.stderr) == ["own_corpus.py: --text_file is absent.txt; expected a file of text, one sentence a line"]


def test_categories(tmp_path):
  settings = shell.write_two_texts(tmp_path)
  out = example("categories", "--text_files", settings["text_files"], "--categories", "neg,pos", "--steps", 30, "--num", 40)
  assert [line[:5] for line in out.splitlines()[-7:-1]] == ["neg: "] * 3 + ["pos: "] * 3
  assert out.splitlines()[-1].startswith("category found in ")


def test_categories_need_a_name_for_each_file():
  code, _, err = shell.call("examples/categories", "--text_files", "a.txt,b.txt", "--categories", "a")
  assert code == 2 and "expected as many names as files" in err and len(shell.said(err)) == 1


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
  """The folder of a SavedModel of a run that has learned nothing."""
  folder = tmp_path_factory.mktemp("serving")
  settings = {"num_train": 100, "num_validation": 20, "num_test": 20, "data_dir": folder / "data"} | shell.tiny_flags("mle")
  corpus, algorithm = shell.begin(folder / "run", settings)
  export.save(folder / "export", algorithm.generator, algorithm.discriminator, corpus.tokenizer)
  return folder / "export"


def test_serving(exported):
  script = runpy.run_path(str(EXAMPLES / "serving.py"))

  def ask(path, body=None):
    try:
      with urllib.request.urlopen(f"http://127.0.0.1:{serving.server_port}{path}", body and json.dumps(body).encode()) as answer:
        return answer.status, json.load(answer)
    except urllib.error.HTTPError as e:
      return e.code, json.load(e)

  with script["server"](str(exported), 0) as serving:
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    try:
      status, sentences = ask("/generate?num=3&temperature=0.5&seed=7")
      assert status == 200 and len(sentences) == 3 and all(sentence["log_prob"] < 0 for sentence in sentences)
      assert ask("/generate?num=3&temperature=0.5&seed=7") == (status, sentences)
      status, completed = ask("/complete?prompt=the%20tall&num=2")
      assert status == 200 and len(completed) == 2 and all(sentence["text"].startswith("the tall ") for sentence in completed)
      status, wrong = ask("/complete?prompt=%20")
      assert status == 400 and "expected prompts of 1 to " in wrong["error"] and "\n" not in wrong["error"]
      assert ask("/complete?num=2") == (400, {"error": "expected prompt, a text"})
      assert ask("/fill?text=a%20___") == (400, {"error": "this SavedModel has no fill; it has complete, generate, score, serving_default"})
      status, scores = ask("/score", [sentence["text"] for sentence in sentences])
      assert status == 200 and len(scores["log_prob"]) == 3
      assert ask("/generate?num=many") == (400, {"error": "num is 'many'; expected a number"})
      assert ask("/generate?num=0")[1] == {"error": "num is 0; expected 1 to 1000"}
      assert ask("/generate?temperature=nan")[1] == {"error": "temperature is nan; expected 0 to 100"}
      assert ask("/score", {"text": "a"}) == (400, {"error": "expected a JSON list of sentences"})
      assert ask("/") == (404, {"error": "expected GET /generate, /complete or /fill, or POST /score"})
    finally:
      serving.shutdown()
      thread.join()


def test_serving_needs_no_part_of_the_library():
  source = (EXAMPLES / "serving.py").read_text(encoding="utf-8")
  assert "tf_textgan" not in source


def test_serving_needs_a_saved_model():
  done = subprocess.run([sys.executable, EXAMPLES / "serving.py", "--export", "absent"], capture_output=True, text=True, timeout=100)
  assert done.returncode == 2 and "--export is absent; expected the folder of a SavedModel" in done.stderr.splitlines()[-1]


def test_better_of_two_trains():
  sizes = {"num_train": 100, "num_validation": 20, "num_test": 20, "batch_size": 8, "generator_hidden_size": 8, "discriminator_hidden_size": 8}
  lengths = {"mle_steps": 1, "discriminator_steps": 1, "adversarial_steps": 2, "evaluations": 1, "evaluation_samples": 20, "export": False}
  code, _, err = shell.call("train", *shell.as_flags(sizes | lengths), "--algorithm", "examples.better_of_two")
  assert code == 0, err
  lines = [line for line in shell.journal("runs/default", "training") if line["phase"] == "adversarial"]
  assert lines and "generator/score" in lines[-1]


@pytest.mark.slow
def test_better_of_two_keeps_the_laws():
  command = [sys.executable, "-m", "tf_textgan.conformance", "examples.better_of_two", "-q", "-p", "no:cacheprovider"]
  done = subprocess.run(command, cwd=shell.ROOT, env=shell.environment(), capture_output=True, text=True, timeout=500)
  assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_choosing():
  out = example("choosing", "--num_train", 500, "--steps", 20, "--discriminator_steps", 60, "--num", 50)
  assert "There is something left to teach" in out
  assert [line.split()[0] for line in out.splitlines()[-2:]] == ["alone", "chosen"]


@pytest.mark.slow
def test_judging():
  sizes = ["--num_train", 500, "--steps", 10, "--discriminator_steps", 5, "--rounds", 1, "--num", 50, "--temperatures", 0.7, 1.0]
  out = example("judging", "--seeds", 1, *sizes)
  assert out.splitlines()[-1].startswith("Above its baseline's curve in every seed: ")
  assert pathlib.Path("runs/judging/0/curves/index.html").exists()


@pytest.mark.slow
def test_rewards():
  out = example("rewards", "--num_train", 500, "--steps", 10, "--discriminator_steps", 2, "--rounds", 2, "--weights", 0, 4)
  assert [line[:12].strip() for line in out.splitlines()[-4:]] == ["", "before", "weight 0", "weight 4"]


def _reviews(folder, num=40):
  """Two files of sentences that differ in a word."""
  for name, words in (("neg", ("bad", "dull")), ("pos", ("good", "fine"))):
    lines = [f"film {i} was {words[i % 2]} in {i % 7} ways\n" for i in range(num)]
    (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
  return f"{folder}/neg.txt,{folder}/pos.txt"


def test_the_classifier_of_the_tutorial_reads_categories(tmp_path):
  script = runpy.run_path(str(EXAMPLES / "classifier.py"))
  real, test = [["a bad film", "bad plot"], ["a good film", "good plot"]], [["a bad plot"], ["a good plot"]]
  assert script["accuracy"](real, [[], []], test) == 1
  # Written sentences with the wrong categories count as much as the real ones, whatever their number.
  wrong = [["a good film", "good plot"] * 10, ["a bad film", "bad plot"] * 10]
  assert script["accuracy"](real, wrong, test) == 0.5
  assert script["interval"]([1.0, 2.0, 3.0]) == pytest.approx((2.0, 2.484), abs=1e-3)


@pytest.mark.slow
def test_classifier(tmp_path):
  sizes = ["--sizes", 24, "--seeds", 2, "--num_test", 20, "--num_written", 20, "--hidden_size", 8, "--batch_size", 4]
  words = ["--text_files", _reviews(tmp_path), *sizes, "--steps", 4, "--discriminator_steps", 2, "--rounds", 1]
  out = example("classifier", *words)
  assert [line.split()[1] for line in out.splitlines()[-7:-1]] == ["real", "mle", "catgan", "sentigan", "separate", "chosen"]
  assert example("classifier", *words).splitlines()[-7:] == out.splitlines()[-7:]  # Read from the folder.
  assert len(pathlib.Path("runs/classifier/classifier.csv").read_text().splitlines()) == 7


@pytest.mark.parametrize("words,message", [
  (["--batch_size", 40], "--batch_size is 40; expected 33 or less for 50 sentences of a category"),
  (["--seeds", 1], "--seeds is 1; expected 2 or more, for an interval"),
  ([], "neg.txt has 40 sentences; expected 1500 for --sizes and --num_test"),
])  # fmt: skip
def test_classifier_says_what_it_expected(words, message, tmp_path):
  code, _, err = shell.call("examples/classifier", "--text_files", _reviews(tmp_path), *words)
  assert code == 2 and message in err and len(shell.said(err)) == 1


def test_the_reward_of_ones_own():
  rewards = runpy.run_path(str(EXAMPLES / "my_rewards.py"))
  assert rewards["brevity"](["a b", "a b c d e f", "a " * 12]) == [1, 1, 0.5]
  assert rewards["grammatical"](["the tall women are playing basketball on the river .", "the tall", ""]) == [1.0, 0.0, 0.0]


def test_a_training_that_a_signal_stops_ends_the_script(tmp_path, monkeypatch):
  """Else it would go on with a generator that is half trained, and keep the accuracy."""
  from examples import classifier

  shell.write_text("a.txt")
  shell.write_text("b.txt")
  monkeypatch.setattr(classifier.runs, "train", lambda experiment: False)
  options = classifier.Options(text_files="a.txt,b.txt", workdir=str(tmp_path / "runs"), sizes=(40,), num_test=20, batch_size=8)
  with pytest.raises(SystemExit):
    classifier.one(options, 40, 0)
  assert not list((tmp_path / "runs").rglob("accuracies.json"))

"""A user's mistakes at the command line: no traceback, an exit code, and one line that says what was expected and what came."""

import contextlib
import errno
import io
import json
import os
import re
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests import shell
from tf_textgan.commands import generate


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """A folder with text files, good and bad, and a run on a good one."""
  tfds.disable_progress_bar()
  folder = tmp_path_factory.mktemp("place")
  shell.write_text(folder / "text.txt", 60)
  (folder / "empty.txt").write_bytes(b"")
  (folder / "one.txt").write_bytes(b"a man sees a dog\n")
  (folder / "blank.txt").write_bytes(b" \n\n\t\n")
  (folder / "bytes.txt").write_bytes(b"a man\na \xff dog\n")
  (folder / "few.txt").write_bytes(b"a man\n" * 4)
  (folder / "bad.flags").write_text("--no_such_flag 3\n")
  (folder / "nul.flags").write_text("--workdir=a\0b\n")
  (folder / "inside.flags").write_text(f"--flagfile={folder}/inside.flags\n")
  (folder / "utf16.txt").write_bytes("a man\na dog\n".encode("utf-16"))
  (folder / "utf16le.txt").write_bytes("a man\na dog\n".encode("utf-16-le"))
  (folder / "nul.txt").write_bytes(b"a man\na \0 dog\n")
  os.mkfifo(folder / "fifo")
  (folder / "zero").symlink_to("/dev/zero")
  shell.begin(folder / "run", settings(folder))
  for damaged in ("garbled", "other", "incomplete", "not_json", "no_checkpoint", "broken_checkpoint"):
    shutil.copytree(folder / "run", folder / damaged)
  path = folder / "garbled" / "checkpoints" / "best.npz"
  arrays = shell.archive(path)
  np.savez(path, **{name: np.zeros(value.shape + (1,)) if "embedding" in name else value for name, value in arrays.items()})
  np.savez(folder / "other" / "checkpoints" / "best.npz", run_state=arrays["run_state"], **{"generator/0/strange": np.zeros(3)})
  (folder / "incomplete" / "config.json").write_text("{}")
  (folder / "not_json" / "config.json").write_bytes(b"\xff{")
  shutil.rmtree(folder / "no_checkpoint" / "checkpoints")
  best = folder / "broken_checkpoint" / "checkpoints" / "best.npz"
  best.write_bytes(best.read_bytes()[:200])
  return folder


def settings(folder):
  """Flags of a run on the good text, in which nothing takes long."""
  return {
    "dataset": "text_lines", "text_files": folder / "text.txt", "data_dir": folder / "data", "deterministic": False, "export": False,
    **shell.tiny_flags("mle"), **shell.SHORT,
  }  # fmt: skip


def _assert_refused(result, expected):
  code, out, err = result
  lines = shell.said(err)
  assert code == 2, err
  assert len(lines) == 1 and "Traceback" not in err, err
  assert re.search(expected, lines[0]), lines[0]
  assert not out


TRAIN = {
  "a missing file": ({"text_files": "absent.txt"}, r"^train\.py: cannot read the text file absent\.txt: No such file"),
  "no file": ({"text_files": ""}, "no text file given; pass --text_files"),
  "an empty file": ({"text_files": "{}/empty.txt"}, r"there is no line of text in .*empty\.txt"),
  "blank lines": ({"text_files": "{}/blank.txt"}, r"there is no line of text in .*blank\.txt"),
  "bytes": ({"text_files": "{}/bytes.txt"}, r"bytes\.txt is not UTF-8 text: line 2 has the byte 0xff at position 3"),
  "a small corpus": (
    {"text_files": "{}/few.txt", "workdir": "{}/few"},
    "the training split has 2 sentences, fewer than the batch of 16; pass --batch_size 2 or less",
  ),
  "a folder": ({"text_files": "{}"}, "expected a regular file, but .* is a folder"),
  "an unknown flag": ({"mle_step": "3"}, r"unknown flag --mle_step \(did you mean --mle_steps\?\); there are: .*--workdir"),
  "another algorithm's flag": ({"rollouts": "3"}, "unknown flag --rollouts.*there are: .*--mle_learning_rate"),
  "a bad number": ({"mle_steps": "many"}, "--mle_steps: invalid int value: 'many'"),
  "a fraction": ({"batch_size": "1.5"}, "--batch_size: invalid int value: '1.5'"),
  "a bad value": ({"precision": "half"}, r"--precision: invalid choice: 'half' \(choose from '?float32'?, '?mixed_bfloat16'?\)"),
  "a schedule without its length": (
    {"learning_rate_schedule": "cosine"}, "decay_steps must be above 0 with learning_rate_schedule cosine, not 0",
  ),
  "an unknown optimizer": (
    {"learning_rate_schedule": "step", "decay_steps": "5", "scheduled_optimizers": "adam"},
    "scheduled_optimizers has 'adam'; this algorithm has mle_optimizer",
  ),
  "a bad boolean": ({"export": "perhaps"}, "Boolean value expected.*'perhaps'"),
  "an unknown algorithm": ({"algorithm": "seqgam"}, r"unknown algorithm 'seqgam'.*did you mean seqgan\?.*there are: .*mle"),
  "an unknown generator": ({"generator": "gru"}, "unknown generator 'gru'.*there are: .*lstm"),
  "an unknown discriminator": ({"algorithm": "seqgan", "discriminator": "cnn"}, "unknown discriminator 'cnn'.*there are: .*cnn_highway"),
  "a discriminator too many": ({"discriminator": "recurrent"}, "--algorithm mle trains no discriminator, but --discriminator is 'recurrent'"),
  "an unknown dataset": ({"dataset": "no_such_text"}, "unknown dataset 'no_such_text'.*caption_grammar.*text_lines"),
  "an unfit generator": (
    {"generator": "conv_resnet", "workdir": "{}/unfit"},
    "--algorithm mle needs a generator that writes token by token, which conv_resnet does not",
  ),
  "an unknown flag in a flagfile": ({"flagfile": "{}/bad.flags"}, "unknown flag --no_such_flag"),
  "a missing flagfile": ({"flagfile": "absent.flags"}, "cannot read the flagfile absent.flags: No such file"),
  "no evaluations": ({"evaluations": "0"}, "evaluations must be at least 1, not 0"),
  "no batch": ({"batch_size": "0"}, "batch_size must be at least 1, not 0"),
  "negative steps": ({"mle_steps": "-1"}, "mle_steps must be at least 0, not -1"),
  "a negative rate": ({"mle_learning_rate": "-0.1"}, "mle_learning_rate must be at least 0, not -0.1"),
  "an infinite rate": ({"mle_learning_rate": "inf"}, "mle_learning_rate must be at least 0, not inf"),
  "no units": ({"generator_hidden_size": "0"}, "hidden_size must be at least 1, not 0"),
  "a tokenizer": ({"tokenizer": "sentence"}, "unknown tokenizer 'sentence'"),
  "an empty pattern": ({"tokenizer": "regex", "token_pattern": ""}, "token_pattern is '', which is empty"),
  "a pattern that does not compile": ({"tokenizer": "regex", "token_pattern": "(?=a)b"}, "no regular expression of RE2: invalid perl operator"),
  "a pattern that matches nothing": ({"tokenizer": "regex", "token_pattern": "zebra"}, "token_pattern 'zebra' matches nothing in the training text"),
  "a pattern for words": ({"token_pattern": "a"}, "token_pattern is for the tokenizer regex, but the tokenizer is word"),
  "no folder of a tokenizer": ({"tokenizer": "./absent"}, r"a tokenizer\.json, but \./absent/tokenizer\.json cannot be read: No such"),
  "too few pieces": ({"tokenizer": "bpe", "max_vocab_size": "99"}, "max_vocab_size is 99; the tokenizer bpe needs 0"),
  "lower-cased molecules": ({"tokenizer": "smiles", "lowercase": "true"}, "lowercase is true, but the tokenizer is smiles: C and c are"),
  "a column of a file of lines": ({"text_field": "text"}, "text_field is for files named .csv or .jsonl, but is 'text' with .*text.txt"),
  "a share": ({"test_share": "1.5"}, "test_share must be at least 0 and below 1, not 1.5"),
  "another run": (
    {"workdir": "{}/run", "generator_hidden_size": "9"},
    "run holds another run: its generator has hidden_size 8, this command 9; pass another --workdir",
  ),
  "a file for a folder": ({"workdir": "{}/text.txt"}, r"--workdir .*text\.txt is a file; expected a folder"),
  "a folder under a file": ({"workdir": "{}/text.txt/run"}, "cannot write .*run: Not a directory"),
  "a wrong config": ({"workdir": "{}/incomplete"}, "config.json is not the config.json of a run"),
  "no path for a run": ({"workdir": ""}, "workdir must be the path of a file or a folder, not ''"),
  "a seed of twenty digits": ({"seed": "12345678901234567890"}, "seed must be an integer from 0 to 4294967295, not 12345678901234567890"),
  "UTF-16": ({"text_files": "{}/utf16.txt"}, r"utf16\.txt is not UTF-8 text: it starts with the byte order mark of UTF-16; expected UTF-8"),
  "UTF-16 without a mark": ({"text_files": "{}/utf16le.txt"}, r"utf16le\.txt .*line 1 has a NUL character .* may be UTF-16 or UTF-32 without"),
  "a NUL": ({"text_files": "{}/nul.txt"}, r"nul\.txt is not UTF-8 text: line 2 has a NUL character \(the byte 0x00\) at position 3$"),
  "a NUL in a flagfile": ({"flagfile": "{}/nul.flags"}, r"the argument '--workdir=a\\x00b' has a NUL character"),
  "a flagfile that is no text": ({"flagfile": "{}/bytes.txt"}, r"cannot read the flagfile .*bytes\.txt: 'utf-8' codec can't decode byte 0xff"),
  "a flagfile inside itself": ({"flagfile": "{}/inside.flags"}, r"the flagfile .*inside\.flags holds itself"),
  "an argument that is no text": ({"workdir": "{}/caf\udce9"}, r"the argument '.*caf\\udce9' is not UTF-8 text"),
  "no config": ({"workdir": "{}/not_json"}, "config.json is not the config.json of a run"),
}


@pytest.mark.parametrize(("changes", "expected"), TRAIN.values(), ids=TRAIN.keys())
def test_train(place, changes, expected):
  words = {**settings(place), "workdir": place / "new"}
  if "algorithm" in changes or "generator" in changes:  # The tiny networks' flags belong to others.
    words = {name: value for name, value in words.items() if not name.startswith("generator_")}
  words |= {name: value.format(place) for name, value in changes.items()}
  _assert_refused(shell.call("train", *shell.as_flags(words)), expected)


def test_what_makes_no_sense_together(place):
  words = {**settings(place), **shell.tiny_flags("seqgan"), "workdir": place / "widths"}
  for changes, expected in (
    ({"discriminator_widths": (1, 2, 3)}, r"widths and filters must be as many, but are \(1, 2, 3\) and \(4, 4\)"),
    ({"discriminator_widths": (30, 40)}, r"widths are \(30, 40\); one of them must be at most the 6 tokens of a sequence"),
    ({"discriminator_dropout": 1.0}, "dropout must be at least 0 and below 1, not 1.0"),
    ({"rollouts": 0}, "rollouts must be at least 1, not 0"),
  ):
    _assert_refused(shell.call("train", *shell.as_flags({**words, **changes})), expected)


GENERATE = {
  "no run": ("--workdir absent", "there is no run in absent: expected a folder that train.py has written, with a config.json"),
  "no checkpoint": ("--workdir {}/no_checkpoint", "no_checkpoint has no best checkpoint yet"),
  "a step without a checkpoint": ("--workdir {}/run --checkpoint 7", r"run has no checkpoint of step 7; it keeps those of steps \d"),
  "a name for a checkpoint": ("--workdir {}/run --checkpoint last", "'last'; expected best, latest, likelihood or the step of one that is kept"),
  "a cut checkpoint": ("--workdir {}/broken_checkpoint", "best.npz is damaged: File is not a zip file$"),
  "another shape": ("--workdir {}/garbled", r"best\.npz is a checkpoint of another model: generator/0/embedding has shape .* there, .* here"),
  "another model": ("--workdir {}/other", r"best\.npz is a checkpoint of another model: it differs in \d+ variables"),
  "a wrong config": ("--workdir {}/incomplete", "is not the config.json of a run"),
  "none": ("--workdir {}/run --num 0", "--num is 0; expected at least 1"),
  "fewer than none": ("--workdir {}/run --num -5", "--num is -5; expected at least 1"),
  "too many": ("--workdir {}/run --num 3000000000", "--num is 3000000000; expected at least 1 and at most"),
  "a word for a number": ("--workdir {}/run --num some", "--num: invalid int value: 'some'"),
  "a cold temperature": ("--workdir {}/run --temperature -1", "--temperature is -1.0; expected a finite number, 0 or more"),
  "no temperature": ("--workdir {}/run --temperature nan", "--temperature is nan; expected a finite number"),
  "an infinite temperature": ("--workdir {}/run --temperature inf", "--temperature is inf; expected a finite number"),
  "a nucleus": ("--workdir {}/run --nucleus 1.5", "--nucleus is 1.5; expected above 0 and at most 1"),
  "no nucleus": ("--workdir {}/run --nucleus 0", "--nucleus is 0.0; expected above 0 and at most 1"),
  "top k": ("--workdir {}/run --top_k -2", "--top_k is -2; expected 0 or more"),
  "a format": ("--workdir {}/run --format xml", r"--format: invalid choice: 'xml' \(choose from '?text'?, '?jsonl'?\)"),
  "a flag": ("--workdir {}/run --length 7", r"unknown flag --length.*there are: .*--temperature"),
  "a guide": ("--workdir {}/run --guide beam", "--guide: invalid choice: 'beam'"),
  "a guide without a discriminator": ("--workdir {}/run --guide resampling", "a guide needs a discriminator, but mle trains none"),
  "another run's guide": ("--workdir {}/run --guide search --guide_workdir absent", "there is no run in absent"),
  "no candidates": ("--workdir {}/run --guide search --candidates 0", "candidates must be at least 1"),
  "a path under a file": ("--workdir {}/run --output {}/text.txt/out", "Not a directory: .*text.txt/out"),
  "a folder for a file": ("--workdir {}/run --output {}", "expected a file, but this is a folder"),
  "an output in no folder": ("--workdir absent --output {}/absent/out.txt", "cannot write .*absent/out.txt: No such file or directory$"),
  "no path for a run": ("--workdir=", "expected the path of a file or a folder, but it is empty"),
  "a seed of twenty digits": ("--workdir {}/run --seed 12345678901234567890", "seed must be an integer from 0 to 4294967295, not 1234567890"),
  "no value": ("--workdir {}/run --num=--", "unexpected argument '--num=--'"),
  "the end of flags": ("--workdir {}/run -- --num", "unexpected argument '--'; flags start with --"),
  "a negative seed": ("--workdir {}/run --seed -1", "seed must be an integer from 0 to 4294967295, not -1"),
}


@pytest.mark.parametrize(("words", "expected"), GENERATE.values(), ids=GENERATE.keys())
def test_generate(place, words, expected):
  _assert_refused(shell.call("generate", *words.replace("{}", str(place)).split()), expected)


EVALUATE = {
  "a name for a checkpoint": ("--workdir {}/run --checkpoint last", "'last'; expected best, latest, likelihood or the step of one that is kept"),
  "no run": ("--workdir absent", "there is no run in absent"),
  "a missing file": ("--file absent.txt", "cannot read the text file absent.txt"),
  "an empty file": ("--file {}/empty.txt", r"empty\.txt has no text; expected one sentence on each line"),
  "blank lines": ("--file {}/blank.txt", r"blank\.txt has no text; expected one sentence on each line"),
  "bytes": ("--file {}/bytes.txt", "not UTF-8 text: line 2"),
  "a missing file with a run": ("--file absent.txt --workdir {}/run", "cannot read the text file absent.txt"),
  "one sentence": ("--file {}/one.txt", r"one\.txt has one line of text; expected one sentence on each line, and two or more"),
  "references of a run": ("--workdir {}/run --references {}/text.txt", "--references is for files without a run"),
  "an encoder": ("--file {}/text.txt --references {}/text.txt --encoder bert", "expected an encoder hashed, .* but got 'bert'"),
  "a protocol": ("--file {}/text.txt --references {}/text.txt --bleu_protocol none", "--bleu_protocol: invalid choice: 'none'"),
  "too few for a protocol": (
    "--file {}/text.txt --references {}/text.txt --bleu_protocol textgan_pytorch",
    r"--bleu_protocol textgan_pytorch is for 201 or more sentences, but there are \d+$",
  ),
  "too few for a protocol, of a run": (
    "--workdir {}/run --num 200 --bleu_protocol textgan_pytorch", "--num is 200; expected 201 or more sentences for --bleu_protocol textgan_pytorch$"
  ),
  "too few for a protocol, with a run": (
    "--workdir {}/run --file {}/text.txt --bleu_protocol textgan_pytorch",
    r"--bleu_protocol textgan_pytorch is for 201 or more sentences, but there are \d+$",
  ),
  "a baseline": ("--workdir {}/run --sweep --baseline other", "--baseline is 'other'; expected one of the runs"),
  "a temperature of the sweep": ("--workdir {}/run --sweep --temperatures 0", "temperatures must be above 0, not 0.0"),
  "a missing training text": ("--file {}/text.txt --training absent.txt", "cannot read the text file absent.txt"),
  "none": ("--workdir {}/run --num 0", "--num is 0; expected at least 1"),
  "one run to combine": ("--workdir {}/run --combine true", "--combine is for two or more runs"),
  "a guide without a run": ("--file {}/text.txt --guide search", "--guide is for what runs write; expected --workdir"),
  "a guide without a discriminator": ("--workdir {}/run --guide search", "a guide needs a discriminator, but mle trains none"),
  "a split": ("--workdir {}/run --split dev", r"--split: invalid choice: 'dev' \(choose from '?train'?, '?validation'?, '?test'?\)"),
  "a path under a file": ("--file {}/text.txt --json {}/text.txt/out.json", "Not a directory: .*text.txt/out"),
  "a folder for a file": ("--file {}/text.txt --json .", "expected a file"),
  "a result in no folder": ("--workdir absent --json {}/absent/out.json", "cannot write .*absent/out.json: No such file or directory$"),
  "no path for a file": ("--file=", "expected the path of a file or a folder, but it is empty"),
  "no path for a run": ("--workdir=", "expected the path of a file or a folder, but it is empty"),
  "no path for a page": ("--workdir {}/run --sweep --output=", "output must be the path of a file or a folder, not ''"),
  "a page in a file": ("--workdir {}/run --sweep --encoder= --output {}/text.txt", "File exists: .*text.txt"),
  "a seed of twenty digits": ("--file {}/text.txt --seed 12345678901234567890", "seed must be an integer from 0 to 4294967295, not 1234567890"),
  "a negative seed": ("--file {}/text.txt --seed -1", "seed must be an integer from 0 to 4294967295, not -1"),
}


@pytest.mark.parametrize(("words", "expected"), EVALUATE.values(), ids=EVALUATE.keys())
def test_evaluate(place, words, expected):
  _assert_refused(shell.call("evaluate", *words.replace("{}", str(place)).split()), expected)


def test_a_best_metric_that_is_not_measured(place):
  """Found out at the first evaluation; the progress bar is closed before."""
  words = {**settings(place), "best_metric": "bleu", "workdir": place / "bleu"}
  code, _, err = shell.call("train", *shell.as_flags(words))
  assert code == 2 and "Traceback" not in err
  expected = "train.py: --best_metric is 'bleu', which this run does not measure; it measures collapse, .*nll_validation, reverse_lm_nll$"
  assert re.fullmatch(expected, err.splitlines()[-1])


def test_in_processes_of_their_own(place):
  """Nothing but the one line on stderr, from a true start."""
  too_large = shell.as_flags({**settings(place), "workdir": place / "own", "batch_size": 700})
  for name, words, expected in (
    ("train", too_large, "the training split has .* fewer than the batch of 700"),
    ("generate", ["--workdir", "absent"], "there is no run in absent"),
  ):
    _assert_refused(shell.run(name, *words, cwd=place), expected)


def test_a_full_device(place):
  """What is written to a full disk is not lost silently."""
  try:
    with open("/dev/full", "w") as full:
      full.write("x")
  except OSError as e:
    if e.errno != errno.ENOSPC:
      pytest.skip("there is no /dev/full")
  _assert_refused(shell.call("generate", "--workdir", str(place / "run"), "--output", "/dev/full"), "No space left on device")


@pytest.mark.parametrize("kind", ["fifo", "zero"])
def test_special_files_are_refused(place, kind, tmp_path):
  """A FIFO would hang the command, and a device fill the memory. None of them is waited for."""
  path, run = place / kind, place / "run"
  expected = f"expected a regular file, but {path} is a {'FIFO' if kind == 'fifo' else 'device'}"
  train = {**settings(place), "workdir": place / "special"}
  for changes in ({"text_files": path}, {"flagfile": path}, {"synthetic_file": path}):
    _assert_refused(shell.call("train", *shell.as_flags({**train, **changes})), expected)
  oracle = {"dataset": "lstm_oracle", "oracle_file": path, "workdir": place / "special", **shell.tiny_flags("mle")}
  _assert_refused(shell.call("train", *shell.as_flags(oracle)), expected)
  assert not (place / "special").exists()
  text = place / "text.txt"
  for words in (["--file", path], ["--file", text, "--references", path], ["--file", text, "--training", path], ["--flagfile", path]):
    _assert_refused(shell.call("evaluate", *words), expected)
  _assert_refused(shell.call("evaluate", "--workdir", run, "--file", path), expected)
  _assert_refused(shell.call("generate", "--workdir", run, "--prompt_file", path), expected)
  # The files of a run, and a path inside its config.json.
  for name in ("config.json", "vocabulary.json", "checkpoints/best.npz"):
    copy = tmp_path / name.replace("/", "_")
    shutil.copytree(run, copy)
    (copy / name).unlink()
    (copy / name).symlink_to(path)
    _assert_refused(shell.call("generate", "--workdir", copy), f"expected a regular file, but {copy / name} is a ")
  copy = tmp_path / "inside"
  shutil.copytree(run, copy)
  config = json.loads((copy / "config.json").read_text())
  config["experiment"]["dataset"]["text_files"] = str(path)
  (copy / "config.json").write_text(json.dumps(config))
  _assert_refused(shell.call("evaluate", "--workdir", copy), expected)


@pytest.mark.parametrize("name", ["checkpoints/step_000000000.npz", "metrics.jsonl"])
def test_training_does_not_go_on_from_special_files(place, tmp_path, name):
  copy = tmp_path / "run"
  shutil.copytree(place / "run", copy)
  (copy / name).unlink(missing_ok=True)
  os.mkfifo(copy / name)
  code, _, err = shell.call("train", *shell.as_flags({**settings(place), "workdir": copy}))
  assert code == 2 and re.search(f"^train.py: expected a regular file, but .*{name} is a FIFO", err.splitlines()[-1]), err


def test_generated_text_is_utf8_whatever_the_encoding_of_the_terminal(place, tmp_path, monkeypatch):
  words = [f"{letter}\u0142\u00e9\u79e6" for letter in "abcdef"]
  (tmp_path / "text.txt").write_text("".join(f"{a} {b}\n" for a in words for b in words), encoding="utf-8")
  shell.begin(tmp_path / "run", {**settings(place), "text_files": tmp_path / "text.txt"})
  monkeypatch.setattr("sys.argv", ["generate.py", "--workdir", str(tmp_path / "run"), "--num", "50"])
  for encoding in ("cp1252", "ascii"):  # As with PYTHONIOENCODING=cp1252, or LC_ALL=C.
    terminal = io.BytesIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(terminal, encoding=encoding)) as out, contextlib.suppress(SystemExit):
      generate.run()
    out.flush()
    written = terminal.getvalue().decode("utf-8")
    assert written.count("\n") == 50 and set(written.split()) <= set(words) and "\u0142" in written


def test_an_output_is_written_whole(place, tmp_path):
  """What stood there stays until the new text is complete."""
  path = tmp_path / "out.txt"
  path.write_text("old")
  code, _, _ = shell.call("generate", "--workdir", place / "no_checkpoint", "--output", path)
  assert code == 2 and path.read_text() == "old"
  code, out, err = shell.call("generate", "--workdir", place / "run", "--num", 3, "--output", path)
  assert (code, out) == (0, "") and path.read_text().count("\n") == 3, err
  assert [found.name for found in tmp_path.iterdir()] == ["out.txt"]

"""The three commands as a test calls them: in a process of their own, or in this one, which saves TensorFlow's start."""

import contextlib
import dataclasses
import io
import itertools
import json
import os
import pathlib
import runpy
import subprocess
import sys

import numpy as np

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import registry
from tf_textgan.algorithms import base as algorithm_base
from tf_textgan.commands import flags
from tf_textgan.conformance import tiny
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import folder as folder_lib
from tf_textgan.training import checkpoints
from tf_textgan.training import loop

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What TensorFlow's native code says of drivers and instruction sets, and TFDS of what it prepares.
_NOTES = ("I0000", "W0000", "E0000", "WARNING: All log messages before absl", "Downloading and preparing dataset", "Dataset ")

# A short training of every phase.
SHORT = {
  "batch_size": 16, "mle_steps": 3, "discriminator_steps": 2, "adversarial_steps": 2, "evaluations": 1, "evaluation_samples": 20, "log_every": 2,
}  # fmt: skip


def write_text(path, num=300):
  """Writes a toy corpus of short lines in ten words."""
  nouns, verbs = ("man", "dog", "cat", "woman", "bird"), ("sees", "likes", "eats")
  lines = [f"a {a} {b} the {c}" for a, b, c in itertools.product(nouns, verbs, nouns)]
  random = np.random.default_rng(0)
  pathlib.Path(path).write_text("".join(lines[i] + "\n" for i in random.integers(0, len(lines), num)), encoding="utf-8")


def write_two_texts(folder, num=60):
  """Writes neg.txt and pos.txt, which differ in their last word, and returns the settings of a corpus of the two categories."""
  folder = pathlib.Path(folder)
  for name, word in (("neg", "bad"), ("pos", "good")):
    lines = [f"{start} {subject} was {word}" for start in ("this", "that", "the") for subject in ("film", "cast", "plot", "end")]
    random = np.random.default_rng(len(name + word))
    (folder / f"{name}.txt").write_text("".join(lines[i] + "\n" for i in random.integers(0, len(lines), num)), encoding="utf-8")
  return {
    "dataset": "text_lines", "text_files": f"{folder}/neg.txt,{folder}/pos.txt", "categories": "neg,pos", "data_dir": folder / "data",
  }  # fmt: skip


def as_flags(settings):
  """Settings as flags: a list of strings, without the lengths of phases that the algorithm does not have."""
  words, left_out = [], ()
  with contextlib.suppress(errors.UserError):  # Of a name that there is not, which a test may want to see refused.
    scheduled = registry.load("tf_textgan.algorithms", settings.get("algorithm", "seqgan")).Algorithm.scheduled
    left_out = {field.name for field in dataclasses.fields(algorithm_base.Schedule)} - set(scheduled)
  for name, value in settings.items():
    if name in left_out:
      continue
    words += [f"--{name}", *(map(str, value) if isinstance(value, tuple) else [str(value)])]
  return words


def tiny_flags(algorithm):
  """The settings that make an algorithm's own networks tiny."""
  module = registry.load("tf_textgan.algorithms", algorithm)
  parts = [("", module.Config()), ("generator_", module.GENERATOR[1]), ("discriminator_", module.DISCRIMINATOR and module.DISCRIMINATOR[1])]
  settings = {"algorithm": algorithm}
  for prefix, config in parts:
    if config is not None:
      small = dataclasses.asdict(tiny.shrink(config))
      if getattr(config, "decoding", "search") != "search":
        del small["search_every"]
      settings |= {prefix + name: value for name, value in small.items() if value != getattr(config, name)}
  return settings


def begin(folder, settings, trained=None):
  """Makes a run that has not trained yet, with one checkpoint; returns its corpus and its algorithm.

  Args:
    folder: of the run.
    settings: flags of `train.py`.
    trained: function that changes the algorithm's weights.
  """
  folder = pathlib.Path(folder)
  experiment = flags.parse(["train.py", *as_flags({**settings, "workdir": str(folder)})], "")
  corpus = experiment_lib.load_corpus(experiment)
  algorithm = experiment_lib.build(experiment, corpus.spec)
  if trained:
    trained(algorithm)
  folder.mkdir(parents=True)
  corpus.tokenizer.save(folder / "vocabulary.json")
  files.write_json(folder / "config.json", folder_lib.as_config(experiment, corpus, corpus.has_unknown("train")))
  kept = checkpoints.Checkpoints(folder / "checkpoints")
  kept.save(0, algorithm.variables(), dataclasses.asdict(loop.RunState()), ["best"])
  kept.wait()
  return corpus, algorithm


def environment(**changes):
  """The environment of a command: this process's packages, without its settings for tests."""
  values = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [ROOT, *filter(None, sys.path)])), **changes}
  values.pop("TF_CPP_MIN_LOG_LEVEL", None)
  return values


def start(name, *words, **options):
  """Starts a command in a process of its own: `subprocess.Popen` with text pipes."""
  options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment(), **options}
  return subprocess.Popen([sys.executable, str(ROOT / f"{name}.py"), *map(str, words)], **options)


def run(name, *words, timeout=150, **options):
  """Runs a command in a process of its own: exit code, what it wrote to stdout, what it wrote to stderr."""
  process = start(name, *words, **options)
  try:
    out, err = process.communicate(timeout=timeout)
  except subprocess.TimeoutExpired:
    process.kill()
    raise
  return process.returncode, out, err


def call(name, *words):
  """Runs a command in this process: as `run`."""
  out, err, argv = io.StringIO(), io.StringIO(), sys.argv
  code = 0
  try:
    sys.argv = [str(ROOT / f"{name}.py"), *map(str, words)]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
      runpy.run_path(sys.argv[0], run_name="__main__")
  except SystemExit as e:
    code = e.code or 0
  finally:
    sys.argv = argv
  return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def small_disk(folder, size):
  """Mounts a file system in memory, of so many bytes, on a folder; yields a function that changes its size. For root."""
  folder = pathlib.Path(folder)
  folder.mkdir(exist_ok=True)
  subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
  try:
    yield lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)
  finally:
    subprocess.run(["umount", "--lazy", folder], check=True)


def said(err):
  """The lines of a stderr that are neither notes of TensorFlow and TFDS nor overwritten by those after them as a progress bar's are."""
  lines = [line.rsplit("\r", 1)[-1].strip() for line in err.splitlines()]
  return [line for line in lines if line and not line.startswith(_NOTES)]


def archive(path):
  """A checkpoint's arrays by name."""
  with np.load(path) as arrays:
    return {name: arrays[name] for name in arrays.files}


def journal(folder, kind=None):
  """The objects in a run's `metrics.jsonl`, of one kind if it is given."""
  lines = [json.loads(line) for line in (pathlib.Path(folder) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
  return [line for line in lines if kind in (None, line["kind"])]

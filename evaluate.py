"""Scores a run, or any text file of one sentence a line, as a table or as JSON.

A run is scored on its corpus: likelihood of held-out text, and samples. A file is scored by itself and, with --workdir, against that run's
corpus and under its generator.
"""

from tf_textgan import quiet

quiet.start_tensorflow()

import dataclasses
import math
from typing import Literal

import generate
from tf_textgan import cli
from tf_textgan import errors
from tf_textgan import experiment
from tf_textgan import flags
from tf_textgan import runs
from tf_textgan.data import text_files
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.metrics import diversity
from tf_textgan.metrics import likelihood


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # Folder of the run; empty with --file to score the file by itself, else runs/default.
  workdir: str = ""
  # Text file to score, UTF-8, one sentence a line, tokens separated by spaces; empty to score samples of the run.
  file: str = ""
  # With --file and no run: the training text, for the share of copied sentences.
  training: str = ""
  # Sentences to sample from the run.
  num: int = 1000
  # Sampling temperature. Default: as the algorithm samples.
  temperature: float | None = None
  # Seed of the samples.
  seed: int = 0
  # Split of the corpus to score against.
  split: Literal["train", "validation", "test"] = "test"
  # Which checkpoint to use.
  checkpoint: Literal["best", "latest"] = "best"
  # JSON file to write; empty for a table on the standard output.
  json: str = ""


def score_run(options):
  """Scores samples of a run."""
  generate.check_num(options.num)
  picker = generate.picker_of(options.temperature, 0, 1.0)
  run = runs.load(options.workdir or "runs/default", options.checkpoint)
  evaluator = evaluator_lib.Evaluator(run.algorithm.generator, run.corpus(), options.seed)
  return {"num": options.num, **evaluator(options.num, options.split, picker)}


def score_file_with_run(options, sentences):
  """Scores a file's sentences against a run's corpus and under its generator."""
  run = runs.load(options.workdir, options.checkpoint)
  corpus = run.corpus()
  tokens = run.vocabulary.encode(sentences, corpus.spec.length)
  numbers = {"num": len(sentences), **evaluator_lib.score_tokens(tokens, corpus, options.split)}
  evaluator = evaluator_lib.Evaluator(run.algorithm.generator, corpus, options.seed)
  if evaluator.has_likelihood:
    numbers["nll_file"] = likelihood.average(evaluator.log_probs(tokens), evaluator_lib.lengths(tokens, corpus.spec)).nll
  return numbers


def score_file(options, sentences):
  """Scores a file by itself."""
  words = [sentence.split() for sentence in sentences]
  numbers = {"num": len(words), **diversity.summary(words)}
  numbers["mean_length"] = sum(map(len, words)) / len(words)
  if options.training:
    numbers["copied"] = diversity.copied_share(words, [line.split() for line in read(options.training)])
  return numbers


def read(path):
  """The lines of a text file that are not blank."""
  text_files.check(path)
  sentences = list(text_files.lines(path))
  if not sentences:
    raise errors.UserError(f"{path} has no text; expected one sentence on each line")
  return sentences


def main(options):
  """Scores and prints."""
  if not options.file:
    numbers = score_run(options)
  else:
    sentences = read(options.file)
    numbers = score_file_with_run(options, sentences) if options.workdir else score_file(options, sentences)
  if options.json:
    experiment.write_json(options.json, {name: value if math.isfinite(value) else None for name, value in numbers.items()})
    return
  for name, value in numbers.items():
    print(f"{name:16}{value:12d}" if isinstance(value, int) else f"{name:16}{value:12.4f}")


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse_options(argv, Options, __doc__), main)

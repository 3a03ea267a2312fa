"""More labelled text for a small classifier: does text that a generator wrote help?

  python -m examples.classifier --text_files neg.txt,pos.txt --categories neg,pos --workdir runs/classifier

A bag-of-words classifier learns from a few real sentences of two or more categories, and from those and sentences that generators wrote, which have
learned from the same few. Accuracy is on real sentences that none of them has seen. The same command goes on where it was stopped.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

from collections.abc import Sequence
import csv
import dataclasses
import itertools
import json
import pathlib
import sys
from typing import Any

import numpy as np
from scipy import stats
from sklearn import linear_model
from sklearn.feature_extraction import text as features

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import runs
from tf_textgan.commands import cli
from tf_textgan.commands import flags
from tf_textgan.data import text_files
from tf_textgan.generators import guided
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

# What the classifier learns from beside the real sentences. "separate" are language models of one category each, "chosen" the sentences that a
# discriminator chooses from theirs.
ARMS = ("real", "mle", "catgan", "sentigan", "separate", "chosen")


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # UTF-8 files, one sentence a line, separated by commas: a file for each category.
  text_files: str = ""
  # Names of the categories, separated by commas.
  categories: str = "neg,pos"
  # Folder for runs, sentences and accuracies.
  workdir: str = "runs/classifier"
  # Numbers of real sentences, of all categories together.
  sizes: tuple[int, ...] = (100, 300, 1000)
  # Number of seeds: of the choice of sentences and of the trainings.
  seeds: int = 5
  # Real sentences to test on, of all categories together.
  num_test: int = 2000
  # Sentences that a generator writes, of all categories together.
  num_written: int = 2000
  # Steps of maximum likelihood.
  steps: int = 600
  # Most steps of the discriminator that chooses, and of sentigan's before its rounds.
  discriminator_steps: int = 300
  # Adversarial rounds of catgan and sentigan.
  rounds: int = 100
  # Size of the hidden states, heads and filters.
  hidden_size: int = 64
  # Sentences in a batch; at most two thirds of the least number of sentences of one category.
  batch_size: int = 32

  def __post_init__(self):
    if not self.text_files or len(self.text_files.split(",")) != len(self.categories.split(",")):
      raise errors.UserError(f"--text_files is {self.text_files!r} and --categories {self.categories!r}; expected as many files as names")
    least = min(self.sizes) // len(self.categories.split(","))
    if self.batch_size > 2 * least / 3:
      raise errors.UserError(f"--batch_size is {self.batch_size}; expected {int(2 * least / 3)} or less for {least} sentences of a category")
    if self.seeds < 2:
      raise errors.UserError(f"--seeds is {self.seeds}; expected 2 or more, for an interval")


def read(options: Options) -> list[list[str]]:
  """The sentences of each category, in an order that is the same for all sizes and seeds.

  Raises:
    UserError: a category has too few for the largest size and the test.
  """
  random, found = np.random.default_rng(0), []
  for path in options.text_files.split(","):
    sentences = text_files.sentences(path)
    needed = (max(options.sizes) + options.num_test) // len(options.categories.split(","))
    if len(sentences) < needed:
      raise errors.UserError(f"{path} has {len(sentences)} sentences; expected {needed} for --sizes and --num_test")
    found.append([sentences[i] for i in random.permutation(len(sentences))])
  return found


def settings(arm: str, options: Options, seed: int) -> dict[str, Any]:
  """The settings of the training of an arm, small enough for two cores."""
  size = options.hidden_size
  shared = {"seed": seed, "mle_steps": options.steps, "evaluations": 6, "evaluation_samples": 200, "batch_size": options.batch_size, "export": False}
  shared |= {"dataset": "text_lines", "validation_share": 0.1, "test_share": 0.02}
  lstm = {"generator_embedding_size": size, "generator_hidden_size": size}
  if arm in ("mle", "separate"):
    return {**shared, **lstm, "algorithm": "mle", "mle_learning_rate": 3e-3}
  if arm == "catgan":
    own = {"generator_head_size": size, "discriminator_embedding_size": 16, "discriminator_filters": (size,) * 4, "mle_learning_rate": 3e-3}
    schedule = {"discriminator_steps": 0, "adversarial_steps": options.rounds, "schedule_steps": options.rounds, "evaluation_batches": 1}
    return {**shared, **own, **schedule, "algorithm": "catgan"}
  adversary = {"discriminator_steps": options.discriminator_steps, "discriminator_learning_rate": 1e-3}
  if arm == "sentigan":
    own = {"algorithm": "sentigan", "generator_learning_rate": 1e-3, "rollouts": 2, "mle_steps_per_round": 1, "adversarial_steps": options.rounds}
    return {**shared, **lstm, **adversary, **own}
  # The generator stays as maximum likelihood has left it; the discriminator learns to choose from its sentences.
  own = {"algorithm": "seqgan", "discriminator": "recurrent", "mle_steps": 0, "adversarial_steps": 0, "discriminator_patience": 2}
  return {**shared, **lstm, **adversary, **own}


def write(generator: Any, run: runs.Run, num: int, seed: int, category: int | None = None) -> list[str]:
  """Sentences of a generator, without the unknown token."""
  picker = pickers.without(pickers.Categorical(), run.tokenizer.unknown_token)
  context = None if category is None else [category] * num
  return run.tokenizer.decode(generator.write(num, noise.fold(noise.seed(seed), category or 0), picker, context).tokens.numpy())


def conditional(arm: str, options: Options, folder: pathlib.Path, texts: Sequence[pathlib.Path], seed: int) -> dict[str, list[list[str]]]:
  """The sentences of one generator of all categories: arm to the sentences of each."""
  files_of = {"text_files": ",".join(map(str, texts)), "categories": options.categories}
  # A signal stops a training; the same command goes on.
  runs.train(runs.make(workdir=str(folder / arm), **settings(arm, options, seed), **files_of)) or sys.exit()
  run = runs.load(folder / arm)
  num = options.num_written // len(texts)
  return {arm: [write(run.algorithm.generator, run, num, seed, category) for category in range(len(texts))]}


def separate(options: Options, folder: pathlib.Path, texts: Sequence[pathlib.Path], seed: int) -> dict[str, list[list[str]]]:
  """The sentences of a language model of each category, and those that a discriminator chooses: as `conditional`."""
  num, found = options.num_written // len(texts), {"separate": [], "chosen": []}
  for path in texts:
    writer, judge = folder / f"separate_{path.stem}", folder / f"chosen_{path.stem}"
    runs.train(runs.make(workdir=str(writer), text_files=str(path), **settings("separate", options, seed))) or sys.exit()
    runs.train(runs.make(workdir=str(judge), text_files=str(path), pretrained=str(writer), **settings("chosen", options, seed))) or sys.exit()
    run = runs.load(judge, "latest")
    generator = run.algorithm.generator
    found["separate"].append(write(generator, run, num, seed))
    found["chosen"].append(write(runs.guide(generator, run, guided.Config(guide="resampling")), run, num, seed))
  return found


def accuracy(real: Sequence[Sequence[str]], written: Sequence[Sequence[str]], test: Sequence[Sequence[str]]) -> float:
  """Accuracy on `test` of logistic regression on words and word pairs; each argument has a list of sentences for each category.

  All written sentences together weigh as much as all real ones.
  """
  sentences = [*itertools.chain(*real), *itertools.chain(*written)]
  labels = [label for part in (real, written) for label, group in enumerate(part) for _ in group]
  num_real, num_written = sum(map(len, real)), sum(map(len, written))
  weights = [1.0] * num_real + [num_real / max(1, num_written)] * num_written
  vectorizer = features.CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=r"\S+")
  classifier = linear_model.LogisticRegression(max_iter=1000).fit(vectorizer.fit_transform(sentences), labels, weights)
  truth = [label for label, group in enumerate(test) for _ in group]
  return float(classifier.score(vectorizer.transform(list(itertools.chain(*test))), truth))


def one(options: Options, size: int, seed: int) -> dict[str, float]:
  """The accuracy of each arm for one choice of real sentences; kept in accuracies.json, so that it is computed once."""
  folder = pathlib.Path(options.workdir) / f"{size}_{seed}"
  done = folder / "accuracies.json"
  if done.exists():
    return json.loads(files.read_text(done))
  everything = read(options)
  each, each_test = size // len(everything), options.num_test // len(everything)
  test, pool = [group[:each_test] for group in everything], [group[each_test:] for group in everything]
  random = np.random.default_rng([size, seed])
  real = [[group[i] for i in random.choice(len(group), each, replace=False)] for group in pool]
  folder.mkdir(parents=True, exist_ok=True)
  texts = [folder / f"{name}.txt" for name in options.categories.split(",")]
  for path, group in zip(texts, real):
    files.write_text(path, "".join(f"{sentence}\n" for sentence in group))
  written = {"real": [[] for _ in texts]}
  for arm in ("mle", "catgan", "sentigan"):
    written |= conditional(arm, options, folder, texts, seed)
  written |= separate(options, folder, texts, seed)
  found = {arm: accuracy(real, written[arm], test) for arm in ARMS}
  files.write_json(done, found)
  return found


def interval(values: Sequence[float]) -> tuple[float, float]:
  """Mean and half of the 95 % interval of Student's t over seeds."""
  return float(np.mean(values)), float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


def main(options: Options) -> None:
  read(options)  # Too few sentences are said before the first training.
  rows = []
  for size in options.sizes:
    found = [one(options, size, seed) for seed in range(options.seeds)]
    for arm in ARMS:
      mean, width = interval([100 * accuracies[arm] for accuracies in found])
      gain, gain_width = interval([100 * (accuracies[arm] - accuracies["real"]) for accuracies in found])
      more = "" if arm == "real" else f"{gain:+.1f} +- {gain_width:.1f}"
      rows.append({"real sentences": size, "with sentences of": arm, "accuracy, %": f"{mean:.1f} +- {width:.1f}", "more than real alone": more})
  path = pathlib.Path(options.workdir) / "classifier.csv"
  with files.output(str(path)) as file:
    writer = csv.DictWriter(file, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
  for row in rows:
    print("".join(f"{cell!s:>22}" for cell in row.values()))
  print(f"over {options.seeds} seeds: {path}")


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse_options(argv, Options, __doc__), main)

"""Judges a text GAN against maximum likelihood, curve against curve: python -m examples.judging --algorithm seqgan --seeds 3

For each seed: a baseline, the GAN from it, and the quality-diversity curves of both over temperatures, with a verdict in each plane.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import collections
import dataclasses
import json
import pathlib
import sys

from tf_textgan import errors
from tf_textgan import runs
from tf_textgan.commands import cli
from tf_textgan.commands import evaluate
from tf_textgan.commands import flags


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # The text GAN, an algorithm that begins with maximum likelihood on the generator `lstm`.
  algorithm: str = "seqgan"
  # Folder for the runs and the curves.
  workdir: str = "runs/judging"
  # Number of seeds; one says how much samples vary, not how much trainings do.
  seeds: int = 3
  # Training sentences, from the caption grammar.
  num_train: int = 10000
  # Steps of maximum likelihood.
  steps: int = 2000
  # Steps of the discriminator alone.
  discriminator_steps: int = 600
  # Adversarial rounds.
  rounds: int = 60
  # Learning rate of the generator in them.
  generator_learning_rate: float = 1e-3
  # Sentences for each point of a curve.
  num: int = 2000
  # Temperatures of the curves.
  temperatures: tuple[float, ...] = (0.5, 0.7, 0.85, 1.0, 1.2)

  def __post_init__(self):
    if self.seeds < 1:
      raise errors.UserError(f"--seeds is {self.seeds}; expected 1 or more")


def train(options: Options, seed: int, folder: pathlib.Path) -> None:
  """Trains a baseline and the GAN from it."""
  shared = {"dataset": "caption_grammar", "num_train": options.num_train, "seed": seed, "evaluations": 3, "export": False}
  # A signal stops a training; the same command goes on.
  runs.train(runs.make(algorithm="mle", mle_steps=options.steps, workdir=str(folder / "mle"), **shared)) or sys.exit()
  runs.train(
    runs.make(
      algorithm=options.algorithm, pretrained=str(folder / "mle"), mle_steps=0, discriminator_steps=options.discriminator_steps,
      adversarial_steps=options.rounds, generator_learning_rate=options.generator_learning_rate,
      discriminator="recurrent", discriminator_learning_rate=1e-3, workdir=str(folder / "gan"), **shared,
    )
  ) or sys.exit()  # fmt: skip


def compare(options: Options, folder: pathlib.Path) -> dict[str, str]:
  """Draws the curves of both, of their last states; returns plane to verdict."""
  command = ["evaluate.py", "--workdir", folder / "mle", "--workdir", folder / "gan", "--checkpoint", "latest", "--sweep", "--num", options.num]
  command += ["--encoder", "", "--temperatures", *options.temperatures, "--nuclei", "--output", folder / "curves"]
  evaluate.main(evaluate.parse(list(map(str, command))))
  comparisons = json.loads((folder / "curves" / "results.json").read_text(encoding="utf-8"))["comparisons"]
  return {comparison["plane"]: comparison["verdict"] for comparison in comparisons}


def main(options: Options) -> None:
  verdicts = collections.defaultdict(list)
  for seed in range(options.seeds):
    folder = pathlib.Path(options.workdir) / str(seed)
    train(options, seed, folder)
    for plane, verdict in compare(options, folder).items():
      verdicts[plane].append(verdict)
  for plane, found in verdicts.items():
    print(f"{plane:10}{', '.join(found)} (seeds 0 to {options.seeds - 1})")
  better = [plane for plane, found in verdicts.items() if set(found) == {"above"}]
  print(f"Above its baseline's curve in every seed: {', '.join(better) or 'nowhere'}.")


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse_options(argv, Options, __doc__), main)

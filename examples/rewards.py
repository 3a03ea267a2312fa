"""Teaches a generator a reward of one's own, and what it costs: python -m examples.rewards --workdir runs/rewards

REINFORCE with the rewards of my_rewards.py, with three weights, from one language model.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import dataclasses
import json
import pathlib
import sys

from tf_textgan import runs
from tf_textgan.commands import cli
from tf_textgan.commands import flags

COLUMNS = ("mean_length", "grammatical", "nll_oracle", "nll_validation")


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # Folder for the runs.
  workdir: str = "runs/rewards"
  # Training sentences, from the caption grammar.
  num_train: int = 10000
  # Steps of maximum likelihood.
  steps: int = 2000
  # Steps of the discriminator alone.
  discriminator_steps: int = 300
  # Adversarial rounds.
  rounds: int = 100
  # Weights of the reward, one run each.
  weights: tuple[float, ...] = (0.0, 1.0, 4.0)
  # Random seed.
  seed: int = 0


def last_scores(folder: pathlib.Path) -> dict[str, float]:
  """The last evaluation of a run."""
  lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
  return [line for line in map(json.loads, lines) if line["kind"] == "evaluation"][-1]


def main(options: Options) -> None:
  folder, shared = pathlib.Path(options.workdir), {"num_train": options.num_train, "evaluations": 2, "export": False, "seed": options.seed}
  # A signal stops a training; the same command goes on.
  runs.train(runs.make(algorithm="mle", mle_steps=options.steps, workdir=str(folder / "mle"), **shared)) or sys.exit()
  rows = {"before": last_scores(folder / "mle")}
  for weight in options.weights:
    workdir = folder / f"weight_{weight:g}"
    # Without exploration and replay `coldgan` is REINFORCE with a reward for the whole sentence.
    experiment = runs.make(
      algorithm="coldgan", exploration_share=0.0, exploration_nucleus=1.0, replay_share=0.0, discriminator="recurrent",
      discriminator_learning_rate=1e-3, generator_learning_rate=1e-3, pretrained=str(folder / "mle"), mle_steps=0,
      discriminator_steps=options.discriminator_steps, adversarial_steps=options.rounds,
      reward=("examples.my_rewards:brevity",), reward_weight=(weight,), workdir=str(workdir), **shared,
    )  # fmt: skip
    runs.train(experiment) or sys.exit()
    rows[f"weight {weight:g}"] = last_scores(workdir)
  print(f"{'':12}" + "".join(f"{column:>16}" for column in COLUMNS))
  for name, scores in rows.items():
    # Missing: the likelihood of grammatical sentences, where there is none.
    print(f"{name:12}" + "".join(f"{'-' if scores[column] is None else format(scores[column], '.3f'):>16}" for column in COLUMNS))


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse_options(argv, Options, __doc__), main)

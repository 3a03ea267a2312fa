"""Is an adversary worth its time on this text? python -m examples.choosing --workdir runs/choosing

Trains a language model, lets a new discriminator look for what tells its sentences from held-out ones, and, if it finds something, lets the
discriminator choose among 16 candidates, which needs no training of the generator.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import dataclasses
import pathlib
import sys

from tf_textgan import runs
from tf_textgan.commands import cli
from tf_textgan.commands import flags
from tf_textgan.evaluation import evaluator
from tf_textgan.evaluation import probe
from tf_textgan.generators import guided

SCORES = ("grammatical", "lm_nll", "reverse_lm_nll", "curve_sum")


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # Folder for the runs.
  workdir: str = "runs/choosing"
  # Training sentences, from the caption grammar.
  num_train: int = 10000
  # Steps of maximum likelihood.
  steps: int = 2000
  # Most steps of the discriminators.
  discriminator_steps: int = 1500
  # Sentences to score.
  num: int = 2000
  # Random seed.
  seed: int = 0


def main(options: Options) -> None:
  workdir, corpus = pathlib.Path(options.workdir), {"dataset": "caption_grammar", "num_train": options.num_train, "seed": options.seed}

  # 1. The baseline.
  baseline = workdir / "mle"
  # A signal stops a training; the same command goes on.
  runs.train(runs.make(algorithm="mle", mle_steps=options.steps, evaluations=5, workdir=str(baseline), **corpus)) or sys.exit()

  # 2. Does a discriminator know anything of held-out text?
  run = runs.load(baseline)
  settings = probe.Config(probe_steps=options.discriminator_steps)
  result = probe.run(run.algorithm.generator, run.corpus(), settings, options.seed, probe.bar)
  print(probe.verdict(result))
  if result.probe_gain.value - result.probe_gain.ci <= 0:
    print("A longer training of the baseline, or more text, comes first.")
    return

  # 3. What if it chooses? Its training leaves the generator as it is.
  judge = workdir / "guide"
  runs.train(
    runs.make(
      algorithm="seqgan", discriminator="recurrent", discriminator_learning_rate=1e-3, pretrained=str(baseline), mle_steps=0,
      discriminator_steps=options.discriminator_steps, adversarial_steps=0, evaluations=5, discriminator_patience=2, workdir=str(judge), **corpus,
    )
  ) or sys.exit()  # fmt: skip
  run = runs.load(judge, "latest")
  systems = {"alone": run.algorithm.generator, "chosen among 16": runs.guide(run.algorithm.generator, run, guided.Config(guide="resampling"))}
  print(f"{'':16}" + "".join(f"{name:>16}" for name in SCORES))
  for name, generator in systems.items():
    scores = evaluator.Evaluator(generator, run.corpus(), options.seed)(options.num, "test")
    print(f"{name:16}" + "".join(f"{scores[score]:16.3f}" if score in scores else f"{'-':>16}" for score in SCORES))


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse_options(argv, Options, __doc__), main)

"""Trains a text GAN; `--help` lists the flags of the chosen algorithm, dataset and networks.

If none of these is chosen, the flags of recipes/quickstart.flags come first: SeqGAN on generated captions, a few minutes on two cores. If only
the algorithm is, those of its recipe in recipes/short come first.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

from collections.abc import Sequence
import sys

from tf_textgan import runs
from tf_textgan.commands import cli
from tf_textgan.commands import flags
from tf_textgan.runs import experiment as experiment_lib


def main(experiment: experiment_lib.Experiment) -> None:
  """Trains; a stop by a signal counts as success."""
  runs.train(experiment)


def parse(argv: Sequence[str]) -> experiment_lib.Experiment:
  """Parses the command line; says on the standard error which recipe comes first, see `flags.recipe_for`."""
  recipe = flags.recipe_for(argv[1:])
  experiment = flags.parse(argv, __doc__, recipe)
  if recipe:
    print(f"the flags of {recipe} come first", file=sys.stderr)
  return experiment


def run() -> None:
  """The command `train.py`."""
  cli.run(parse, main)

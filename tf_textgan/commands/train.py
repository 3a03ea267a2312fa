"""Trains a text GAN; `--help` lists the flags of the chosen algorithm, dataset and networks.

Unless one of these is chosen, the flags of recipes/quickstart.flags come first: SeqGAN on generated captions, some minutes on two cores.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import pathlib

from tf_textgan import runs
from tf_textgan.commands import cli
from tf_textgan.commands import flags

_QUICKSTART = pathlib.Path(__file__).resolve().parents[2] / "recipes" / "quickstart.flags"


def main(experiment):
  """Runs the experiment; being stopped by a signal is no failure."""
  runs.train(experiment)


def run():
  """The command `train.py`."""
  cli.run(lambda argv: flags.parse(argv, __doc__, _QUICKSTART), main)

"""Trains a text GAN; `--help` lists the flags of the chosen algorithm, dataset and networks.

Unless one of these is chosen, the flags of recipes/quickstart.flags come first: SeqGAN on generated captions, some minutes on two cores.
"""

from tf_textgan import quiet

quiet.start_tensorflow()

import pathlib

from tf_textgan import cli
from tf_textgan import flags
from tf_textgan import runs

_QUICKSTART = pathlib.Path(__file__).resolve().parent / "recipes" / "quickstart.flags"


def main(experiment):
  """Runs the experiment; being stopped by a signal is no failure."""
  runs.train(experiment)


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse(argv, __doc__, _QUICKSTART), main)

"""Trains a text GAN; `--help` lists the flags of the chosen algorithm, dataset and networks.

If none of these is chosen, the flags of recipes/quickstart.flags come first: SeqGAN on generated captions, a few minutes on two cores.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

from tf_textgan import runs
from tf_textgan.commands import cli
from tf_textgan.commands import flags
from tf_textgan.commands import recipes
from tf_textgan.runs import experiment as experiment_lib


def main(experiment: experiment_lib.Experiment) -> None:
  """Trains; a stop by a signal counts as success."""
  runs.train(experiment)


def run() -> None:
  """The command `train.py`."""
  cli.run(lambda argv: flags.parse(argv, __doc__, recipes.folder() / "quickstart.flags"), main)

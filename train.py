"""Trains a text GAN. Without flags: SeqGAN on generated captions, a few minutes on two cores. `--help` lists the chosen algorithm's flags."""

from tf_textgan import quiet

quiet.start_tensorflow()

from tf_textgan import cli
from tf_textgan import flags
from tf_textgan import runs


def main(experiment):
  """Runs the experiment; being stopped by a signal is no failure."""
  runs.train(experiment)


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse(argv, __doc__), main)

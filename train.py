"""Trains a text GAN: `tf_textgan.commands.train`."""

from tf_textgan.commands import scripts

if __name__ == "__main__":
  scripts.train()

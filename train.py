"""Trains a text GAN: `tf_textgan.commands.train`."""

from tf_textgan.commands import signals

if __name__ == "__main__":
  signals.exit_while_starting()

from tf_textgan.commands import train

if __name__ == "__main__":
  train.run()

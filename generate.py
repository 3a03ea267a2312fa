"""Generates sentences with a trained run: `tf_textgan.commands.generate`."""

from tf_textgan.commands import signals

if __name__ == "__main__":
  signals.exit_while_starting()

from tf_textgan.commands import generate

if __name__ == "__main__":
  generate.run()

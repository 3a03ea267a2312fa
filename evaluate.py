"""Scores runs and text files: `tf_textgan.commands.evaluate`."""

from tf_textgan.commands import signals

if __name__ == "__main__":
  signals.exit_while_starting()

from tf_textgan.commands import evaluate

if __name__ == "__main__":
  evaluate.run()

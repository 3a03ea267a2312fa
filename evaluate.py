"""Scores runs and text files: `tf_textgan.commands.evaluate`."""

from tf_textgan.commands import scripts

if __name__ == "__main__":
  scripts.evaluate()

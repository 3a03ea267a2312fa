"""Generates sentences with a trained run: `tf_textgan.commands.generate`."""

from tf_textgan.commands import scripts

if __name__ == "__main__":
  scripts.generate()

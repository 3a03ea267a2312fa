"""Serves a page to play with a trained run: `tf_textgan.commands.demo`."""

from tf_textgan.commands import scripts

if __name__ == "__main__":
  scripts.demo()

"""Serves a page to play with a trained run: `tf_textgan.commands.demo`."""

from tf_textgan.commands import signals

if __name__ == "__main__":
  signals.exit_while_starting()

from tf_textgan.commands import demo

if __name__ == "__main__":
  demo.run()

"""The commands as functions without arguments, for train.py, generate.py, evaluate.py and demo.py and for the scripts that pip installs.

Imports nothing that takes time: a signal is to be answered from the start.
"""

import importlib

from tf_textgan.commands import signals


def train() -> None:
  """Runs `tf_textgan.commands.train`."""
  _run("train")


def generate() -> None:
  """Runs `tf_textgan.commands.generate`."""
  _run("generate")


def evaluate() -> None:
  """Runs `tf_textgan.commands.evaluate`."""
  _run("evaluate")


def demo() -> None:
  """Runs `tf_textgan.commands.demo`."""
  _run("demo")


def _run(name):
  signals.exit_while_starting()
  importlib.import_module(f"tf_textgan.commands.{name}").run()

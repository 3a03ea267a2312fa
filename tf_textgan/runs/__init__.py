"""Runs in their folders: `train`, `load`, `guide`, `combine`, and an experiment as a value."""

from tf_textgan.runs.run import Run
from tf_textgan.runs.run import combine
from tf_textgan.runs.run import guide
from tf_textgan.runs.run import load
from tf_textgan.runs.run import train

__all__ = ["Run", "combine", "guide", "load", "train"]

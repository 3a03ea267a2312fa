"""Runs in their folders: `make` an experiment, `train` it, `load`, `guide` and `combine` the trained generators."""

from tf_textgan.runs.experiment import make
from tf_textgan.runs.run import Run
from tf_textgan.runs.run import combine
from tf_textgan.runs.run import guide
from tf_textgan.runs.run import load
from tf_textgan.runs.run import train

__all__ = ["Run", "combine", "guide", "load", "make", "train"]

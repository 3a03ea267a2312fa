"""Progress bars with the time left."""

import sys

import tqdm


def bar(iterable=None, **options):
  """A `tqdm` bar on the standard error; takes what `tqdm.tqdm` takes."""
  # On a pipe or in a log file one line now and then, not one a step.
  return tqdm.tqdm(iterable, mininterval=0.1 if sys.stderr.isatty() else 30.0, dynamic_ncols=True, **options)

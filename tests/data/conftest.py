"""Hides the progress bars of TFDS in the tests of the data layer."""

import tensorflow_datasets as tfds

tfds.disable_progress_bar()

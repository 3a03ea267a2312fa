"""What the tests of the data layer share."""

import tensorflow_datasets as tfds

tfds.disable_progress_bar()

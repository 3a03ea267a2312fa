"""Settings of the whole test session, made before TensorFlow starts."""

import functools
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402

# Two devices on any machine, for the tests with replicas.
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)

# Graphs that run a few times are not worth rewriting: a tenth of the whole suite's time. The commands' own processes rewrite theirs, as users' do.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

# Nor are functions worth converting that have no Python `if` or `for` on a tensor, as the library's; those of tests are compiled as its own are.
tf.function = functools.partial(tf.function, autograph=False)


@pytest.fixture(scope="session")
def two_replicas():
  """A strategy of two replicas. The default way to add up their numbers does not know logical CPU devices."""
  return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice())

"""Two devices on any machine, for the laws about replicas."""

import tensorflow as tf


def split_cpu() -> None:
  """Makes two logical devices of the CPU; to be called before TensorFlow is used."""
  tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)


def two_replicas() -> tf.distribute.Strategy:
  """A strategy of two replicas on them. The default way to add up their numbers does not know logical CPU devices."""
  return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice())

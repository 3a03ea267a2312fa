"""Two logical devices on any machine, for the laws about replicas."""

import tensorflow as tf


def split_cpu() -> None:
  """Splits the CPU into two logical devices; must be called before TensorFlow is used."""
  tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)


def two_replicas() -> tf.distribute.Strategy:
  """A strategy of two replicas on these devices. The default cross-device reduction does not support logical CPU devices."""
  return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice())

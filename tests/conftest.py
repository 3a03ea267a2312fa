"""Settings of the whole test session, made before TensorFlow starts."""

import ctypes
import functools
import gc
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import keras  # noqa: E402
import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402

# Its functions are tests, too.
pytest.register_assert_rewrite("tf_textgan.conformance")

from tests import tiny_presets  # noqa: E402
from tf_textgan.conformance import devices  # noqa: E402

# Two devices on any machine, for the tests with replicas.
devices.split_cpu()

# Graphs that run a few times are not worth rewriting: a tenth of the whole suite's time. The commands' own processes rewrite theirs, as users' do.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

# Nor are functions worth converting that have no Python `if` or `for` on a tensor, as the library's; those of tests are compiled as its own are.
tf.function = functools.partial(tf.function, autograph=False)


@pytest.fixture(autouse=True, scope="module")
def forgotten():
  """Frees the compiled functions of a file, which Keras and TensorFlow would keep: some 40 % of what tests of algorithms leave in memory."""
  yield
  keras.backend.clear_session()
  gc.collect()
  if sys.platform == "linux":
    ctypes.CDLL(None).malloc_trim(0)  # The allocator keeps what it was given back.


@pytest.fixture(scope="session")
def two_replicas():
  """See `devices.two_replicas`."""
  return devices.two_replicas()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
  """Where prepared datasets are kept for the session."""
  return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def preset_folder(tmp_path_factory):
  """A function from a kind of `tiny_presets` to a folder with such a preset, which is made once; skips the test without KerasHub."""
  return functools.cache(lambda kind: tiny_presets.write(tmp_path_factory.mktemp(kind), kind))

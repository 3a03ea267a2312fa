import numpy as np
import pytest
import tensorflow as tf

from benchmarks import cases
from benchmarks import measure
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import lstm


def test_a_matrix_product_runs_near_the_peak_that_a_matrix_product_defines():
  def case():
    a = tf.random.stateless_normal([1024, 1024], [3, 4])
    product = tf.function(lambda: tf.matmul(a, a))
    return lambda: product().numpy(), 2 * 1024**3, 1

  record = measure.record("product", case, repeats=5)
  assert set(record) == {"name", "cpu_ms", "wall_ms", "gflop", "peak_gflops", "share_of_peak", "peak_rss_mb", "startup_s"}
  assert record["gflop"] == pytest.approx(2.147, abs=1e-3)
  assert 0.2 < record["share_of_peak"] < 2.0
  assert record["cpu_ms"] == pytest.approx(record["gflop"] / record["share_of_peak"] / record["peak_gflops"] * 1e3, rel=1e-6)


def test_units_divide_times_and_operations_but_not_the_share():
  def case(units):
    a = tf.random.stateless_normal([512, 512], [3, 4])
    return lambda: tf.matmul(a, a).numpy(), 2 * 512**3, units

  one, four = (measure.record("product", lambda units=units: case(units), repeats=5) for units in (1, 4))
  assert one["gflop"] == 4 * four["gflop"]


def test_operations_of_a_row_are_twice_the_multiplications_of_its_products():
  config = lstm.Config(embedding_size=3, hidden_size=5)
  assert cases._token_flops(config) == 2 * ((3 + 5) * 4 * 5 + 5 * 5000)
  config = cnn_highway.Config(embedding_size=2, widths=(1, 20), filters=(3, 4))
  assert cases._cnn_flops(config) == 2 * (20 * 1 * 2 * 3 + 1 * 20 * 2 * 4 + 2 * 7 * 7 + 7)


@pytest.mark.parametrize("name", ["mle_step", "seqgan_discriminator_step"])
def test_a_case_is_a_step_that_trains_at_each_call(name):
  step, flops, units = cases.CASES[name]()
  first, second = step(), step()
  assert flops > 1e9 and units == 1
  assert all(np.isfinite(list(first.values())))
  assert first != second


def test_resize_changes_batches_and_operations(monkeypatch):
  for name in ("_SPEC", "_BATCH"):  # Restored after the test.
    monkeypatch.setattr(cases, name, getattr(cases, name))
  flops = cases.CASES["relgan_mle_step"]()[1]
  cases.resize(vocab_size=40, length=6, batch_size=3)
  step, fewer, _ = cases.CASES["mle_step"]()
  assert all(np.isfinite(list(step().values())))
  assert cases._real().tokens.shape == (3, 6)
  config = lstm.Config()
  assert fewer == 3 * 3 * 6 * 2 * ((config.embedding_size + config.hidden_size) * 4 * config.hidden_size + config.hidden_size * 40)
  cases.resize(vocab_size=5000, length=40, batch_size=128)
  assert cases.CASES["relgan_mle_step"]()[1] == 4 * flops

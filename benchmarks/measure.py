"""Timing: CPU time and wall time of a warmed-up step, against the machine's matrix-product rate in the same process."""

import resource
import statistics
import time

import tensorflow as tf


def cpu_seconds():
  """CPU time of this process so far, all threads."""
  usage = resource.getrusage(resource.RUSAGE_SELF)
  return usage.ru_utime + usage.ru_stime


def timed(function, repeats):
  """Median CPU and wall seconds of a call."""
  cpu, wall = [], []
  for _ in range(repeats):
    before = cpu_seconds(), time.perf_counter()
    function()
    cpu.append(cpu_seconds() - before[0])
    wall.append(time.perf_counter() - before[1])
  return statistics.median(cpu), statistics.median(wall)


def peak_rate(size=2048, repeats=9):
  """Floating-point operations per CPU-second of a float32 matrix product."""
  a = tf.random.stateless_normal([size, size], [1, 2])
  product = tf.function(lambda: tf.matmul(a, a), autograph=False)
  product()
  cpu, _ = timed(product, repeats)
  return 2 * size**3 / cpu


def record(name, case, repeats, threads=0):
  """Makes one measurement.

  Args:
    name: of the measurement.
    case: function giving a step (without arguments), its floating-point operations, and by how much to divide all: a step that makes 16
      units of work is reported for one.
    repeats: timed calls, after two that compile and warm up.
    threads: TensorFlow's threads; 0 for one on each core. To be set before TensorFlow has computed anything.

  Returns:
    Dictionary: `cpu_ms`, `wall_ms`, `gflop`, `peak_gflops` (GFLOP per CPU-second of a matrix product here and now), `share_of_peak`,
    `peak_rss_mb`, and `startup_s`, the time to build and compile.
  """
  if threads:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
  began = time.perf_counter()
  step, flops, units = case()
  step()
  startup = time.perf_counter() - began
  step()
  cpu, wall = timed(step, repeats)
  rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
  peak = peak_rate()
  return {
    "name": name,
    "cpu_ms": 1e3 * cpu / units,
    "wall_ms": 1e3 * wall / units,
    "gflop": flops / units / 1e9,
    "peak_gflops": peak / 1e9,
    "share_of_peak": flops / cpu / peak,
    "peak_rss_mb": rss,
    "startup_s": startup,
  }

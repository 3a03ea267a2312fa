"""CPU time and wall time of a warmed-up step, compared with the machine's matrix-product rate in the same process."""

from collections.abc import Callable
import resource
import statistics
import time

import tensorflow as tf


def cpu_seconds() -> float:
  """Returns the CPU time of this process so far, over all threads."""
  usage = resource.getrusage(resource.RUSAGE_SELF)
  return usage.ru_utime + usage.ru_stime


def timed(function: Callable[[], object], repeats: int) -> tuple[float, float]:
  """Returns the median CPU seconds and wall seconds of a call."""
  cpu, wall = [], []
  for _ in range(repeats):
    before = cpu_seconds(), time.perf_counter()
    function()
    cpu.append(cpu_seconds() - before[0])
    wall.append(time.perf_counter() - before[1])
  return statistics.median(cpu), statistics.median(wall)


def peak_rate(size: int = 2048, repeats: int = 9) -> float:
  """Measures the floating-point operations per CPU-second of a float32 matrix product."""
  a = tf.random.stateless_normal([size, size], [1, 2])
  product = tf.function(lambda: tf.matmul(a, a), autograph=False)
  product()
  cpu, _ = timed(product, repeats)
  return 2 * size**3 / cpu


def record(name: str, case: Callable[[], tuple[Callable[[], object], float, float]], repeats: int, threads: int = 0) -> dict[str, str | float]:
  """Makes one measurement.

  Args:
    name: of the measurement.
    case: makes a step (without arguments), its number of floating-point operations, and its units of work; results are per unit.
    repeats: timed calls, after two calls that compile and warm up.
    threads: TensorFlow's threads, 0 for one per core; must be set before TensorFlow has computed anything.

  Returns:
    `name`, `cpu_ms`, `wall_ms`, `gflop`, `peak_gflops` (GFLOP per CPU-second of a matrix product in this process), `share_of_peak`, `peak_rss_mb`,
    and `startup_s`, the time to build and compile.
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

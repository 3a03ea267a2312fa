"""The processes that train one run together, as `TF_CONFIG` names them.

TensorFlow waits for absent workers in native code, without a word and deaf to signals, and ends the workers that are left with a traceback. So the
workers find each other here first, and what is left of them ends in one line.
"""

from collections.abc import Iterator
import contextlib
import os
import re
import signal
import socket
import sys
import threading
import time

import tensorflow as tf

from tf_textgan import errors

# Seconds after which a worker says whom it waits for.
_PATIENCE = 20.0

# TensorFlow's errors when another worker is gone.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError, tf.errors.InternalError)


def connect(timeout: float) -> tf.distribute.MultiWorkerMirroredStrategy:
  """Waits for the other workers of `TF_CONFIG` and makes the strategy with them.

  Args:
    timeout: seconds to wait.

  Raises:
    UserError: a worker has not answered in time, or this worker's address is taken.
  """
  cluster, own = _cluster(tf.distribute.cluster_resolver.TFConfigClusterResolver())
  if own in cluster and len(cluster) > 1:
    _wait_for(cluster, own, timeout)
  try:
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
  except _LOST as e:
    raise _lost(e, cluster, own) from e
  if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))  # TensorFlow has put its own handler in the place of Python's.
  return strategy


@contextlib.contextmanager
def guarding(strategy: tf.distribute.Strategy) -> Iterator[None]:
  """Says in one line if another worker is lost within the block."""
  try:
    yield
  except _LOST as e:
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
      raise
    raise _lost(e, *_cluster(strategy.cluster_resolver)) from e


def _lost(error, cluster, own):
  """The error that names the worker whose connection broke."""
  named = [f"{job} {task}" for job, task in re.findall(r"/job:(\w+)/(?:replica:0/)?task:(\d+)", str(error))]
  which = next((f"{name} at {cluster[name]}" for name in named if name in cluster and name != own), "another worker")
  return errors.UserError(f"{which} is gone; start all workers again with the same command: they go on from the last checkpoint")


def _cluster(resolver):
  """The addresses of the workers that train, by names such as "worker 1", and the name of this one."""
  cluster = resolver.cluster_spec().as_dict()
  addresses = {f"{job} {task}": address for job in ("chief", "worker") for task, address in enumerate(cluster.get(job, ()))}
  return addresses, f"{resolver.task_type} {resolver.task_id}"


def _wait_for(cluster, own, timeout):
  """Waits until every other worker's address has answered. Meanwhile this worker's own address answers; then TensorFlow's server takes it over."""
  begun, told = time.monotonic(), False
  absent = {name: "" for name in cluster if name != own}
  with _listening(cluster[own]):
    while True:
      for name in list(absent):
        reason = _try(cluster[name])
        if reason is None:
          del absent[name]
        else:
          absent[name] = reason
      if not absent:
        return
      waited = time.monotonic() - begun
      awaited = ", ".join(f"{name} at {cluster[name]} ({reason})" for name, reason in absent.items())
      if waited > timeout:
        raise errors.UserError(
          f"{own} has waited {timeout:g} seconds (--coordination_timeout) for {awaited}; start all workers with the same command"
        )
      if waited > _PATIENCE and not told:
        print(f"{own} waits for {awaited}; start all workers with the same command", file=sys.stderr, flush=True)
        told = True
      time.sleep(0.1)


def _try(address):
  """Connects to an address; returns the reason if that fails, else None."""
  host, _, port = address.rpartition(":")
  try:
    socket.create_connection((host.strip("[]"), int(port)), timeout=1.0).close()
  except OSError as e:
    return e.strerror or str(e)
  return None


def _listening(address):
  """A server on the port of an address; it accepts connections and says nothing."""
  port = int(address.rpartition(":")[2])
  try:
    if socket.has_dualstack_ipv6():
      return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
  except OSError as e:
    raise errors.UserError(f"this worker's address {address} cannot be used: {os.strerror(e.errno)}; expected a free port in TF_CONFIG") from e

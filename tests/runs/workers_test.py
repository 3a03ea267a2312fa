"""Tests of tf_textgan.runs.workers. Two workers that train, of which one is killed, are in tests/runs/run_test.py."""

import json
import re
import socket
import threading
import types

import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.runs import workers


def _config(monkeypatch, index, num=2):
  """Puts a cluster with free ports into TF_CONFIG, and returns its addresses."""
  sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(num)]
  addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
  for one in sockets:
    one.close()
  monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}))
  return addresses


class _Strategy:
  """In the place of TensorFlow's, which waits for real workers."""

  def __init__(self):
    self.cluster_resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
  monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", _Strategy)


def test_a_worker_that_waits_says_for_whom_and_ends_in_time(monkeypatch, capsys):
  monkeypatch.setattr(workers, "_PATIENCE", 0.2)
  addresses = _config(monkeypatch, 0, num=3)
  with socket.create_server(("127.0.0.1", int(addresses[2].rpartition(":")[2]))):
    with pytest.raises(errors.UserError) as caught:
      workers.connect(0.7)
  awaited = f"worker 1 at {addresses[1]} (Connection refused); start all workers with the same command"
  assert capsys.readouterr().err == f"worker 0 waits for {awaited}\n"
  assert str(caught.value) == f"worker 0 has waited 0.7 seconds (--coordination_timeout) for {awaited}"


def test_workers_find_each_other_whoever_comes_first(monkeypatch, capsys):
  addresses = _config(monkeypatch, 0, num=3)
  cluster = {f"worker {i}": address for i, address in enumerate(addresses)}
  found = []

  def come(name):
    workers._wait_for(cluster, name, 20.0)
    # TensorFlow's server then takes the address over, and goes on answering those who still wait.
    with socket.create_server(("127.0.0.1", int(cluster[name].rpartition(":")[2]))):
      found.append(name)
      everybody.wait()

  everybody = threading.Barrier(3, timeout=20)
  threads = [threading.Timer(0.3 * i, come, [name]) for i, name in enumerate(cluster)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert sorted(found) == sorted(cluster) and not capsys.readouterr().err


def test_one_worker_waits_for_nobody(monkeypatch):
  _config(monkeypatch, 0, num=1)
  assert isinstance(workers.connect(0.1), _Strategy)


def test_an_address_that_is_taken_is_refused(monkeypatch):
  addresses = _config(monkeypatch, 1)
  with socket.create_server(("", int(addresses[1].rpartition(":")[2]))):
    expected = f"this worker's address {addresses[1]} cannot be used: Address already in use; expected a free port in TF_CONFIG"
    with pytest.raises(errors.UserError, match=re.escape(expected)):
      workers.connect(1.0)


_UNAVAILABLE = """Graph execution error: Collective ops is aborted by: Socket closed
Additional GRPC error information from remote target /job:worker/replica:0/task:{} while calling /tensorflow.WorkerService/RecvBuf:
The error could be from a previous operation. Restart your program to reset."""


@pytest.mark.parametrize(
  ("text", "which"), [(_UNAVAILABLE.format(1), "worker 1 at {}"), (_UNAVAILABLE.format(0), "another worker"), ("", "another worker")]
)
def test_a_lost_worker_is_one_line(monkeypatch, text, which):
  addresses = _config(monkeypatch, 0)
  expected = f"{which.format(addresses[1])} is gone; start all workers again with the same command: they go on from the last checkpoint"
  with pytest.raises(errors.UserError, match=f"^{re.escape(expected)}$"), workers.guarding(_Strategy()):
    raise tf.errors.UnavailableError(None, None, text)


def test_other_errors_stay(monkeypatch):
  _config(monkeypatch, 0)
  with pytest.raises(tf.errors.InvalidArgumentError), workers.guarding(_Strategy()):
    raise tf.errors.InvalidArgumentError(None, None, "a bug")
  with pytest.raises(tf.errors.UnavailableError), workers.guarding(types.SimpleNamespace()):
    raise tf.errors.UnavailableError(None, None, "of one process")

"""Tests of tf_textgan.runs.cluster."""

import json

import pytest

from tf_textgan import errors
from tf_textgan import runs
from tf_textgan.runs import cluster
from tf_textgan.runs import experiment

TWO = ["a:1", "b:2"]


def test_values():
  for value in (
    {"cluster": {"worker": TWO}, "task": {"type": "worker", "index": 1}},
    {"cluster": {"chief": ["c:3"], "worker": TWO}, "task": {"type": "chief", "index": 0}, "rpc_layer": "grpc"},
  ):
    assert cluster.read({"TF_CONFIG": json.dumps(value)}) == value
  assert cluster.read({}) is None and cluster.read({"TF_CONFIG": ""}) is None


WRONG = {
  "no json": ("{", "it is no JSON"),
  "deep": ("[" * 100_000, "it is no JSON"),
  "a list": ([], "it needs a cluster and a task"),
  "no task": ({"cluster": {"worker": TWO}}, "it needs a cluster and a task"),
  "no cluster": ({"task": {"type": "worker", "index": 0}}, "it needs a cluster and a task"),
  "an empty cluster": ({"cluster": {}, "task": {"type": "worker", "index": 0}}, "its task has the type 'worker'; its cluster has none"),
  "a string": ({"cluster": {"worker": "a:1"}, "task": {}}, "the worker of its cluster must be a list of addresses, host:port, not 'a:1'"),
  "no port": ({"cluster": {"worker": ["a"]}, "task": {}}, r"must be a list of addresses, host:port, not \['a'\]"),
  "twice": ({"cluster": {"worker": ["a:1", "a:1"]}, "task": {}}, "an address is named twice"),
  "two chiefs": ({"cluster": {"chief": TWO}, "task": {"type": "chief", "index": 0}}, "its cluster has 2 chiefs"),
  "a type": ({"cluster": {"worker": TWO, "ps": ["p:1"]}, "task": {}}, "its cluster has the type 'ps'; there are chief and worker"),
  "another task": ({"cluster": {"worker": TWO}, "task": {"type": "chief", "index": 0}}, "its task has the type 'chief'; its cluster has worker"),
  "an index": ({"cluster": {"worker": TWO}, "task": {"type": "worker", "index": 2}}, "has the index 2; expected an integer from 0 to 1"),
  "a negative index": ({"cluster": {"worker": TWO}, "task": {"type": "worker", "index": -1}}, "has the index -1; expected an integer from 0"),
  "no integer": ({"cluster": {"worker": TWO}, "task": {"type": "worker", "index": "0"}}, "has the index '0'; expected an integer from 0 to 1"),
  "a list for a type": ({"cluster": {"worker": TWO}, "task": {"type": ["worker"], "index": 0}}, r"has the type \['worker'\]"),
}


@pytest.mark.parametrize(("value", "reason"), WRONG.values(), ids=WRONG.keys())
def test_wrong_values(value, reason):
  text = value if isinstance(value, str) else json.dumps(value)
  with pytest.raises(errors.UserError, match=f"^the environment variable TF_CONFIG is wrong: .*{reason}.*; expected a value such as .*host1:2222"):
    cluster.read({"TF_CONFIG": text})


def test_training_reads_it_before_anything_else(monkeypatch, tmp_path):
  monkeypatch.setenv("TF_CONFIG", "no json")
  with pytest.raises(errors.UserError, match="TF_CONFIG is wrong: it is no JSON"):
    runs.train(experiment.make(algorithm="mle", workdir=str(tmp_path / "run")))
  assert not list(tmp_path.iterdir())

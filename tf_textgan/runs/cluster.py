"""The environment variable `TF_CONFIG`, which names the workers of a training and says which of them this process is."""

from collections.abc import Mapping
import json
import os
import re
from typing import Any

from tf_textgan import errors

_TYPES = ("chief", "worker")
_EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'


def read(environment: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
  """The value of `TF_CONFIG`, checked: a dictionary like the example in the messages; None if it is not set, or empty.

  Raises:
    UserError: it is no JSON of that form, or its task is none of the cluster's.
  """
  text = environment.get("TF_CONFIG")
  if not text:
    return None
  try:
    value = json.loads(text)
  except (ValueError, RecursionError) as e:
    raise _wrong("it is no JSON") from e
  cluster, task = (value.get(name) if isinstance(value, dict) else None for name in ("cluster", "task"))
  if not isinstance(cluster, dict) or not isinstance(task, dict):
    raise _wrong("it needs a cluster and a task")
  for kind, addresses in cluster.items():
    if kind not in _TYPES:
      raise _wrong(f"its cluster has the type {kind!r}; there are {' and '.join(_TYPES)}")
    if not isinstance(addresses, list) or not addresses or not all(isinstance(a, str) and re.fullmatch(r".+:\d{1,5}", a) for a in addresses):
      raise _wrong(f"the {kind} of its cluster must be a list of addresses, host:port, not {addresses!r}")
  every = [address for addresses in cluster.values() for address in addresses]
  if len(set(every)) < len(every):
    raise _wrong("an address is named twice")
  if len(cluster.get("chief", ())) > 1:
    raise _wrong(f"its cluster has {len(cluster['chief'])} chiefs; expected one at most")
  kind, index = task.get("type"), task.get("index")
  if not isinstance(kind, str) or kind not in cluster:
    raise _wrong(f"its task has the type {kind!r}; its cluster has {' and '.join(cluster) or 'none'}")
  if type(index) is not int or not 0 <= index < len(cluster[kind]):
    raise _wrong(f"its task has the index {index!r}; expected an integer from 0 to {len(cluster[kind]) - 1}")
  return value


def _wrong(reason):
  return errors.UserError(f"the environment variable TF_CONFIG is wrong: {reason}; expected a value such as {_EXAMPLE}")

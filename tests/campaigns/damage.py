"""Damaged files of a run: what an editor, a disk or an attacker could make of `config.json`, `vocabulary.json`, the checkpoints and a stored corpus.

Each function yields `Damage`s, in a fixed order. None may be read without an error of one line, which names the file and, where `says` is not empty,
has these words.
"""

from collections.abc import Iterator
import copy
import io
import json
from typing import Any
from typing import NamedTuple
import zipfile

import numpy as np

_HALF = "\ud800"
_NESTED = '{"a":' * 100_000

# Values of other types, by the type of the value that they replace. Boolean before integer: in Python, True is one.
_WRONG = {
  bool: [None, 0, 1, "true", 0.5, [], {}],
  int: [None, True, "1", 1.5, 1.0, [], [1], {}, 10**30, -(10**30), 10**5000, float("nan")],
  float: [None, True, "0.5", [], {}, float("nan"), float("inf"), float("-inf"), 10**400],
  str: [None, True, 3, 0.5, [], ["a"], {}, _HALF],
  list: [None, True, 3, "a", {}, [[]], [None], [{}]],
}
# Sizes of tensors that no memory holds, and of none, for the settings of networks.
_SIZES = [0, -1, 10**9, 2**62]


class Damage(NamedTuple):
  """A damaged file.

  Attributes:
    name: what was done.
    path: the file, in the run's folder.
    content: its bytes.
    says: words of the error message.
  """

  name: str
  path: str
  content: bytes
  says: str


def configs(content: bytes) -> Iterator[Damage]:
  """Damages of a `config.json`."""

  def damage(name, value, says):
    return Damage(name, "config.json", value if isinstance(value, bytes) else _json(value), says)

  whole = json.loads(content)
  yield from (damage(name, value, "") for name, value in _files(content))
  for part in whole["experiment"]:
    for value in (3, "a", [], True, *([None, {}] if whole["experiment"][part] else [])):
      yield damage(f"{part} is {value!r}", _with(whole, ("experiment", part), value), part)
    yield damage(f"{part} is missing", _without(whole, ("experiment", part)), f"{part} is missing")
    for name, old in (whole["experiment"][part] or {}).items():
      place = ("experiment", part, name)
      for value in _WRONG[type(old)]:
        yield damage(f"{part}.{name} is {_short(value)}", _with(whole, place, value), f"{part}.{name}")
      yield damage(f"{part}.{name} is missing", _without(whole, place), f"{part}.{name} is missing")
      if part in ("generator", "discriminator") and name.endswith(("_size", "widths", "filters")) and name != "latent_size":
        for size in _SIZES:
          value = [size] * len(old) if isinstance(old, list) else size
          yield damage(f"{part}.{name} is {value}", _with(whole, place, value), name)
    yield damage(f"{part} has a setting too many", _with(whole, ("experiment", part, "spe\ned"), 3), "'spe\\ned'") if whole["experiment"][part] else (
      damage(f"{part} is an object", _with(whole, ("experiment", part), {"a": 1}), part)
    )
  for value in (*_WRONG[int], 0, -1, 10**9, 2**31, 2**62):
    yield damage(f"length is {_short(value)}", _with(whole, ("length",), value), "length")
  for value in (*_WRONG[list], [""], ["a", "a"], [3], [_HALF]):
    yield damage(f"categories are {_short(value)}", _with(whole, ("categories",), value), "categor")
  for name in whole:
    yield damage(f"{name} is missing", _without(whole, (name,)), f"{name} is missing")
  yield damage("experiment is a list", _with(whole, ("experiment",), []), "experiment")
  yield damage("a part too many", _with(whole, ("experiment", "speed"), {}), "speed")
  yield damage("an unknown algorithm", _with(whole, ("experiment", "choices", "algorithm"), "seqgam"), "seqgam")
  yield damage("another algorithm", _with(whole, ("experiment", "choices", "algorithm"), "gsgan"), "algorithm.")
  yield damage("another generator", _with(whole, ("experiment", "choices", "generator"), "conv_resnet"), "generator.")
  text = content.decode()
  yield damage("a key twice", text.replace('"length"', '"length": 3, "length"', 1).encode(), "length twice")


def vocabularies(content: bytes) -> Iterator[Damage]:
  """Damages of a `vocabulary.json` with a table of words."""

  def damage(name, value, says):
    return Damage(name, "vocabulary.json", value if isinstance(value, bytes) else _json(value), says)

  whole = json.loads(content)
  tokens = whole["tokens"]
  yield from (damage(name, value, "") for name, value in _files(content))
  for name, old in whole.items():
    for value in _WRONG[type(old)]:
      yield damage(f"{name} is {_short(value)}", _with(whole, (name,), value), name)
    yield damage(f"{name} is missing", _without(whole, (name,)), name)
  for value in (3, None, True, 1.5, [], {}, "", "a b", "a\nb", " ", _HALF, tokens[4], "<pad>", tokens[5]):
    yield damage(f"a token is {value!r}", _with(whole, ("tokens",), [*tokens, value]), f"tokens[{len(tokens)}]")
  for name, value in (
    ("no special tokens", tokens[4:]), ("special tokens in another order", [tokens[1], tokens[0], *tokens[2:]]), ("no tokens", []),
  ):  # fmt: skip
    yield damage(name, _with(whole, ("tokens",), value), "tokens must start with <pad> <bos> <eos> <unk>")
  yield damage("a field too many", _with(whole, ("speed",), 3), "speed")
  yield damage("an unknown tokenizer", _with(whole, ("tokenizer",), "sentence"), "unknown tokenizer 'sentence'")
  yield damage("another tokenizer", _with(whole, ("tokenizer",), "integer"), "expected size")
  yield damage("characters that are words", _with(whole, ("tokenizer",), "char"), "expected one character")
  for value in (*_WRONG[int], 0, -1, 10**9):
    yield damage(f"size is {_short(value)}", {"tokenizer": "integer", "size": value}, "size")


def checkpoints(content: bytes, path: str = "checkpoints/best.npz") -> Iterator[Damage]:
  """Damages of a checkpoint; `path` is where it lies in the run's folder."""
  with np.load(io.BytesIO(content)) as archive:
    arrays = {name: archive[name] for name in archive.files}
  state = json.loads(str(arrays["run_state"]))
  name = next(name for name in arrays if name.startswith("generator/") and arrays[name].ndim == 2)

  def damage(kind, changes, says, **options):
    return Damage(kind, path, _npz({**arrays, **changes}, **options), says)

  for kind, value in _files(content):
    yield Damage(kind, path, value, "")
  for size in range(1, 10):
    yield Damage(f"the first {size} tenths", path, content[: len(content) * size // 10], "")
  place = content.index(arrays[name].tobytes())
  yield Damage("a bit of a weight", path, content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :], "")
  for field, old in state.items():
    values = list(_WRONG.get(type(old), [None, 3, "a", [], {"mle": None}]))
    if field in ("rounds", "scheduled", "updates"):
      values += [{"mle": "a"}, {"mle": -1}, {"mle": 10**30}]
    elif field in ("epoch", "window"):  # Sums of metrics.
      values += [{"mle": "a"}]
    elif field == "ended_early":
      values += [{"mle": 3}]
    if isinstance(old, float):  # Before the first evaluation it is infinite.
      values = [value for value in values if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value]
    elif isinstance(old, int):
      values += [-1, 10**12]
    for value in values:
      yield damage(f"{field} is {_short(value)}", {"run_state": _state({**state, field: value})}, field)
    yield damage(f"{field} is missing", {"run_state": _state({key: state[key] for key in state if key != field})}, f"{field} is missing")
  yield damage("more rounds than steps", {"run_state": _state({**state, "round": 10**9})}, "round is 1000000000")
  yield damage("a state with an unknown key", {"run_state": _state({**state, "speed": 3})}, "speed")
  for value in ("", "{", "[]", "3", "null", _NESTED):
    yield damage(f"a state of {_short(value)}", {"run_state": np.array(value)}, "")
  yield damage("a state that is a number", {"run_state": np.array(3.0)}, "run state")
  yield damage("no state", {}, "run state", left_out="run_state")
  yield damage("no weights of one name", {}, name, left_out=name)
  yield damage("weights too many", {"generator/99/kernel": np.zeros(3)}, "generator/99/kernel")
  yield damage("a name with a line break", {"generator/9\n9/kernel": np.zeros(3)}, "generator/9\\n9/kernel")
  yield damage("an optimizer's kept weights", {f"kept/{name}": np.zeros(3, np.float32)}, "kept/")
  old = arrays[name]
  for kind, value in (
    ("float64", old.astype(np.float64)), ("float16", old.astype(np.float16)), ("big-endian", old.astype(">f4")), ("integers", old.astype(np.int32)),
    ("text", np.full(old.shape, "abc")), ("bytes", np.full(old.shape, b"abc")), ("complex", old.astype(np.complex64)),
    ("dates", np.zeros(old.shape, "M8[s]")), ("records", np.zeros(old.shape, [("a", "f4")])), ("raw", np.zeros(old.shape, "V4")),
    ("a dimension more", old[None]), ("a row less", old[1:]), ("a scalar", np.float32(0.0)), ("none", old[:0]),
  ):  # fmt: skip
    yield damage(f"weights are {kind}", {name: value}, name)
  for number in (np.nan, np.inf, -np.inf):
    value = old.copy()
    value.flat[-1] = number
    yield damage(f"a weight is {number}", {name: value}, f"{name} holds numbers that are not finite")
  slot = next(name for name in arrays if "optimizer" in name and arrays[name].dtype.kind == "f" and arrays[name].ndim)
  yield damage("a slot is nan", {slot: np.full_like(arrays[slot], np.nan)}, f"{slot} holds numbers that are not finite")
  huge = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}
  for kind, header in (
    ("4 TB", huge), ("a negative shape", {**huge, "shape": (-1, 4)}), ("an endless shape", {**huge, "shape": (10**30, 0)}),
    ("Fortran's order", {**huge, "shape": old.shape[::-1], "fortran_order": True}), ("objects", {**huge, "descr": "|O"}),
    ("no shape", {"descr": "<f4", "fortran_order": False}), ("a number", 3), ("code", "__import__('os').abort()"), ("nesting", "(" * 5000),
    ("length", "#" * 50_000), ("another type", {**huge, "descr": "<Q99"}),
  ):  # fmt: skip
    yield damage(f"a header of {kind}", {}, name, raw={name: _header(header) + old.tobytes()})
  yield damage("pickled weights", {}, name, raw={name: _pickled(old)})
  yield damage("no header", {}, name, raw={name: old.tobytes()})
  yield damage("compressed", {}, "compressed", method=zipfile.ZIP_DEFLATED)
  yield damage("a zip bomb", {"kept/a": np.zeros(10_000_000)}, "compressed", method=zipfile.ZIP_DEFLATED)
  yield damage("a name twice", {}, "twice", twice=name)
  yield damage("a file that is no array", {}, "", extra=("notes.txt", b"abc"))


def corpora(files: dict[str, bytes], size: int) -> Iterator[Damage]:
  """Damages of the files, name to content, in the folder `corpus` of a run on text from Python with a vocabulary of `size`."""
  about = json.loads(files["corpus.json"])
  for kind, value in _files(files["corpus.json"]):
    yield Damage(kind, "corpus/corpus.json", value, "")
  for field, old in about.items():
    for value in (*_WRONG[type(old)], *([["a", "a"], [""]] if isinstance(old, list) else [])):
      yield Damage(f"{field} is {_short(value)}", "corpus/corpus.json", _json({**about, field: value}), "categor" if field == "categories" else field)
  name = "validation_tokens.npy"
  path, tokens = f"corpus/{name}", np.load(io.BytesIO(files[name]))
  for kind, value in _files(files[name]):
    yield Damage(kind, path, value, "")
  for kind, value in (
    ("int64", tokens.astype(np.int64)), ("float", tokens.astype(np.float32)), ("text", np.full(tokens.shape, "a")), ("too short", tokens[:, 1:]),
    ("flat", tokens.ravel()), ("none", tokens[:0]), ("negative", tokens - 9), ("too large", tokens + size),
  ):  # fmt: skip
    yield Damage(f"ids are {kind}", path, _npy(value), "it holds ")
  yield Damage("4 TB", path, _header({"descr": "<i4", "fortran_order": False, "shape": (10**12 // len(tokens), len(tokens[0]))}) + b"abc", "it holds")
  yield Damage("pickled", path, _pickled(tokens), "objects")


def _files(content):
  """What can happen to any file: name and content."""
  yield "empty", b""
  yield "cut", content[: len(content) // 2]
  yield "without its end", content.rstrip()[:-1]
  yield "zeros", bytes(len(content))
  yield "noise", np.random.default_rng(0).bytes(1000)
  yield "UTF-16", b"\xff\xfe" + content.decode("latin-1").encode("utf-16-le")
  yield "nested deeply", _NESTED.encode()
  for value in (b"null", b"3", b"[]", b"{}", b'"a"', b"[" * 100_000, b"{'a': 1}", b"NaN"):
    yield f"other JSON, {value[:10]!r}", value


def _json(value) -> bytes:
  """JSON with numbers of any length, NaN and halves of surrogate pairs."""
  return json.dumps(value, default=str).encode() if not _has_long(value) else json.dumps(_marked(value)).replace('"<long>"', "1" * 5001).encode()


def _has_long(value):
  if isinstance(value, dict):
    return any(map(_has_long, value.values()))
  return isinstance(value, int) and abs(value) >= 10**4000 or isinstance(value, list) and any(map(_has_long, value))


def _marked(value):
  if isinstance(value, dict):
    return {name: _marked(part) for name, part in value.items()}
  if isinstance(value, list):
    return [_marked(part) for part in value]
  return "<long>" if _has_long(value) else value


def _with(value: Any, place: tuple[str, ...], new: Any) -> Any:
  value = copy.deepcopy(value)
  inner = value
  for name in place[:-1]:
    inner = inner[name]
  inner[place[-1]] = new
  return value


def _without(value, place):
  value = _with(value, place, None)
  inner = value
  for name in place[:-1]:
    inner = inner[name]
  del inner[place[-1]]
  return value


def _short(value):
  return "a long integer" if _has_long(value) else repr(value)[:40]


def _state(value):
  return np.array(_json(value).decode())


def _npy(array, pickled=False):
  file = io.BytesIO()
  np.save(file, array, allow_pickle=pickled)
  return file.getvalue()


def _pickled(array):
  return _npy(array.astype(object), pickled=True)


def _header(value):
  text = value if isinstance(value, str) else repr(value)
  text = text.encode() + b"\n"
  version = (1, 0) if len(text) < 2**16 else (2, 0)
  return b"\x93NUMPY" + bytes(version) + len(text).to_bytes(2 if version == (1, 0) else 4, "little") + text


def _npz(arrays, left_out=None, raw=None, method=zipfile.ZIP_STORED, twice=None, extra=None):
  """An archive of arrays, with the bytes of some of them replaced (`raw`)."""
  file = io.BytesIO()
  with zipfile.ZipFile(file, "w", method) as archive:
    for name, array in arrays.items():
      if name != left_out:
        archive.writestr(f"{name}.npy", (raw or {}).get(name) or _npy(array))
    if twice:
      archive.writestr(f"{twice}.npy", _npy(arrays[twice]))
    if extra:
      archive.writestr(*extra)
  return file.getvalue()

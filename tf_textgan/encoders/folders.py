"""Reads a sentence encoder's folder as sentence-transformers and transformers save it, the weights excepted. B sentences, T tokens, E embedding.

| file | read for |
|---|---|
| tokenizer.json | the tokenizer, by the package tokenizers |
| sentence_bert_config.json, tokenizer_config.json, config.json | the most tokens of a sentence |
| modules.json, 1_Pooling/config.json | pooling, and whether embeddings are scaled to length 1 |

Without the last two the embedding is the mean over the tokens. Prompts (config_sentence_transformers.json) are not added. All files but
tokenizer.json are optional. No code of a folder is run.
"""

from collections.abc import Sequence
import os
from typing import NamedTuple

import numpy as np

from tf_textgan import errors
from tf_textgan import presets

# Names of pooling in 1_Pooling/config.json, since version 5.4 of sentence-transformers and before.
_MODES = {
  "mean": "pooling_mode_mean_tokens",
  "cls": "pooling_mode_cls_token",
  "max": "pooling_mode_max_tokens",
  "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
  "weightedmean": "pooling_mode_weightedmean_tokens",
  "lasttoken": "pooling_mode_lasttoken",
}
_SUPPORTED = ("mean", "cls", "max")
# With fewer, some tokenizers have room for the start and end token only.
_LEAST_TOKENS = 3


class Tokens(NamedTuple):
  """Tokens of a batch, padded on the right to the longest sentence."""

  # int64 [B, T].
  ids: np.ndarray
  # int64 [B, T], 0 at padding.
  mask: np.ndarray
  # int64 [B, T], the segment's number: 0, unless the tokenizer says otherwise.
  types: np.ndarray


class Tokenizer:
  """A folder's tokenizer.json, with the special tokens that it adds, truncated to the most tokens that the folder's files allow."""

  def __init__(self, name: str, folder: str):
    """Reads the folder.

    Args:
      name: of the encoder, for the messages.
      folder: path, with a tokenizer.json.

    Raises:
      ImportError: the package tokenizers is not installed.
      UserError: a file cannot be read.
    """
    import tokenizers  # An optional dependency.

    path = os.path.join(folder, "tokenizer.json")
    try:
      self._tokenizer = tokenizers.Tokenizer.from_file(path)
    except Exception as error:  # It raises Exception itself.
      raise errors.UserError(f"the encoder {name} expected a tokenizer of the package tokenizers in {path}: {errors.first_line(error)}") from error
    self._name = name
    self._padding = (self._tokenizer.padding or {}).get("pad_id", 0)
    self._tokenizer.no_padding()
    limit = _limit(name, folder, (self._tokenizer.truncation or {}).get("max_length"))
    self._tokenizer.no_truncation()
    if limit:
      self.limit(limit)

  def __call__(self, sentences: Sequence[str]) -> Tokens:
    """Tokenizes B sentences."""
    rows = self._encode(sentences)
    shape = len(rows), max(1, *(len(row.ids) for row in rows))
    tokens = Tokens(np.full(shape, self._padding, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    for number, row in enumerate(rows):
      length = len(row.ids)
      tokens.ids[number, :length], tokens.mask[number, :length], tokens.types[number, :length] = row.ids, 1, row.type_ids
    return tokens

  def limit(self, length: int) -> None:
    """Truncates sentences to a number of tokens, unless they already are to fewer."""
    truncation = self._tokenizer.truncation
    self._tokenizer.enable_truncation(min(length, truncation["max_length"]) if truncation else length)

  def check(self, embeddings: int) -> None:
    """Raises `UserError` if there are ids beyond a number of embeddings."""
    size = max(self._tokenizer.get_vocab().values(), default=-1) + 1
    if size > embeddings:
      raise errors.UserError(f"the encoder {self._name} has a tokenizer.json with {size} ids, but a model of {embeddings}")

  def lengths(self, sentences: Sequence[str]) -> list[int]:
    """Counts each sentence's tokens."""
    return [len(row.ids) for row in self._encode(sentences)]

  def _encode(self, sentences):
    try:
      return self._tokenizer.encode_batch(list(sentences))
    except Exception as error:  # See above.
      reason = errors.first_line(error)
      raise errors.UserError(f"the encoder {self._name} has a tokenizer.json that cannot read these sentences: {reason}") from error


def _limit(name, folder, truncation):
  """Returns the most tokens of a sentence; None if no file says it. sentence-transformers has its own length take precedence over the tokenizer's."""
  own = _number(name, folder, "sentence_bert_config.json", "max_seq_length")
  limits = [
    truncation if own is None else own,
    _number(name, folder, "tokenizer_config.json", "model_max_length"),
    _number(name, folder, "config.json", "max_position_embeddings"),
  ]
  limits = [limit for limit in limits if limit is not None]
  # A tokenizer without a limit has 1e30.
  limit = min(limits, default=2**31)
  if limit < _LEAST_TOKENS:
    raise errors.UserError(f"the encoder {name} expected sentences of {_LEAST_TOKENS} tokens or more, but the files in {folder} allow {limit}")
  return int(limit) if limit < 2**31 else None


def _number(name, folder, file, key):
  value = presets.read(f"the encoder {name}", folder, file).get(key)
  if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value != value):
    raise errors.UserError(f"the encoder {name} expected a number as {key} in {os.path.join(folder, file)}, but got {str(value)[:40]!r}")
  return value


class Pooling:
  """The step from the states of all tokens to a sentence's embedding, as a folder says it."""

  def __init__(self, name: str, folder: str):
    """Reads the folder.

    Args:
      name: of the encoder, for the messages.
      folder: path.

    Raises:
      UserError: a file cannot be read, or the folder has a step that is not supported.
    """
    kinds = {}
    for module in presets.read(f"the encoder {name}", folder, "modules.json", list):
      if not isinstance(module, dict):
        raise errors.UserError(f"the encoder {name} expected an object for each module in {folder}/modules.json, but got {str(module)[:40]!r}")
      # The class's full name; the packages changed.
      kinds[str(module.get("type")).rpartition(".")[2]] = str(module.get("path"))
    others = sorted(kinds.keys() - {"Transformer", "Pooling", "Normalize"})
    if others:
      raise errors.UserError(
        f"the encoder {name} expected the modules Transformer, Pooling and Normalize in {folder}/modules.json, but got also {', '.join(others)}"
      )
    file = os.path.join(kinds.get("Pooling", "1_Pooling"), "config.json")
    config = presets.read(f"the encoder {name}", folder, file)
    given = config.get("pooling_mode", [mode for mode, flag in _MODES.items() if config.get(flag)] or "mean")
    modes = [given] if isinstance(given, str) else given
    if not isinstance(modes, list) or len(modes) != 1 or modes[0] not in _SUPPORTED:
      raise errors.UserError(f"the encoder {name} expected one of the poolings {', '.join(_SUPPORTED)} in {folder}/{file}, but got {str(given)[:60]}")
    (self._mode,) = modes
    self._normalized = "Normalize" in kinds

  def __call__(self, states: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Pools the states of a batch.

    Args:
      states: float `[B, T, E]`.
      mask: `[B, T]`, 0 at padding, which is on the right.

    Returns:
      float32 `[B, E]`; 0 for a sentence without tokens.
    """
    states, counted = np.asarray(states, np.float32), np.asarray(mask, bool)[:, :, None]
    if self._mode == "cls":
      vectors = np.where(counted[:, 0], states[:, 0], 0.0)
    elif self._mode == "max":
      vectors = np.where(counted.any(axis=1), np.where(counted, states, -np.inf).max(axis=1), 0.0)
    else:
      vectors = np.where(counted, states, 0.0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    if self._normalized:
      vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors.astype(np.float32)

"""Reads columns of text from CSV files with a header (RFC 4180), from JSON lines and from lines with tabs, one record at a time."""

from collections.abc import Iterator
from collections.abc import Sequence
import csv
import os
from typing import Any

from tf_textgan import errors
from tf_textgan import schema
from tf_textgan.data import text_files


def has_columns(path: str | os.PathLike) -> bool:
  """Whether a file has columns, by its name: .csv or .jsonl."""
  return os.fspath(path).lower().endswith((".csv", ".jsonl"))


def records(path: str | os.PathLike, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
  """Yields the fields of the columns `names`, then those of `labels`, of each record, in order. Blank lines are no records.

  Args:
    path: UTF-8 file whose name `has_columns`.
    names: columns of text. Text may be empty.
    labels: columns of labels: no empty ones; in JSON they may be integers.

  Raises:
    UserError: names the file and the line: it cannot be read or is not UTF-8 text, a column is missing or named twice, a row has another number of
      fields than the header, a quote is never closed, a line is no JSON object, a field is no string, or a label is empty.
  """
  for _, fields in numbered(path, names, labels):
    yield fields


def numbered(path: str | os.PathLike, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[tuple[int, tuple[str, ...]]]:
  """As `records`, but yields pairs of a record's first line, counted from 1, and its fields."""
  read = _csv if os.fspath(path).lower().endswith(".csv") else _jsonl
  for number, record in read(path, (*names, *labels)):
    texts, named = record[: len(names)], tuple(str(label) if type(label) is int else label for label in record[len(names) :])
    for name, field in zip((*names, *labels), texts + named):
      if not isinstance(field, str):
        raise errors.UserError(f"{path}: line {number} has {schema.shown(field)} as {name!r}; expected a string")
    for name, label in zip(labels, named):
      if not label.strip():
        raise errors.UserError(f"{path}: line {number} has an empty label {name!r}")
    yield number, texts + named


def separated(path: str | os.PathLike, count: int) -> Iterator[tuple[int, tuple[str, ...]]]:
  """Yields pairs of a line's number, counted from 1, and its `count` fields, which tabs separate. Blank lines are no records. Quotes are text.

  Raises:
    UserError: names the file and the line: it cannot be read or is not UTF-8 text, or a line has another number of fields.
  """
  for number, line in enumerate(text_files.lines(path, keep_blank=True), 1):
    fields = tuple(line.split("\t"))
    if line.strip() and len(fields) != count:
      raise errors.UserError(f"{path}: line {number} has {len(fields)} column{'s' * (len(fields) > 1)}; expected {count}, separated by a tab")
    if line.strip():
      yield number, fields


def _csv(path, names):
  """Yields pairs of a record's first line and its fields."""
  reader = csv.reader((line + "\n" for line in text_files.lines(path, keep_blank=True)), strict=True)
  header, places = None, ()
  for start, row in _rows(path, reader):
    if header is None:
      header, places = row, [_place(path, start, row, name) for name in names]
    elif len(row) != len(header):
      raise errors.UserError(
        f"{path}: line {start} has {len(row)} fields, but the header {len(header)}; expected as many, and quotes around text with a comma"
      )
    else:
      yield start, tuple(row[place] for place in places)
  if header is None:
    raise errors.UserError(f"{path} has no header; expected the names of its columns on the first line")


def _rows(path, reader):
  """Yields pairs of a row's first line and the row, without blank lines."""
  while True:
    start = reader.line_num + 1
    try:
      row = next(reader, None)
    except csv.Error as error:
      raise errors.UserError(f"{path}: the record that begins on line {start} is no CSV: {_reason(error)}") from error
    if row is None:
      return
    if row:
      yield start, row


def _reason(error):
  """What is wrong with a record, in our words where the package speaks of something else."""
  if "end of data" in str(error):
    return "a quote is never closed"
  if "field limit" in str(error):
    # A quote that is never closed takes in the rest of the file.
    return f"a field is longer than {csv.field_size_limit()} characters, as after a quote that is never closed"
  return "a carriage return outside of quotes" if "new-line" in str(error) else str(error)


def _place(path, line, header, name):
  """The place of a column in the header."""
  if header.count(name) == 1:
    return header.index(name)
  what = "two columns" if name in header else "no column"
  raise errors.UserError(f"{path}: line {line}, the header, has {what} {name!r}; it has {', '.join(header)[:200]}")


def _jsonl(path, names):
  """Yields pairs of a line's number and its fields."""
  for number, line in enumerate(text_files.lines(path, keep_blank=True), 1):
    if line.strip():
      fields = _object(path, number, line)
      yield number, tuple(_field(path, number, fields, name) for name in names)


def _object(path, number, line):
  try:
    fields = schema.parse_json(line)
  except ValueError as error:
    raise errors.UserError(f"{path}: line {number} is no JSON: {error}") from error
  if not isinstance(fields, dict):
    raise errors.UserError(f"{path}: line {number} is {schema.shown(fields)}; expected a JSON object")
  return fields


def _field(path, number, fields: dict[str, Any], name):
  if name not in fields:
    raise errors.UserError(f"{path}: line {number} has no {name!r}; it has {', '.join(fields)[:200] or 'nothing'}")
  field = fields[name]
  if isinstance(field, str):
    if "\0" in field:
      raise errors.UserError(f"{path}: line {number} has a NUL character in {name!r}; expected text")
    try:
      field.encode()
    except UnicodeEncodeError as error:
      raise errors.UserError(f"{path}: line {number} has half of a surrogate pair in {name!r}; expected text") from error
  return field

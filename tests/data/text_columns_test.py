"""Tests of tf_textgan.data.text_columns."""

import re

import pytest

from tf_textgan import errors
from tf_textgan.data import text_columns


def _read(tmp_path, name, content, names=("text",), labels=()):
  path = tmp_path / name
  path.write_bytes(content if isinstance(content, bytes) else content.encode())
  return list(text_columns.records(path, names, labels))


def test_csv(tmp_path):
  content = '\ufeffid,text,"a label"\r\n\r\n1,"a, ""b""\r\nc",x\r\n2,,y\n3, d ,x'
  assert _read(tmp_path, "a.csv", content, ["text"], ["a label"]) == [('a, "b"\nc', "x"), ("", "y"), (" d ", "x")]
  assert _read(tmp_path, "A.CSV", content, ["id", "id"]) == [("1", "1"), ("2", "2"), ("3", "3")]
  assert _read(tmp_path, "a.csv", "text\n") == []


def test_json_lines(tmp_path):
  content = '{"text": "a\\nb \\ud83d\\ude00", "n": 1}\n\n  \n{"n": 0, "text": ""}\r\n'
  assert _read(tmp_path, "a.jsonl", content) == [("a\nb 😀",), ("",)]
  assert _read(tmp_path, "a.jsonl", content, ["text"], ["n"]) == [("a\nb 😀", "1"), ("", "0")]


def test_names():
  assert text_columns.has_columns("a/b.csv") and text_columns.has_columns("b.JSONL") and not text_columns.has_columns("b.json")


@pytest.mark.parametrize(
  ("name", "content", "message"),
  [
    ("a.csv", "", "a.csv has no header; expected the names of its columns on the first line"),
    ("a.csv", "\n\nid,txt\n1,a\n", "a.csv: line 3, the header, has no column 'text'; it has id, txt"),
    ("a.csv", "text,text\na,b\n", "a.csv: line 1, the header, has two columns 'text'; it has text, text"),
    ("a.csv", "id,text\n1,a\n2,b, c\n", "a.csv: line 3 has 3 fields, but the header 2; expected as many, and quotes around text with a comma"),
    ("a.csv", "id,text\n1\n", "a.csv: line 2 has 1 fields, but the header 2"),
    ("a.csv", 'id,text\n1,"a\nb"\n2,"c\n3,d\n', "a.csv: the record that begins on line 4 is no CSV: a quote is never closed"),
    ("a.csv", 'text\n"' + "a\n" * 100_000, "a.csv: the record that begins on line 2 is no CSV: a field is longer than 131072 characters, as after"),
    ("a.csv", 'text\n"a"b\n', "a.csv: the record that begins on line 2 is no CSV: "),
    ("a.csv", "text\na\rb\n", "a.csv: the record that begins on line 2 is no CSV: a carriage return outside of quotes"),
    ("a.csv", b"text\na\xff\n", "a.csv is not UTF-8 text: line 2 has the byte 0xff at position 2"),
    ("a.csv", "text\na\0\n", "a.csv is not UTF-8 text: line 2 has a NUL character"),
    ("a.jsonl", '{"text": "a"}\n\n{"text": "b"\n', "a.jsonl: line 3 is no JSON: "),
    ("a.jsonl", "[]\n", "a.jsonl: line 1 is []; expected a JSON object"),
    ("a.jsonl", "[" * 100_000, "a.jsonl: line 1 is no JSON: it is nested too deeply"),
    ("a.jsonl", '{"text": "a"}\n{"txt": "a", "n": 3}\n', "a.jsonl: line 2 has no 'text'; it has txt, n"),
    ("a.jsonl", "{}\n", "a.jsonl: line 1 has no 'text'; it has nothing"),
    ("a.jsonl", '{"text": 3}\n', "a.jsonl: line 1 has 3 as 'text'; expected a string"),
    ("a.jsonl", '{"text": null}\n', "a.jsonl: line 1 has None as 'text'; expected a string"),
    ("a.jsonl", '{"text": "a\\u0000"}\n', "a.jsonl: line 1 has a NUL character in 'text'; expected text"),
    ("a.jsonl", '{"text": "a\\ud800"}\n', "a.jsonl: line 1 has half of a surrogate pair in 'text'; expected text"),
  ],
)
def test_a_mistake_names_the_file_and_the_line(tmp_path, name, content, message):
  with pytest.raises(errors.UserError, match=f"^{re.escape(str(tmp_path))}/{re.escape(message)}"):
    _read(tmp_path, name, content)


@pytest.mark.parametrize(
  ("name", "content", "message"),
  [
    ("a.csv", "text,label\na,\n", "line 2 has an empty label 'label'"),
    ("a.jsonl", '{"text": "a", "label": " "}\n', "line 1 has an empty label 'label'"),
    ("a.jsonl", '{"text": "a", "label": true}\n', "line 1 has True as 'label'; expected a string"),
    ("a.jsonl", '{"text": "a", "label": 0.5}\n', "line 1 has 0.5 as 'label'; expected a string"),
  ],
)
def test_labels(tmp_path, name, content, message):
  with pytest.raises(errors.UserError, match=re.escape(message)):
    _read(tmp_path, name, content, ["text"], ["label"])

"""Tests of tf_textgan.commands.generate."""

import io

from tf_textgan.commands import generate


def test_a_sentence_is_a_line_whatever_it_holds(capsys):
  file = io.StringIO()
  generate._write_lines(["a b", "a\nb\r\n", "\0", "\u2028"], file)
  assert file.getvalue() == "a b\na b  \n \n\u2028\n"
  assert capsys.readouterr().err == "2 of 4 sentences have a line break or a NUL, written as a space; --format jsonl keeps them\n"
  generate._write_lines(["a"], file)
  assert not capsys.readouterr().err

"""Tests of tf_textgan.conformance.fields."""

import dataclasses

from tf_textgan.conformance import fields


def test_a_setting_without_a_comment_is_found():
  @dataclasses.dataclass(frozen=True)
  class Config:
    """See the test."""

    # A comment.
    commented: int = 1
    bare: int = 2

  assert fields.uncommented_fields(Config) == ["bare"]

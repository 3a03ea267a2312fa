"""The exception for mistakes that the user can fix.

Library code raises `UserError` with a complete sentence: what was expected and what came. Entry points print that sentence on one line and exit with
a non-zero code; any other exception is a bug and keeps its traceback.
"""


import re


class UserError(Exception):
  """A mistake in the user's input; its text states what was expected and what came."""


def first_line(error: BaseException) -> str:
  """The first line of an error's text, or its kind if there is none."""
  return (str(error).strip() or type(error).__name__).splitlines()[0]


def user_error_in(error: Exception) -> UserError | None:
  """The `UserError` inside an error of TensorFlow's, which keeps only the text of an exception in Python code; None if there is none."""
  found = re.search(r"UserError: ([^\n]*)", str(error))
  return UserError(found[1]) if found else None

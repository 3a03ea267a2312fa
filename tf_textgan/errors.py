"""The exception for mistakes that the user can fix.

Library code raises `UserError` with a complete sentence: what was expected and what came. Entry points print that sentence on one line and exit with
a non-zero code; any other exception is a bug and keeps its traceback.
"""


class UserError(Exception):
  """A mistake in the user's input; its text states what was expected and what came."""

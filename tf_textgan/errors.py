"""The one exception that means "the user can fix this".

Library code raises `UserError` with a complete sentence: what was expected and what came. Entry points print that sentence on one line
and exit with a non-zero code; every other exception is a bug and keeps its traceback.
"""


class UserError(Exception):
  """A mistake in what the user passed; its text says what was expected and what came."""

"""Tests of tf_textgan.commands.quiet."""

import subprocess
import sys

from tests import shell

_PROGRAM = """
import os, sys
from tf_textgan.commands import quiet
quiet._open_closed_streams()
print("text"), print("message", file=sys.stderr)
with open(sys.argv[1], "w") as file:
  assert file.fileno() > 2
  file.write("ok")
"""


def test_streams_that_the_shell_has_closed(tmp_path):
  command = f"exec {sys.executable} -c '{_PROGRAM}' {tmp_path}/out"
  for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
    (tmp_path / "out").unlink(missing_ok=True)
    done = subprocess.run(["sh", "-c", f"{command} {closed}"], capture_output=True, text=True, env=shell.environment(), cwd=shell.ROOT)
    expected = "" if " >&-" in f" {closed}" else "text\n", "" if "2>&-" in closed else "message\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, *expected), closed
    assert (tmp_path / "out").read_text() == "ok"

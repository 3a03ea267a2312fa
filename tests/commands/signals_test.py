"""Tests of tf_textgan.commands.signals: in processes that only wait, since the real commands take seconds to start."""

import signal
import subprocess
import sys

import pytest

from tests import shell

_SCRIPT = """
import sys, time
from tf_textgan.commands import signals
sys.argv = ["/place/train.py"]

def wait():
  print("ready", flush=True)
  time.sleep(30)

class Waits:
  def __del__(self):
    wait()

signals.exit_while_starting()
if {starting}:
  wait()
with signals.stopping():
  try:
    if {destructor}:
      del [Waits()][0]
      time.sleep(30)
    wait()
  except KeyboardInterrupt as e:
    e.add_note("the same command begins again")
    raise
  finally:
    print("tidied", flush=True)
"""


def _stop(number, **where):
  source = _SCRIPT.format(**{"starting": False, "destructor": False, **where})
  options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": shell.environment()}
  # A test run in the background of a script inherits an ignored SIGINT.
  process = subprocess.Popen([sys.executable, "-c", source], preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **options)
  assert process.stdout.readline() == "ready\n"
  process.send_signal(number)
  return process, *process.communicate(timeout=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_one_line_and_the_shells_exit_code(number):
  process, out, err = _stop(number)
  assert (process.returncode, out) == (128 + number, "tidied\n")
  assert err == f"train.py: stopped by {number.name}; the same command begins again\n"
  process, out, err = _stop(number, starting=True)
  assert (process.returncode, out, err) == (128 + number, "", f"train.py: stopped by {number.name} while starting\n")


def test_a_signal_in_a_destructor_is_not_lost():
  process, out, err = _stop(signal.SIGTERM, destructor=True)
  assert (process.returncode, out) == (143, "tidied\n")
  assert err == "train.py: stopped by SIGTERM; the same command begins again\n"


def test_an_ignored_signal_stays_ignored():
  """As under nohup or, in a script, after `&`."""
  source = _SCRIPT.format(starting=False, destructor=False)
  options = {"stdout": subprocess.PIPE, "text": True, "env": shell.environment()}
  process = subprocess.Popen([sys.executable, "-c", source], preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN), **options)
  process.stdout.readline()
  process.send_signal(signal.SIGINT)
  with pytest.raises(subprocess.TimeoutExpired):
    process.wait(timeout=0.3)
  process.kill()
  process.communicate()

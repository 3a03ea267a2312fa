"""Tests of tf_textgan.commands.demo: the server and its page."""

import http.client
import json
import re
import signal
import threading

import pytest

from tests import shell
from tf_textgan import errors
from tf_textgan.commands import demo
from tf_textgan.commands import demo_page

HOSTILE = "</script><script>alert(1)</script>"


class _Bench:
  """In place of a `workbench.Workbench`."""

  abilities = {"title": HOSTILE, "categories": []}

  def generate(self, request):
    return [{"text": f"{request.num} at {request.temperature}"}]

  def score(self, text):
    raise errors.UserError(f"cannot score {text.text}")


@pytest.fixture(scope="module")
def port():
  with demo.serve(_Bench(), 0) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


def _ask(port, method, path, body=None, **headers):
  connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
  if body is not None:
    headers = {"Content-Type": "application/json", **headers}
  connection.request(method, path, body, headers)
  answer = connection.getresponse()
  return answer.status, answer.read().decode(), answer.headers


REQUEST = {"num": 2, "temperature": 0.5, "nucleus": 1, "category": "", "prompt": "", "guided": False, "seed": 0}


def test_the_page_is_served_and_needs_nothing_else(port):
  status, page, headers = _ask(port, "GET", "/")
  assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
  assert "default-src 'none'" in headers["Content-Security-Policy"]
  assert not re.search(r"https?:|src=|href=|innerHTML", page)


def test_text_of_the_run_cannot_leave_its_place_in_the_page():
  page = demo_page.make({"title": HOSTILE})
  (data,) = re.findall(r'<script type="application/json" id="run">(.*?)</script>', page)
  assert json.loads(data) == {"title": HOSTILE} and page.count("alert(1)") == 1


def test_requests_are_answered(port):
  status, answer, _ = _ask(port, "POST", "/generate", json.dumps(REQUEST))
  assert (status, json.loads(answer)) == (200, [{"text": "2 at 0.5"}])


@pytest.mark.parametrize(
  ("path", "body", "expected"),
  [
    ("/generate", json.dumps({**REQUEST, "num": "2"}), "request.num is '2'; expected an integer"),
    ("/generate", json.dumps({**REQUEST, "more": 1}), "more"),
    ("/generate", "[]", "request is"),
    ("/generate", "{", "Expecting"),
    ("/generate", "1" * 100_001, "expected a request of at most 100000 bytes"),
    ("/score", json.dumps({"text": "a", "category": ""}), "cannot score a"),
  ],
)
def test_a_wrong_request_gets_a_sentence(port, path, body, expected):
  status, answer, _ = _ask(port, "POST", path, body)
  assert status == 400 and expected in json.loads(answer)["error"]


def test_other_sites_and_other_paths_get_nothing(port):
  body = json.dumps(REQUEST)
  assert _ask(port, "GET", "/", Host="evil.example")[0] == _ask(port, "GET", "/", Host=f"evil.example:{port}")[0] == 403
  assert _ask(port, "POST", "/generate", body, Host=f"evil.example:{port}")[0] == 403
  assert _ask(port, "POST", "/generate", body, **{"Content-Type": "text/plain"})[0] == 403
  assert _ask(port, "GET", "/etc/passwd")[0] == _ask(port, "POST", "/", body)[0] == 404


def test_a_port_that_is_taken_is_one_line(port):
  with pytest.raises(errors.UserError, match=f"cannot listen on port {port}: Address already in use; expected a free --port"):
    demo.serve(_Bench(), port)


def test_the_command_serves_a_run_until_a_signal(tmp_path):
  shell.write_text(tmp_path / "text.txt", 60)
  settings = {"dataset": "text_lines", "text_files": tmp_path / "text.txt", "data_dir": tmp_path / "data", **shell.tiny_flags("seqgan")}
  shell.begin(tmp_path / "run", settings)
  process = shell.start("demo", "--workdir", tmp_path / "run", "--port", 0)
  lines = iter(process.stderr.readline, "")
  port = next(int(found[1]) for line in lines if (found := re.match(r"http://127.0.0.1:(\d+)/ shows the run in", line)))
  status, answer, _ = _ask(port, "POST", "/generate", json.dumps(REQUEST))
  assert status == 200 and len(json.loads(answer)) == 2
  process.send_signal(signal.SIGINT)
  assert process.wait(20) == 128 + signal.SIGINT


def test_a_wrong_port_is_refused():
  assert demo.parse(["demo.py", "--port", "0"]).port == 0
  with pytest.raises(errors.UserError, match="--port is 65536; expected 0 to 65535"):
    demo.parse(["demo.py", "--port", "65536"])

"""Serves a page on this machine, to play with a trained run in the browser: sampling settings, prompts, the discriminator's view of each token."""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

from collections.abc import Sequence
import dataclasses
import http.server
import json
import sys
from typing import Any

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import runs
from tf_textgan import schema
from tf_textgan.commands import cli
from tf_textgan.commands import demo_page
from tf_textgan.commands import flags
from tf_textgan.commands import workbench
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.training import checkpoints

_MOST_BYTES = 100_000
# The page is all of itself: no other host, no frame.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'"


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # Folder of the run.
  workdir: str = "runs/default"
  # Checkpoint: "best", "latest", "likelihood" (the end of a GAN's pretraining), or the step of one kept by --keep_checkpoints.
  checkpoint: str = "best"
  # Port of this machine to listen on; 0 for a free one.
  port: int = 7860
  # Modules of your own to import first, separated by commas, such as one with the TFDS builder of a run's dataset.
  imports: str = ""
  # Import the users' modules named in the run's config.json, which runs their code. Otherwise only the modules of --imports are allowed.
  trust_config: bool = False

  def __post_init__(self):
    checkpoints.check(self.checkpoint)
    files.check_path(self.workdir)
    if not 0 <= self.port < 65536:
      raise errors.UserError(f"--port is {self.port}; expected 0 to 65535")


def serve(bench: workbench.Workbench, port: int) -> http.server.ThreadingHTTPServer:
  """A server of the page and of its requests on this machine, for no other one; call its `serve_forever`.

  Args:
    bench: generates and scores.
    port: to listen on; 0 for a free one.

  Raises:
    UserError: the port is taken.
  """
  answers = {
    "/generate": lambda values: bench.generate(_read(workbench.Request, values)),
    "/score": lambda values: bench.score(_read(workbench.Text, values)),
  }
  page = demo_page.make(bench.abilities).encode()

  class Handler(http.server.BaseHTTPRequestHandler):
    """Answers this page's requests."""

    def do_GET(self):  # noqa: N802, the name in http.server.
      if self._allowed() and self._known(self.path == "/"):
        self._send(200, "text/html; charset=utf-8", page)

    def do_POST(self):  # noqa: N802
      # Another site's form cannot send JSON without asking.
      if self._allowed(self.headers.get_content_type() == "application/json") and self._known(self.path in answers):
        try:
          self._json(200, answers[self.path](json.loads(self._body())))
        except (errors.UserError, ValueError) as e:
          self._json(400, {"error": str(e)})

    def _body(self):
      size = self.headers.get("Content-Length", "")
      if not size.isdecimal() or int(size) > _MOST_BYTES:
        raise errors.UserError(f"expected a request of at most {_MOST_BYTES} bytes")
      return self.rfile.read(int(size))

    def _allowed(self, also=True):
      """Whether the request is for this machine by name: another site's name may be made to point here."""
      good = also and self.headers.get("Host", "") in (f"{host}:{server.server_port}" for host in ("127.0.0.1", "localhost"))
      if not good:
        self._json(403, {"error": f"expected a request of the page http://127.0.0.1:{server.server_port}/"})
      return good

    def _known(self, known):
      if not known:
        self._json(404, {"error": f"there is no {self.path}"})
      return known

    def _json(self, code, value):
      self._send(code, "application/json", files.as_json(value, indent=None).encode())

    def _send(self, code, kind, content):
      self.send_response(code)
      headers = {"Content-Type": kind, "Content-Length": str(len(content)), "Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
      for name, value in headers.items():
        self.send_header(name, value)
      self.end_headers()
      self.wfile.write(content)

    def log_message(self, format, *args):
      """Prints no line for each request."""

  try:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
  except OSError as e:
    raise errors.UserError(f"cannot listen on port {port}: {e.strerror}; expected a free --port, or 0 for any") from e
  server.daemon_threads = True
  return server


def _read(cls, values):
  return cls(**schema.arguments(cls, values, "request"))


def main(options: Options) -> None:
  """Loads the run and serves the page until a signal."""
  experiment_lib.import_all(options.imports)
  bench = workbench.Workbench(runs.load(options.workdir, options.checkpoint, options.trust_config))
  with serve(bench, options.port) as server:
    print(f"http://127.0.0.1:{server.server_port}/ shows the run in {options.workdir}; Ctrl-C ends it", file=sys.stderr, flush=True)
    server.serve_forever()


def parse(argv: Sequence[str]) -> Any:
  """Parses a command line into `Options`."""
  return flags.parse_options(argv, Options, __doc__)


def run() -> None:
  """The command `demo.py`."""
  cli.run(parse, main)

"""Serves a SavedModel over HTTP, with TensorFlow and Python's standard library alone: python examples/serving.py --export runs/default/export

  curl 'localhost:8000/generate?num=3&temperature=0.8&seed=7'
  curl 'localhost:8000/complete?prompt=a%20man&num=3'
  curl localhost:8000/score -d '["a man rides a horse ."]'

For one machine and its users: no TLS, no passwords. Larger loads: TensorFlow Serving reads the same folder.
"""

import argparse
import http.server
import json
import math
import os
import sys
import urllib.parse

import tensorflow as tf

MOST_SENTENCES, MOST_BYTES = 1000, 1_000_000


class WrongRequest(ValueError):
  """A request that cannot be answered; the message is one sentence."""


def _number(query, name, default, kind, low, high):
  text = query.get(name, [default])[-1]
  try:
    value = kind(text)
  except ValueError:
    raise WrongRequest(f"{name} is {text!r}; expected a number") from None
  if not (math.isfinite(value) and low <= value <= high):
    raise WrongRequest(f"{name} is {text}; expected {low} to {high}")
  return value


def _drawn(model, name, query, **arguments):
  """The texts that a signature draws, with their log-probabilities, nats."""
  if name not in model.signatures:
    raise WrongRequest(f"this SavedModel has no {name}; it has {', '.join(sorted(model.signatures))}")
  try:
    drawn = model.signatures[name](
      **arguments,
      temperature=tf.constant(_number(query, "temperature", "1", float, 0, 100), tf.float32),
      seed=tf.constant(_number(query, "seed", "0", int, 0, 2**32 - 1), tf.int64),
    )
  except tf.errors.InvalidArgumentError as e:  # A text that does not fit; the reason stands between lines on the graph.
    raise WrongRequest(e.message.partition("assertion failed: ")[2].partition("\n")[0]) from None
  return [{"text": text.decode(), "log_prob": float(log_prob)} for text, log_prob in zip(drawn["text"].numpy(), drawn["log_prob"].numpy())]


def _num(query):
  return _number(query, "num", "1", int, 1, MOST_SENTENCES)


def _text(query, name):
  if name not in query:
    raise WrongRequest(f"expected {name}, a text")
  return query[name][-1]


def generate(model, query):
  """Answers `/generate`: a list of sentences with their log-probabilities."""
  return _drawn(model, "generate", query, num=tf.constant(_num(query)))


def complete(model, query):
  """Answers `/complete`: a list of sentences that begin with a prompt, with the log-probabilities of what follows it."""
  return _drawn(model, "complete", query, prompt=tf.constant([_text(query, "prompt")]), num=tf.constant(_num(query)))


def fill(model, query):
  """Answers `/fill`: a list of ways to fill the blanks of a text, with the log-probabilities of what is in them."""
  return _drawn(model, "fill", query, text=tf.constant([_text(query, "text")] * _num(query)))


def score(model, body):
  """Answers `/score`: the scores of a JSON list of sentences, each a list of numbers."""
  try:
    sentences = json.loads(body)
  except ValueError as e:
    raise WrongRequest(f"the body is no JSON: {e}") from None
  if not (isinstance(sentences, list) and sentences and all(isinstance(sentence, str) for sentence in sentences)):
    raise WrongRequest("expected a JSON list of sentences")
  if len(sentences) > MOST_SENTENCES:
    raise WrongRequest(f"the list has {len(sentences)} sentences; expected {MOST_SENTENCES} or fewer")
  return {name: values.numpy().tolist() for name, values in model.signatures["score"](text=tf.constant(sentences)).items()}


class Handler(http.server.BaseHTTPRequestHandler):
  """Answers with JSON; what is wrong with a request is `{"error": ...}` and status 400."""

  def do_GET(self):
    address = urllib.parse.urlsplit(self.path)
    known = {"/generate": generate, "/complete": complete, "/fill": fill}.get(address.path)
    self._answer(known is not None, lambda: known(self.server.model, urllib.parse.parse_qs(address.query)))

  def do_POST(self):
    self._answer(self.path == "/score", lambda: score(self.server.model, self._body()))

  def _body(self):
    length = int(self.headers.get("Content-Length", 0))
    if length > MOST_BYTES:
      raise WrongRequest(f"the body has {length} bytes; expected {MOST_BYTES} or fewer")
    return self.rfile.read(length)

  def _answer(self, known, answer):
    status, content = 404, {"error": "expected GET /generate, /complete or /fill, or POST /score"}
    if known:
      try:
        status, content = 200, answer()
      except WrongRequest as e:
        status, content = 400, {"error": str(e)}
    data = json.dumps(content).encode()
    self.send_response(status)
    self.send_header("Content-Type", "application/json")
    self.send_header("Content-Length", str(len(data)))
    self.end_headers()
    self.wfile.write(data)

  def log_message(self, *_):
    """Writes no line for each request."""


def server(export, port):
  """A server of the SavedModel in a folder, for requests of this machine; port 0 is any free one."""
  made = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
  made.model = tf.saved_model.load(export)
  return made


def parse(argv):
  """Reads the command line."""
  parser = argparse.ArgumentParser(prog=argv[0], description=__doc__.splitlines()[0])
  parser.add_argument("--export", default="runs/default/export", help="folder of the SavedModel")
  parser.add_argument("--port", type=int, default=8000, help="port of this machine; 0 for any free one")
  return parser.parse_args(argv[1:])


def main(options):
  if not os.path.exists(os.path.join(options.export, "saved_model.pb")):
    print(f"serving.py: --export is {options.export}; expected the folder of a SavedModel, such as runs/default/export", file=sys.stderr)
    sys.exit(2)
  with server(options.export, options.port) as serving:
    print(f"http://127.0.0.1:{serving.server_port}/generate?num=3", file=sys.stderr)
    serving.serve_forever()


if __name__ == "__main__":
  main(parse(sys.argv))

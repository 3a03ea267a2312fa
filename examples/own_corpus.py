"""Your own text, from a file to a SavedModel: python -m examples.own_corpus --text_file my.txt --workdir runs/own

Without --text_file the text is 5,000 sentences of the library's caption grammar, written into --workdir first.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import dataclasses
import pathlib
import sys

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import runs
from tf_textgan.commands import cli
from tf_textgan.commands import flags
from tf_textgan.data import caption_rules
from tf_textgan.data import grammar


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # UTF-8 text, one sentence a line; empty for sentences of the caption grammar.
  text_file: str = ""
  # Folder for the run.
  workdir: str = "runs/own_corpus"
  # Steps of maximum likelihood.
  steps: int = 1500
  # Size of the generator's hidden state.
  hidden_size: int = 64
  # Random seed.
  seed: int = 0


def write_captions(path: pathlib.Path) -> None:
  """Writes 5,000 sentences of the caption grammar."""
  rules, random = grammar.parse(caption_rules.text()), np.random.default_rng(0)
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text("".join(" ".join(rules.sample(random)) + "\n" for _ in range(5000)), encoding="utf-8")


def main(options: Options) -> None:
  workdir = pathlib.Path(options.workdir)
  text = pathlib.Path(options.text_file or workdir / "captions.txt")
  if not options.text_file:
    write_captions(text)
  if not text.is_file():
    raise errors.UserError(f"--text_file is {text}; expected a file of text, one sentence a line")

  # A language model by maximum likelihood: the baseline of every text GAN, and often the best of them.
  experiment = runs.make(
    algorithm="mle", dataset="text_lines", text_files=str(text), mle_steps=options.steps, evaluations=5, seed=options.seed,
    generator_embedding_size=options.hidden_size, generator_hidden_size=options.hidden_size, workdir=str(workdir / "run"),
  )  # fmt: skip
  runs.train(experiment) or sys.exit()  # Stopped by a signal: the same command goes on.

  # The SavedModel needs neither the run nor this library.
  model = tf.saved_model.load(str(workdir / "run" / "export"))
  generated = model.signatures["generate"](num=tf.constant(5), temperature=tf.constant(0.8), seed=tf.constant(7, tf.int64))
  for sentence, log_prob in zip(generated["text"].numpy(), generated["log_prob"].numpy()):
    print(f"{log_prob:8.2f}  {sentence.decode()}")
  scores = model.signatures["score"](text=generated["text"])
  print("log-probabilities at temperature 1:", np.round(scores["log_prob"].numpy(), 2))


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse_options(argv, Options, __doc__), main)

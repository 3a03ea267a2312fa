"""Writes sentences with a trained run, one on a line."""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import dataclasses
import itertools
import json
import math
import sys
from typing import Literal

import simple_parsing
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import runs
from tf_textgan.commands import cli
from tf_textgan.commands import flags
from tf_textgan.generators import guided
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import export
from tf_textgan.sampling import pickers
from tf_textgan.training import checkpoints

_MOST = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # Folder of the run; of several, given one after the other, the generators write together: a token's probability is the mean of theirs. Without
  # any: runs/default.
  workdir: list[str] = simple_parsing.field(default_factory=list, action="append")
  # Sentences to write.
  num: int = 10
  # Divides the logits: below 1 safer and more alike, above 1 more varied; 0 takes the most probable token. Default: as the algorithm samples.
  temperature: float | None = None
  # Category to write in, one of the run's; empty for all of them alike.
  category: str = ""
  # Draw among this many most probable tokens only; 0 keeps all.
  top_k: int = 0
  # Draw among the fewest tokens that have this probability together; 1 keeps all.
  nucleus: float = 1.0
  # The same seed writes the same sentences.
  seed: int = 0
  # Which checkpoint to use: "best", "latest", or the step of one that --keep_checkpoints has kept.
  checkpoint: str = "best"
  # "text", or "jsonl": an object on each line with text, log_prob (nats, as drawn; with a guide as proposed) and, of a run with categories, category,
  # with a guide score, the discriminator's logit times --guide_strength.
  format: Literal["text", "jsonl"] = "text"
  # File to write to; empty for the standard output.
  output: str = ""
  # Modules of your own to import first, separated by commas, such as one with the TFDS builder of a run's dataset.
  imports: str = ""
  # Import the modules from outside the library that the run's config.json names, which runs their code. Without it only those of --imports.
  trust_config: bool = False

  def __post_init__(self):
    checkpoints.check(self.checkpoint)


def picker_of(temperature, top_k, nucleus):
  """The picker that the flags ask for; None for the generator's own."""
  if temperature is None and not top_k and nucleus == 1.0:
    return None
  temperature = 1.0 if temperature is None else temperature
  for name, value, fine, expected in (
    ("temperature", temperature, 0 <= temperature < math.inf, "a finite number, 0 or more"),
    ("top_k", top_k, top_k >= 0, "0 or more"),
    ("nucleus", nucleus, 0 < nucleus <= 1, "above 0 and at most 1"),
  ):
    if not fine:
      raise errors.UserError(f"--{name} is {value}; expected {expected}")
  return pickers.Categorical(temperature, top_k, nucleus)


def category_of(name, categories, workdir):
  """The place of a category among those of a run, an int32 tensor; None for an empty name."""
  if not name:
    return None
  if not categories:
    raise errors.UserError(f"--category is {name!r}, but the run in {workdir} has no categories")
  if name not in categories:
    raise errors.UserError(f"--category is {name!r}; the run in {workdir} has {', '.join(categories)}")
  return tf.constant(categories.index(name))


def repeated(values):
  """The values of a flag that may be given several times, which comes as a list for each time."""
  return list(itertools.chain.from_iterable(values))


def check_num(num):
  """Raises a `UserError` unless a number of sentences is one that TensorFlow can count to."""
  if not 1 <= num <= _MOST:
    raise errors.UserError(f"--num is {num}; expected at least 1 and at most {_MOST}")


def main(parts):
  """Loads the run, writes the sentences."""
  options = parts.options
  check_num(options.num)
  experiment_lib.import_all(options.imports)
  picker = picker_of(options.temperature, options.top_k, options.nucleus)
  workdirs = repeated(options.workdir) or ["runs/default"]
  loaded = {workdir: runs.load(workdir, options.checkpoint, options.trust_config) for workdir in workdirs}
  run = loaded[workdirs[0]]
  generator = runs.combine(loaded) if len(loaded) > 1 else run.algorithm.generator
  names = generator.spec.categories
  category = category_of(options.category, names, workdirs[0])
  num, seed = tf.constant(options.num), export.generation_seed(options.seed)
  guide = parts.guide.guide
  writer = generator if guide == "none" else runs.guide(generator, run, parts.guide, options.checkpoint, options.trust_config)
  generated = tf.function(writer.write, autograph=False)(num, seed, picker, category)
  sentences = run.tokenizer.decode(generated.tokens.numpy())
  if options.format == "jsonl":
    lines = [{"text": text, "log_prob": round(float(value), 6)} for text, value in zip(sentences, generated.log_probs.numpy())]
    for line, place in zip(lines, generated.context.numpy() if names else ()):
      line["category"] = names[place]
    for line, score in zip(lines, () if generated.scores is None else generated.scores.numpy()):
      line["score"] = round(float(score), 6)
    sentences = [json.dumps(line, ensure_ascii=False) for line in lines]
  text = "".join(sentence + "\n" for sentence in sentences)
  if options.output:
    with open(options.output, "w", encoding="utf-8") as file:
      file.write(text)
  else:
    sys.stdout.write(text)
    sys.stdout.flush()
  if generated.proposals is not None:
    share = generated.accepted.numpy().mean()
    accepted = f"; {share:.1%} of the sentences were accepted within {parts.guide.candidates}" if guide == "rejection" else ""
    print(f"{guide}: {float(generated.proposals) / options.num:.2f} candidates for each sentence{accepted}", file=sys.stderr)


def run():
  """The command `generate.py`."""
  cli.run(lambda argv: flags.parse_parts(argv, {"options": Options, "guide": guided.Config}, __doc__), main)

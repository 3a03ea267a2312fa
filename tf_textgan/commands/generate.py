"""Generates sentences with a trained run, one on a line."""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import collections
from collections.abc import Iterable
from collections.abc import Sequence
import contextlib
import dataclasses
import itertools
import json
import math
import re
import sys
from typing import Any
from typing import Literal

import numpy as np
import simple_parsing
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import files
from tf_textgan import runs
from tf_textgan import sequences
from tf_textgan.commands import cli
from tf_textgan.commands import completions
from tf_textgan.commands import flags
from tf_textgan.data import text_files
from tf_textgan.generators import guided
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import export
from tf_textgan.runs import filling
from tf_textgan.runs import given_text
from tf_textgan.runs import latent
from tf_textgan.runs import sources
from tf_textgan.sampling import pickers
from tf_textgan.training import checkpoints

_MOST = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # Folder of the run. May be repeated: the generators are then combined, each token's probability being their mean. Default: runs/default.
  workdir: list[str] = simple_parsing.field(default_factory=list, action="append")
  # Number of sentences, of each prompt and each text with blanks. Default: 10; with --beams and --contrastive 1.
  num: int | None = simple_parsing.field(default=None, nargs=None)  # Without `nargs` the flag could stand without a value.
  # Divides the logits: below 1 safer and less varied, above 1 more varied; 0 takes the most probable token. Default: the algorithm's own sampling;
  # with --between and --near 0.
  temperature: float | None = simple_parsing.field(default=None, nargs=None)
  # Category of the sentences, one of the run's; empty for equal shares of all.
  category: str = ""
  # Two sentences: writes the way from one to the other in the latent space of a run that encodes text, in --steps lines.
  between: list[str] = simple_parsing.field(default_factory=list, nargs=2)
  # Lines of --between, the two sentences as the run gives them back among them.
  steps: int = 7
  # A sentence: writes --num neighbours of it in the latent space of a run that encodes text.
  near: str = ""
  # Distance of the neighbours of --near, as a share of the norm of the sentence's own latent.
  radius: float = 0.3
  # A file with a source on each line, for a run of pairs: writes --num targets of each. Without it such a run writes one target of each of the first
  # --num sources of its test split, 10 unless given.
  source_file: str = ""
  # A text with blanks, as in "a man ___ a horse": writes --num ways to fill them, of a run whose generator fills blanks. Three underscores are one
  # token, ___2 are two.
  fill: str = ""
  # A file with a text with blanks on each line: writes --num ways to fill each.
  fill_file: str = ""
  # Sample from this many most probable tokens only; 0 keeps all.
  top_k: int = 0
  # Sample from the smallest set of tokens with this total probability; 1 keeps all.
  nucleus: float = 1.0
  # Allow the token <unk>, which stands for words outside the vocabulary, if the run's training text has it. By default it is never generated: its
  # probability is divided among the other tokens.
  allow_unk: bool = False
  # Random seed: the same seed generates the same sentences.
  seed: int = 0
  # Checkpoint: "best", "latest", "likelihood" (of a GAN, the last before its adversarial phase), or the step of one kept by --keep_checkpoints.
  checkpoint: str = "best"
  # "text", or "jsonl": one object per line. All have text and log_prob (nats, as drawn): of the whole text, of what follows a prompt, of what fills
  # blanks, or with a guide of the proposal. Where there is one: category; source, of pairs; prompt; fill, the text with its blanks; score, with a
  # guide the discriminator's logit times --guide_strength; weight, with --between the second sentence's share.
  format: Literal["text", "jsonl"] = "text"
  # Output file; empty for the standard output.
  output: str = ""
  # Modules of your own to import first, separated by commas, such as one with the TFDS builder of a run's dataset.
  imports: str = ""
  # Import the users' modules named in the run's config.json, which runs their code. Otherwise only the modules of --imports are allowed.
  trust_config: bool = False

  def __post_init__(self):
    checkpoints.check(self.checkpoint)
    checks.seed(self, "seed")


def _moves(parts):
  """Whether sentences are moved in a latent space."""
  return bool(parts.options.between or parts.options.near)


def _fills(parts):
  """Whether blanks are filled."""
  return bool(parts.options.fill or parts.options.fill_file)


_RULES = (
  flags.Rule(("top_k", "nucleus"), lambda p: p.options.temperature != 0, "is for random draws, but --temperature 0 takes the most probable token"),
  flags.Rule(
    ("top_k", "nucleus"),
    lambda p: p.options.temperature is not None or not _moves(p),
    "is for random draws; expected --temperature beside --between or --near",
  ),
  flags.Rule(("steps",), lambda p: bool(p.options.between), "is for --between"),
  flags.Rule(("radius",), lambda p: bool(p.options.near), "is for --near"),
  flags.Rule(("near",), lambda p: not p.options.between, "is a command of its own; expected no --between"),
  flags.Rule(("num",), lambda p: not p.options.between, "is for draws; --between writes --steps lines"),
  flags.Rule(("category", "guide"), lambda p: not _moves(p), "is for draws; expected neither --between nor --near"),
  flags.Rule(("source_file",), lambda p: not _moves(p) and not _fills(p), "is for draws; expected no --between, --near, --fill and --fill_file"),
  flags.Rule(("fill", "fill_file"), lambda p: not _moves(p), "is a command of its own; expected neither --between nor --near"),
  flags.Rule(("fill_file",), lambda p: not p.options.fill, "is a command of its own; expected no --fill"),
  flags.Rule(("category", "guide"), lambda p: not _fills(p), "is for draws; expected neither --fill nor --fill_file"),
  *completions.RULES,
  *flags.GUIDING,
)


def picker_of(temperature: float | None, top_k: int, nucleus: float) -> pickers.Categorical | None:
  """The picker for the flags; None for the generator's own."""
  if temperature is None and not top_k and nucleus == 1.0:
    return None
  temperature = 1.0 if temperature is None else temperature
  for name, value, valid, expected in (
    ("temperature", temperature, 0 <= temperature < math.inf, "a finite number, 0 or more"),
    ("top_k", top_k, top_k >= 0, "0 or more"),
    ("nucleus", nucleus, 0 < nucleus <= 1, "above 0 and at most 1"),
  ):
    if not valid:
      raise errors.UserError(f"--{name} is {value}; expected {expected}")
  return pickers.Categorical(temperature, top_k, nucleus)


def category_of(name: str, categories: Sequence[str], workdir: str) -> tf.Tensor | None:
  """The index of a category of a run, an int32 scalar; None for an empty name."""
  if not name:
    return None
  if not categories:
    raise errors.UserError(f"--category is {name!r}, but the run in {workdir} has no categories")
  if name not in categories:
    raise errors.UserError(f"--category is {name!r}; the run in {workdir} has {', '.join(categories)}")
  return tf.constant(categories.index(name))


def repeated(values: Iterable[list[str]]) -> list[str]:
  """Flattens the values of a repeatable flag, one list for each use; raises a `UserError` if one is no path."""
  paths = list(itertools.chain.from_iterable(values))
  for path in paths:
    files.check_path(path)
  return paths


def judge_of(config: guided.Config, checkpoint: str, trust: bool) -> runs.Run | None:
  """The run with the guiding discriminator; None if it is the guided run itself, or nothing is guided. Arguments and errors as of `runs.load`."""
  return runs.load(config.guide_workdir, checkpoint, trust) if config.guide_workdir else None


def _describe(loaded, checkpoint):
  """Says on the standard error which step and phase the checkpoints of runs are of; passes over None."""
  for run in filter(None, loaded):
    print(run.describe(checkpoint), file=sys.stderr)


def check_num(num: int) -> None:
  """Raises a `UserError` unless a number of sentences is positive and fits into int32."""
  if not 1 <= num <= _MOST:
    raise errors.UserError(f"--num is {num}; expected at least 1 and at most {_MOST}")


def main(parts: Any) -> None:
  """Loads the runs and generates sentences."""
  options = parts.options
  if options.num is not None:
    check_num(options.num)
  experiment_lib.import_all(options.imports)
  picker = picker_of(options.temperature, options.top_k, options.nucleus)
  workdirs = repeated(options.workdir) or ["runs/default"]
  # Opened first: what cannot be written is not generated.
  with files.output(options.output) if options.output else contextlib.nullcontext(sys.stdout) as file:
    _write(parts, picker, workdirs, file)


def _write(parts, picker, workdirs, file):
  """Generates the sentences and writes them to an open file."""
  loaded = {workdir: runs.load(workdir, parts.options.checkpoint, parts.options.trust_config) for workdir in workdirs}
  one_each = bool(loaded[workdirs[0]].algorithm.generator.spec.source_length and not parts.options.source_file)
  options = dataclasses.replace(parts.options, num=completions.number(parts.completion, parts.options.num, one_each))
  if _moves(parts):
    _write_moved(options, picker, loaded, file)
    return
  if _fills(parts):
    _write_filled(options, picker, loaded, file)
    return
  run, every_run = loaded[workdirs[0]], [*loaded.values()]
  generator = runs.combine(loaded) if len(loaded) > 1 else run.algorithm.generator
  context = category_of(options.category, generator.spec.categories, workdirs[0])
  num = options.num
  if generator.spec.source_length or options.source_file:
    completions.refuse_pairs(parts.completion, generator.spec, workdirs[0])
    context, num = _sources(options, run, generator.spec)
  judge = judge_of(parts.guide, options.checkpoint, options.trust_config)
  spent = []
  if parts.completion.goes_on:
    unknown = _unknown(options, every_run)
    picker = pickers.without(picker or generator.picker, unknown)
    draws = completions.draws(parts.completion, run, generator, picker, unknown, context)
  else:
    generator = completions.bounded(parts.completion, generator, parts.guide.guide)
    writer = generator if parts.guide.guide == "none" else runs.guide(generator, run, parts.guide, judge)
    picker = _without_unknown(options, picker or writer.picker, every_run)
    if generator.spec.source_length:
      context = np.repeat(context, num, axis=0)
      num = len(context)
    draws = [_drawing(writer, run.tokenizer, picker, context, spent)]
  seed = export.generation_seed(options.seed)
  if parts.completion.unique:
    lines = completions.only_new(draws, num, seed, every_run)
  else:
    lines = itertools.chain.from_iterable(draw(num, seed) for draw in draws)
  _write_lines(_formatted(options, lines), file)
  _describe([*every_run, judge], options.checkpoint)
  if parts.guide.guide != "none":
    _describe_guide(parts.guide, spent)


def _drawing(writer, tokenizer, picker, context, spent):
  """A function of a number and a seed that draws whole sentences: a list of dictionaries. What a guide took is added to the list `spent`."""
  names, write = writer.spec.categories, tf.function(writer.write, autograph=False)

  def draw(num, seed):
    generated = write(tf.constant(num), seed, picker, context)
    lines = _with_log_probs(tokenizer.decode(generated.tokens.numpy()), generated.log_probs.numpy())
    for line, place in zip(lines, generated.context.numpy() if names else ()):
      line["category"] = names[place]
    for line, source in zip(lines, tokenizer.decode(context) if writer.spec.source_length else ()):
      line["source"] = source
    for line, score in zip(lines, () if generated.scores is None else generated.scores.numpy()):
      line["score"] = round(float(score), 6)
    if generated.proposals is not None:
      spent.append((num, float(generated.proposals), int(generated.accepted.numpy().sum())))
    return lines

  return draw


def _describe_guide(guide, spent):
  """Says on the standard error what a guide took: for each call the number of sentences, of proposals and of accepted sentences."""
  num, proposals, accepted = (sum(numbers) for numbers in zip(*spent))
  share = f"; {accepted / num:.1%} of the sentences were accepted within {guide.candidates}" if guide.guide == "rejection" else ""
  print(f"{guide.guide}: {proposals / num:.2f} candidates for each sentence{share}", file=sys.stderr)


def _formatted(options, lines):
  """Yields dictionaries as `--format` says."""
  for line in lines:
    yield json.dumps(line, ensure_ascii=False) if options.format == "jsonl" else line["text"]


def _sources(options, run, spec):
  """The sources to generate from, int32 `[N, S]`, and the number of targets of each."""
  if not spec.source_length:
    raise errors.UserError(f"--source_file is {options.source_file}, but the run in {run.experiment.choices.workdir} is not of pairs")
  if not options.source_file:
    return np.asarray(run.corpus().sources["test"][: options.num]), 1
  read = sources.read_file(options.source_file, run.tokenizer, spec.source_length)
  given_text.say_unknown(options.source_file, read[read != sequences.PAD], run.tokenizer)
  if len(read) * options.num > _MOST:
    raise errors.UserError(f"--num is {options.num}; expected at most {_MOST // len(read)} for the {len(read)} sources")
  return read, options.num


def _write_lines(sentences, file):
  """Writes each sentence on a line of its own. A line break or a NUL in one, which bytes and columns of text may have, becomes a space; says so."""
  counts = collections.Counter()
  for sentence in sentences:
    line = re.sub("[\n\r\0]", " ", sentence)
    counts[line != sentence] += 1
    file.write(line + "\n")
  if counts[True]:
    print(f"{counts[True]} of {counts.total()} sentences have a line break or a NUL, written as a space; --format jsonl keeps them", file=sys.stderr)
  file.flush()


def _with_log_probs(sentences, log_probs):
  return [{"text": text, "log_prob": round(float(value), 6)} for text, value in zip(sentences, log_probs, strict=True)]


def _write_moved(options, picker, loaded, file):
  """Writes the sentences between two or near one to an open file."""
  if len(loaded) > 1:
    raise errors.UserError("--between and --near are for the latent space of one run; expected one --workdir")
  (run,) = loaded.values()
  seed = export.generation_seed(options.seed)
  picker = _without_unknown(options, picker or pickers.Categorical(0.0), [run])
  weights = []
  if options.between:
    samples, weights = latent.between(run, *options.between, options.steps, seed, picker)
  else:
    samples = latent.near(run, options.near, options.num, options.radius, seed, picker)
  lines = _with_log_probs(run.tokenizer.decode(samples.tokens.numpy()), samples.log_probs.numpy().sum(axis=1))
  for line, weight in zip(lines, weights):
    line["weight"] = round(weight, 6)
  _write_lines(_formatted(options, lines), file)
  _describe([run], options.checkpoint)


def _write_filled(options, picker, loaded, file):
  """Writes texts with their blanks filled to an open file."""
  if len(loaded) > 1:
    raise errors.UserError("--fill and --fill_file are for the generator of one run; expected one --workdir")
  (run,) = loaded.values()
  texts = [options.fill] if options.fill else list(text_files.lines(options.fill_file))
  if not texts:
    raise errors.UserError(f"{options.fill_file} has no text; expected a text with blanks, ___, on each line")
  generator = run.algorithm.generator
  picker = _without_unknown(options, picker or generator.picker, [run])
  generated = filling.fill(generator, run.tokenizer, texts, options.num, export.generation_seed(options.seed), picker)
  lines = _with_log_probs(run.tokenizer.decode(generated.tokens.numpy()), generated.log_probs.numpy())
  _write_lines(_formatted(options, (line | {"fill": texts[i // options.num]} for i, line in enumerate(lines))), file)
  _describe([run], options.checkpoint)


def _unknown(options, loaded):
  """The unknown token; None if there is none, or it is allowed and all runs have learned it. Their tokenizer is the same."""
  return None if options.allow_unk and all(run.unknown for run in loaded) else loaded[0].tokenizer.unknown_token


def _without_unknown(options, picker, loaded):
  """A picker without the token of `_unknown`."""
  return pickers.without(picker, _unknown(options, loaded))


def parse(argv: Sequence[str]) -> Any:
  """Parses a command line into an object with the parts `options`, `completion` and `guide`."""
  return flags.parse_parts(argv, {"options": Options, "completion": completions.Options, "guide": guided.Config}, __doc__, rules=_RULES)


def run() -> None:
  """The command `generate.py`."""
  cli.run(parse, main)

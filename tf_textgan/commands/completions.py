"""Flags of `generate.py` for prompts, decodings, lengths, stops and unique sentences."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import sys
from typing import Any

import simple_parsing
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import runs
from tf_textgan import sequences
from tf_textgan.commands import flags
from tf_textgan.data import text_files
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import ensemble
from tf_textgan.generators import limited
from tf_textgan.runs import completing
from tf_textgan.runs import given_text
from tf_textgan.runs import unique
from tf_textgan.sampling import limits as limits_lib
from tf_textgan.sampling import noise

# Sentences if no number is given.
_DRAWS = 10
# With --unique, draws for each sentence before the search ends, and the least number of all draws.
_TRIES, _FEWEST_TRIES = 20, 1000


@dataclasses.dataclass(frozen=True)
class Options:
  """Options for how sentences begin, go on and end."""

  # A text: writes --num sentences that begin with it.
  prompt: str | None = simple_parsing.field(default=None, nargs=None)  # Without `nargs` the flag could stand without a value.
  # A file with a prompt on each line: writes --num sentences for each.
  prompt_file: str = ""
  # Beam search in place of draws: keeps this many of the most probable beginnings, and writes the --num most probable sentences that come of them.
  beams: int = 0
  # Beam search: sentences are ranked by their log-probability divided by this power of their number of new tokens. 0 favours short ones; 1 ranks by
  # the mean of a token.
  length_penalty: float = 0.0
  # Contrastive search in place of draws: takes that one of this many most probable tokens which is probable and unlike what stands before it.
  contrastive: int = 0
  # Contrastive search: weight of unlikeness against probability, from 0 to 1.
  contrastive_penalty: float = 0.6
  # A string: a sentence ends before it, where it occurs in what is written. May be repeated.
  stop: list[str] = simple_parsing.field(default_factory=list, action="append")
  # Most tokens to write after the prompt; 0 for no limit but the longest sequence.
  max_new_tokens: int = 0
  # Fewest tokens of a sentence, those of the prompt included: the end is not drawn before.
  min_length: int = 0
  # Most tokens of a sentence, those of the prompt included: it is cut there. Above the run's longest sequence where the generator can. 0 for that.
  max_length: int = 0
  # Write no sentence twice, and none that stands in the training text: goes on drawing until there are --num, or says how many there are.
  unique: bool = False

  def __post_init__(self):
    checks.at_least(self, 0, "beams", "contrastive", "max_new_tokens", "min_length", "max_length", "length_penalty", "contrastive_penalty")
    checks.at_most(self, checks.MOST_PARTS, "beams", "contrastive")
    checks.at_most(self, sequences.LONGEST, "max_new_tokens", "min_length", "max_length")
    checks.at_most(self, 1, "contrastive_penalty")
    if self.max_length and self.min_length > self.max_length:
      raise errors.UserError(f"min_length is {self.min_length}; expected at most the {self.max_length} of max_length")
    if not all(self.stop) or not all(self.stops):
      raise errors.UserError("stop must be a string that is not empty")

  @property
  def stops(self) -> list[str]:
    """The strings of `stop`, which holds a list for each use of the flag."""
    return [stop for strings in self.stop for stop in strings]

  @property
  def searches(self) -> bool:
    """Whether a search takes the place of draws."""
    return bool(self.beams or self.contrastive)

  @property
  def bounds(self) -> bool:
    """Whether the lengths of sentences are bounded."""
    return bool(self.max_new_tokens or self.min_length or self.max_length)

  @property
  def goes_on(self) -> bool:
    """Whether sentences are made by a `runs.completing.Completer`, of prompts or, without any, of nothing."""
    return bool(self.prompt is not None or self.prompt_file or self.searches or self.stop)


# Of a command line with the parts `options`, `guide` and `completion`.
RULES = (
  *(
    flags.Rule((field.name,), lambda p: not (p.options.between or p.options.near), "is for draws; expected neither --between nor --near")
    for field in dataclasses.fields(Options)
  ),
  *(
    flags.Rule((field.name,), lambda p: not (p.options.fill or p.options.fill_file), "is for draws; expected neither --fill nor --fill_file")
    for field in dataclasses.fields(Options)
  ),
  flags.Rule(("prompt_file",), lambda p: p.completion.prompt is None, "is a command of its own; expected no --prompt"),
  flags.Rule(("contrastive",), lambda p: not p.completion.beams, "is a way of its own to choose tokens; expected no --beams"),
  flags.Rule(
    ("temperature", "top_k", "nucleus", "unique"),
    lambda p: not p.completion.searches,
    "is for random draws; expected neither --beams nor --contrastive",
  ),
  flags.Rule(("length_penalty",), lambda p: p.completion.beams, "is for beam search; expected --beams"),
  flags.Rule(("contrastive_penalty",), lambda p: p.completion.contrastive, "is for contrastive search; expected --contrastive"),
  flags.Rule(("guide",), lambda p: not p.completion.goes_on, "is for draws of whole sentences; expected no prompt, --beams, --contrastive or --stop"),
  flags.Rule(("unique",), lambda p: p.options.temperature != 0, "is for random draws, but --temperature 0 takes the most probable token"),
)


def number(options: Options, num: int | None, one_each: bool = False) -> int:
  """The number of sentences, of each prompt and each source of a file if there are some.

  Args:
    options: of the command.
    num: as the command line has it.
    one_each: whether it is the number of sources of a test split, with one sentence of each.

  Raises:
    UserError: a search finds fewer.
  """
  searches = options.searches and not one_each
  if num is None:
    return 1 if searches else _DRAWS
  if searches and num > (options.beams or 1):
    found = f"the {options.beams} of --beams" if options.beams else "1, as --contrastive writes one sentence"
    raise errors.UserError(f"--num is {num}; expected at most {found}")
  return num


def refuse_pairs(options: Options, spec: sequences.Spec, workdir: str) -> None:
  """Raises a `UserError` if an option is given that makes no sense for a run of pairs."""
  if spec.source_length and options.unique:
    raise errors.UserError(f"--unique is not for runs of pairs, and {workdir} is one: sources may share a target")


def prompts_of(options: Options, run: runs.Run) -> tuple[list[str], list[list[int]]]:
  """The prompts of a command and their tokens; one without tokens if there are no prompts."""
  if options.prompt is not None:
    texts = [options.prompt]
  elif options.prompt_file:
    texts = list(text_files.lines(options.prompt_file))
    if not texts:
      raise errors.UserError(f"{options.prompt_file} has no text; expected a prompt on each line")
  else:
    return [""], [[]]
  return texts, completing.ids_of(run.tokenizer, texts)


def sized(options: Options, generator: generator_base.Generator, counts: Sequence[int] = (0,)) -> tuple[generator_base.Generator, limits_lib.Limits]:
  """The generator of the length that is asked for, and the limits of its sequences.

  Args:
    options: of the command.
    generator: of a run, or of several.
    counts: tokens of each prompt.

  Raises:
    UserError: the generator is not autoregressive, its sequences all have one length, they would be too long for it, or no length is allowed.
  """
  spec = generator.spec
  if not options.bounds:
    return generator, limits_lib.Limits(spec.end_token)
  _require(generator)
  if spec.end_token is None:
    raise errors.UserError(f"the run's sequences all have {spec.length} tokens; expected no --max_new_tokens, --min_length or --max_length")
  new = options.max_new_tokens or None
  length = max(options.max_length or (new or 0) + max(counts), spec.length)
  if length > spec.length and not generator.any_length:
    raise errors.UserError(
      f"the run's sequences have at most {spec.length} tokens, and its generator cannot go beyond; expected --max_length, or prompts and "
      f"--max_new_tokens, of no more, not of {length}"
    )
  greatest = min(length, min(counts) + new) if new else length
  if options.min_length > greatest:
    raise errors.UserError(f"--min_length is {options.min_length}; expected at most the greatest length of a sentence, {greatest}")
  most = options.max_length if 0 < options.max_length < length else None
  generator = generator if length == spec.length else generator.resized(length)
  return generator, limits_lib.Limits(spec.end_token, options.min_length, most, new)


def bounded(options: Options, generator: generator_base.Generator, guide: str) -> generator_base.Generator:
  """The generator of whole sentences, within the lengths that are asked for; raises as `sized`, and if a guide would need longer ones."""
  made, limits = sized(options, generator)
  if guide != "none" and made.spec != generator.spec:
    raise errors.UserError(f"the discriminator judges at most {generator.spec.length} tokens; expected no greater --max_length with --guide")
  return limited.Generator(made, limits) if limits else made


def draws(
  options: Options, run: runs.Run, generator: generator_base.Generator, picker: Any, excluded: int | None, context: tf.Tensor | None
) -> list[Callable[[int, tf.Tensor], list[dict[str, Any]]]]:
  """The functions that go on with the prompts of a command, each of a number and a seed.

  Args:
    options: of the command.
    run: whose tokenizer reads the prompts.
    generator: of the run, or of several.
    picker: of draws.
    excluded: id of a token that a search never takes; None for none.
    context: a category, int32 scalar, or N sources, int32 `[N, S]`, to each of which the prompts are beginnings of a target; None for any category.

  Returns:
    One function for each prompt if sentences are to be unique, else one for all. It gives a dictionary for each sentence: text, log_prob, prompt if
    there is one, category if the run has categories, and source if it is of pairs.

  Raises:
    UserError: see `sized`; or a search lacks its category, a prompt cannot be read, or the prompts are neither one nor as many as the sources.
  """
  _require(generator)
  names = generator.spec.categories
  if options.searches and names and context is None:
    raise errors.UserError(f"a search needs the category of its sentences; expected --category, one of {', '.join(names)}")
  texts, ids = prompts_of(options, run)
  if generator.spec.source_length:
    texts, ids = _of_sources(options, texts, ids, len(context))
  generator, limits = sized(options, generator, [len(row) for row in ids])
  prompts = completing.pack(texts, ids, min(generator.spec.length, options.max_length or generator.spec.length))
  decoding = _decoding(options, generator, picker)
  if options.searches and excluded is not None:
    limits = dataclasses.replace(limits, excluded=(excluded,))
  complete = completing.Completer(generator, run.tokenizer, decoding, limits, options.stops)

  def draw(prompts, num, seed):
    found = complete(prompts, num, seed, context)
    if len(found) < num * len(prompts.texts):
      print(f"beam search found {len(found)} of {num * len(prompts.texts)} sentences: the prompts and lengths allow no more", file=sys.stderr)
    return [_line(completion, generator.spec, run.tokenizer, ids[0] != []) for completion in found]

  parts = [prompts.only(i) for i in range(len(texts))] if options.unique else [prompts]
  return [lambda num, seed, part=part: draw(part, num, seed) for part in parts]


def only_new(
  draws: Sequence[Callable[[int, tf.Tensor], list[dict[str, Any]]]], num: int, seed: tf.Tensor, loaded: Sequence[runs.Run]
) -> Iterator[dict[str, Any]]:
  """Yields `num` new results of each function of `draws`, see `runs.unique`; says where there are fewer."""
  seen = unique.Seen(text for run in loaded for text in unique.training_text(run.corpus()))
  for i, draw in enumerate(draws):
    yield from _only_new(draw, num, noise.fold(seed, "unique", i), seen)


def _only_new(draw, num, seed, seen):
  """Yields `num` new results of one function; says if there are fewer."""
  found, drawn, tries, before = 0, [], max(_TRIES * num, _FEWEST_TRIES), (seen.repeated, seen.copied)

  def draw_again(count, call):
    drawn[:] = draw(count, noise.fold(seed, call))
    return drawn

  for line in unique.collect(draw_again, lambda line: line["text"], num, tries, seen):
    found += 1
    yield line
  if found < num:
    prompt = f" of the prompt {drawn[0]['prompt'][:60]!r}" if "prompt" in drawn[0] else ""
    repeated, copied = seen.repeated - before[0], seen.copied - before[1]
    print(
      f"{found} of {num} sentences{prompt}: {tries} draws gave no more, {repeated} of them repeated and {copied} in the training text",
      file=sys.stderr,
    )


def _of_sources(options, texts, ids, count):
  """A prompt for each of `count` sources, and its tokens; one prompt is for all."""
  if len(texts) not in (1, count):
    raise errors.UserError(f"{options.prompt_file} has {len(texts)} prompts, and there are {count} sources; expected one for each, or one for all")
  return texts * (count // len(texts)), ids * (count // len(texts))


def _require(generator):
  given_text.require(generator, generator_base.Autoregressive, "does not generate token by token", "mle")


def _decoding(options, generator, picker):
  if options.beams:
    return completing.Beams(options.beams, options.length_penalty)
  if not options.contrastive:
    return completing.Draws(picker)
  if isinstance(generator, ensemble.Generator):
    raise errors.UserError("--contrastive compares the representations of one network; expected one --workdir")
  if options.contrastive > generator.spec.vocab_size:
    raise errors.UserError(f"--contrastive is {options.contrastive}; expected at most {generator.spec.vocab_size}, the size of the vocabulary")
  return completing.Contrastive(options.contrastive, options.contrastive_penalty)


def _line(completion, spec, tokenizer, prompted):
  line = {"text": completion.text, "log_prob": round(completion.log_prob, 6)}
  line |= {"prompt": completion.prompt} if prompted else {}
  line |= {"category": spec.categories[completion.context]} if spec.categories else {}
  return line | ({"source": tokenizer.decode(completion.context[None])[0]} if spec.source_length else {})

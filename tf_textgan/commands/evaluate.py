"""Scores runs, or any text file of one sentence a line.

  evaluate.py --workdir RUN                                a run, on its corpus
  evaluate.py --file TEXT --references TEST                any text, without a run
  evaluate.py --workdir A --workdir B --file TEXT --sweep  quality-diversity curves, as a page
  evaluate.py --workdir RUN --probe                        a new discriminator against the run
  evaluate.py --workdir RUN --guide resampling             a run, without and with guidance by its discriminator
  evaluate.py --workdir A --workdir B --combine true       runs, and their combination

docs/evaluation.md explains each number.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import functools
import itertools
import pathlib
import shlex
import sys
from typing import IO
from typing import Any
from typing import Literal

import simple_parsing

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import files
from tf_textgan import progress
from tf_textgan import runs
from tf_textgan.commands import cli
from tf_textgan.commands import flags
from tf_textgan.commands import generate
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data import text_files
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.evaluation import bench as bench_lib
from tf_textgan.evaluation import curves
from tf_textgan.evaluation import neural_lm
from tf_textgan.evaluation import page
from tf_textgan.evaluation import probe
from tf_textgan.evaluation import sweep
from tf_textgan.evaluation import texts
from tf_textgan.generators import guided
from tf_textgan.metrics import bleu
from tf_textgan.metrics import estimates
from tf_textgan.metrics import statistics
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.training import checkpoints


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # Folder of a run; may be repeated. Default without --file: runs/default.
  workdir: list[str] = simple_parsing.field(default_factory=list, action="append")
  # Text file to score, UTF-8, one sentence a line; may be repeated.
  file: list[str] = simple_parsing.field(default_factory=list, action="append")
  # Without a run: the real text to compare with; empty leaves out metrics that need it.
  references: str = ""
  # Without a run: the training text, for copies and the language model.
  training: str = ""
  # Without a run: tokenizer of --file, --references and --training, "word" (split at white space, the default) or "nltk" (Penn Treebank rules). With
  # --workdir the run's own tokenizer is used.
  tokenizer: Literal["", "word", "nltk"] = ""
  # Without a run: lower-case --file, --references and --training.
  lower: bool = False
  # Number of sentences to sample from a run. Most metrics depend on it: compare equal numbers.
  num: int = 2000
  # Sampling temperature. Default: the algorithm's own sampling.
  temperature: float | None = None
  # Allow the token <unk> in the samples of runs whose training text has it. By default it is never generated: its probability is divided among the
  # other tokens.
  allow_unk: bool = False
  # Random seed of the samples and of all resampling.
  seed: int = 0
  # Split of the corpus to score against.
  split: Literal["train", "validation", "test"] = "test"
  # Checkpoint: "best", "latest", "likelihood" (of a GAN, the last before its adversarial phase), or the step of one kept by --keep_checkpoints.
  checkpoint: str = "best"
  # Score runs against their data as they are now, although they changed since the runs began.
  new_data: bool = False
  # JSON file to write; empty for a table on the standard output.
  json: str = ""
  # Score every run at many temperatures and draw the curves.
  sweep: bool = False
  # Folder for the sweep's page, pictures and tables.
  output: str = "runs/curves"
  # Run to compare the other curves with. Default: the first --workdir trained by maximum likelihood alone.
  baseline: str = ""
  # Train a new discriminator against each run and score it on held-out text.
  probe: bool = False
  # Also score the combination of the runs, each token's probability being the mean over the runs.
  combine: bool = False
  # Modules of your own to import first, separated by commas, such as one with the TFDS builder of a run's dataset.
  imports: str = ""
  # Import the users' modules named in a run's config.json, which runs their code. Otherwise only the modules of --imports are allowed.
  trust_config: bool = False

  def __post_init__(self):
    checkpoints.check(self.checkpoint)
    checks.seed(self, "seed")
    checks.path(self, "output")


_PROBE_PREFIX = "probe_discriminator_"
_PARTS = {"options": Options, "texts": texts.Config, "lm": neural_lm.Config, "sweep": sweep.Config, "probe": probe.Config, "guide": guided.Config}


def _scores_runs(parts):
  options = parts.options
  return bool(options.workdir) or not options.file or options.sweep or options.probe


def _samples_runs(parts):
  """Whether runs write sentences that are scored: not with --file alone."""
  options = parts.options
  return _scores_runs(parts) and (not options.file or options.sweep or options.probe)


def _compares(parts):
  """Whether sentences are compared with real text."""
  return not parts.options.probe and (_scores_runs(parts) or bool(parts.options.references))


_WRITTEN = "is for what runs write; expected --workdir, without --file unless with --sweep"
_LM = tuple(field.name for field in dataclasses.fields(neural_lm.Config))
_RULES = (
  flags.Rule(
    ("references", "training"), lambda p: not _scores_runs(p), "is for files without a run; with --workdir the run's corpus is the real text"
  ),
  flags.Rule(("tokenizer", "lower"), lambda p: not _scores_runs(p), "is for files without a run; with --workdir the run's own tokenizer reads them"),
  flags.Rule(("probe",), lambda p: not p.options.sweep, "is a command of its own; expected no --sweep"),
  flags.Rule(("file",), lambda p: not p.options.probe, "is for scores and curves; --probe is for what runs write"),
  flags.Rule(("combine",), lambda p: len(p.options.workdir) > 1, "is for two or more runs; expected one --workdir for each"),
  flags.Rule(("combine", "guide", "num", "allow_unk"), _samples_runs, _WRITTEN),
  flags.Rule(("num",), lambda p: not p.options.probe, "is for scores and curves; --probe has as many samples as real sentences"),
  flags.Rule(
    ("temperature",),
    lambda p: _samples_runs(p) and not p.options.sweep and not p.options.probe,
    "is for the scores of runs, without --file and --probe; --sweep has --temperatures",
  ),
  flags.Rule(("split",), lambda p: _scores_runs(p) and not p.options.probe, "is for scores against a run's corpus; --probe uses the test split"),
  flags.Rule(("checkpoint", "trust_config", "new_data"), _scores_runs, "is for runs; expected --workdir"),
  flags.Rule(("json",), lambda p: not p.options.sweep, "is for a table of scores; --sweep writes its own into --output"),
  flags.Rule(
    ("output", "baseline", *(field.name for field in dataclasses.fields(sweep.Config))), lambda p: p.options.sweep, "is for curves; expected --sweep"
  ),
  flags.Rule(
    ("bleu_protocol", "encoder", *_LM), _compares, "is for scores against real text; expected --workdir, or --references, and no --probe"
  ),
  flags.Rule(_LM, lambda p: p.lm.lm_size > 0, "is for the LSTM language model; expected --lm_size above 0"),
  *flags.GUIDING,
)


def _probing(network):
  """The rule of the probe's flags; `network`: the `Config` of its network."""
  names = [field.name for field in dataclasses.fields(probe.Config)] + [f"{_PROBE_PREFIX}{field.name}" for field in dataclasses.fields(network)]
  return flags.Rule(tuple(names), lambda p: p.options.probe, "is for a new discriminator; expected --probe")


def parse(argv: Sequence[str]) -> Any:
  """Parses a command line into an object with one attribute per part; the probe's network is chosen by its flag."""
  name = flags.chosen(flags.expand_flagfiles(argv[1:]), "probe_discriminator").get("probe_discriminator", probe.Config().probe_discriminator)
  network = probe.network_config(name)
  parts = _PARTS | {"probe_network": network}
  return flags.parse_parts(argv, parts, __doc__, {"probe_network": _PROBE_PREFIX}, (*_RULES, _probing(network)))


def read(sentences: Iterable[str], options: Options) -> list[tuple[str, ...]]:
  """The words of each sentence."""
  split = tokenizers.find(options.tokenizer or "word").split
  return [tuple(split(sentence.lower() if options.lower else sentence)) for sentence in sentences]


def _read_real(path, options):
  """The words of each line of real text, without blank lines, whose number is printed to the standard error."""
  found = text_files.sentences(path)
  total = sum(1 for _ in text_files.lines(path, keep_blank=True))
  if total > len(found):
    print(corpus_lib.blank_note(path, total - len(found), total), file=sys.stderr)
  return read(found, options)


def score_file(path: str, parts: Any) -> dict[str, estimates.Estimate]:
  """Scores a file without a run, against `references` if given. A blank line is an empty sentence; real text has none."""
  options = parts.options
  sentences = read(text_files.samples(path), options)
  training = _read_real(options.training, options) if options.training else None
  if options.references:
    references = _read_real(options.references, options)
    return texts.Scorer(references, training, parts.texts, parts.lm, seed=options.seed)(sentences)
  return statistics.statistics(sentences, None, training, options.seed)


def make_bench(workdirs: Sequence[str], parts: Any) -> bench_lib.Bench:
  """Loads the runs. Refuses runs that cannot be scored before any slow work.

  Raises:
    UserError: a run cannot be read, combined or guided, or the runs were not trained on the same corpus.
  """
  options = parts.options
  generate.check_num(options.num)
  least = max(2, bleu.fewest(parts.texts.bleu_protocol))
  if options.num < least:
    protocol = f" for --bleu_protocol {parts.texts.bleu_protocol}" if least > 2 else ""
    raise errors.UserError(f"--num is {options.num}; expected {least} or more sentences{protocol}")
  loaded = {workdir: runs.load(workdir, options.checkpoint, options.trust_config) for workdir in workdirs}
  bench_lib.check_same_corpus(loaded, options.new_data)
  combined = {" + ".join(workdirs): runs.combine(loaded)} if options.combine else {}
  judge = generate.judge_of(parts.guide, options.checkpoint, options.trust_config)
  guided_systems = _guide(loaded, combined, parts.guide, judge)
  return bench_lib.Bench(
    loaded, options.num, options.split, options.seed, combined, guided_systems, parts.texts, parts.lm, options.new_data, options.allow_unk, judge
  )


def _guide(loaded, combined, config, judge):
  """The guided systems: name to a pair, the guided system's name and its `guided.Generator`."""
  if config.guide == "none":
    return {}
  systems, refusals = {}, []
  generators = {name: run.algorithm.generator for name, run in loaded.items()} | combined
  first = next(iter(loaded.values()))
  how = config.guide if config.guide_strength == 1.0 else f"{config.guide} at strength {config.guide_strength:g}"
  for name, generator in generators.items():
    try:
      systems[f"{name}, {how}"] = name, runs.guide(generator, loaded.get(name, first), config, judge)
    except errors.UserError as e:
      refusals.append(e)
      if len(generators) > 1:  # A baseline among them may have no discriminator.
        print(f"{name} is not guided: {e}", file=sys.stderr)
  if not systems:
    raise refusals[0]
  return systems


def probe_run(bench: bench_lib.Bench, system: str, parts: Any) -> dict[str, estimates.Estimate]:
  """The numbers of a probe of a system. Prints the verdict to the standard error."""
  result = probe.run(bench.generators()[system], bench.corpus, parts.probe, parts.options.seed, probe.bar, parts.probe_network)
  print(f"{system}: {probe.verdict(result)}", file=sys.stderr)
  return {name: value for name, value in result._asdict().items() if isinstance(value, estimates.Estimate)}


def draw_curves(bench: bench_lib.Bench, parts: Any, command: str) -> int | None:
  """Sweeps the runs, compares them with the baseline, and writes the page.

  An interrupt (SIGINT) ends the sweep; then the page has the curves that are whole, and says which are missing.

  Returns:
    The exit code, as that of `score_all`.
  """
  options = parts.options
  baseline = options.baseline or next((name for name, run in bench.runs.items() if run.experiment.choices.algorithm == "mle"), "")
  if baseline and baseline not in bench.runs:
    raise errors.UserError(f"--baseline is {baseline!r}; expected one of the runs: {', '.join(bench.runs)}")
  pathlib.Path(options.output).mkdir(parents=True, exist_ok=True)  # Before the slow part.
  total = sum(sweep.num_settings(parts.sweep, bench.sweepable(name)) for name in bench.generators()) + len(options.file) + 1
  jobs = [("real text", functools.partial(_real_row, bench, options))]
  jobs += [(name, functools.partial(_sweep, bench, name, parts.sweep)) for name in bench.generators()]
  jobs += [(path, functools.partial(_file_point, bench, path)) for path in options.file]
  done = []
  with progress.bar(total=total, unit="point") as bar, contextlib.suppress(KeyboardInterrupt):
    for _, job in jobs:
      done.append(job(bar.update))
  found, missing = list(itertools.chain.from_iterable(done)), [name for name, _ in jobs[len(done) :]]
  if missing:
    print(f"interrupted: {'the page' if found else 'no page is written, it'} lacks {', '.join(missing)}", file=sys.stderr)
  if not found:
    return 130
  comparisons = []
  own = next((curve for curve in found if curve.name == baseline), None)
  if own is None:
    print("no run was trained by maximum likelihood alone, so there is no baseline to compare with; add one with --workdir", file=sys.stderr)
  else:
    for curve in found:
      if curve is not own and curve.kind != "real":
        comparisons += [curves.compare(curve, own, plane, options.seed) for plane in curves.planes(found, options.split)]
  notes = {
    "sample": f"{options.num} sentences for each point of a run, scored against the {options.split} split of {bench.corpus.name}.",
    "checkpoints": "; ".join(bench.describe(options.checkpoint)) + ".",
    "command": command,
    **({"bounds": f"{bounds}."} if (bounds := bounded(bench)) else {}),
    **({"interrupted": f"The page lacks {', '.join(missing)}."} if missing else {}),
  }
  page.write(options.output, found, comparisons, notes, options.split)
  for comparison in comparisons:
    difference = ""
    if comparison.difference is not None:
      difference = f", by {comparison.difference:+.4f} ({comparison.lower:+.4f} to {comparison.upper:+.4f})"
    print(f"{comparison.plane}: {comparison.curve} is {comparison.verdict} {comparison.baseline}{difference}", file=sys.stderr)
  print(*bench.describe(options.checkpoint), sep="\n", file=sys.stderr)
  print(f"curves: {pathlib.Path(options.output) / 'index.html'}", file=sys.stderr)
  return 130 if missing else None


def bounded(bench: bench_lib.Bench) -> str:
  """Says of which systems the negative log-likelihoods are bounds; empty if of none."""
  names = [name for name in bench.generators() if bench.likelihood(name) == "bound"]
  return f"nll_... of {', '.join(names)} is an upper bound, from one z for each sequence: the generator has a latent" if names else ""


def _real_row(bench, options, advance):
  row = sweep.real_row(bench.corpus, bench.scorer, options.num, options.split, options.seed)
  advance()
  return [row]


def _sweep(bench, name, config, advance):
  return sweep.run(name, bench.score(name), config, bench.sweepable(name), advance)


def _file_point(bench, path, advance):
  point = curves.Point("", bench.score_file(path))
  advance()
  return [curves.Curve(path, "file", [point])]


def print_table(systems: Mapping[str, Mapping[str, estimates.Estimate]]) -> None:
  """Prints one row per metric and one column per system; "=" marks a tie with the first system."""
  first = next(iter(systems.values()))
  names = dict.fromkeys(itertools.chain.from_iterable(systems.values()))
  width = max(map(len, names))
  if len(systems) > 1:
    print(" " * width + "".join(f"  {name[-30:]:>30}" for name in systems))
  for name in names:
    cells = []
    for numbers in systems.values():
      estimate = numbers.get(name)
      if estimate is None:
        cells.append(f"{'-':>30}")
        continue
      interval = f"+- {estimate.ci:.4f}" if estimate.ci is not None else ""
      tie = "=" if numbers is not first and name in first and estimates.tie(estimate, first[name]) else " "
      cells.append(f"{estimate.value:10.4f}{tie} {interval:<10}{estimate.n:>8}")
    print(f"{name:{width}}" + "".join(f"  {cell}" for cell in cells))
  ties = "; = a tie with the first: the difference is within its interval" if len(systems) > 1 else ""
  print(f"value +- half of the 95 % interval, sample size; without +-, the interval is not known{ties}", file=sys.stderr)


def _as_json(numbers, about):
  """A flat dictionary for JSON; `num` is the size of the scored sample, `about` has further items."""
  flat = {**estimates.flatten(numbers), **about}
  return {"num": numbers["mean_length"].n, **flat} if "mean_length" in numbers else flat


def main(parts: Any) -> None:
  """Scores runs or files; prints or writes the results."""
  options = parts.options
  # Opened first: what cannot be written is not measured.
  with files.output(options.json) if options.json and not options.sweep else contextlib.nullcontext() as file:
    if code := _score(parts, file):
      sys.exit(code)  # An interrupt, which leaves an old JSON file as it was.


def _score(parts, file):
  """Scores runs or files; writes the results to an open file, or prints a table if it is None. Returns an exit code, None for success."""
  options = parts.options
  experiment_lib.import_all(options.imports)
  workdirs, paths = generate.repeated(options.workdir), generate.repeated(options.file)
  parts.options = options = dataclasses.replace(options, workdir=workdirs, file=paths)
  if not workdirs and (not paths or options.sweep or options.probe):
    workdirs = ["runs/default"]
  if not workdirs:
    scores = {path: functools.partial(score_file, path, parts) for path in paths}
  else:
    bench = make_bench(workdirs, parts)
    if options.sweep:
      return draw_curves(bench, parts, shlex.join(["python", *sys.argv]))
    if options.probe:
      scores = {system: functools.partial(probe_run, bench, system, parts) for system in bench.generators()}
    elif paths:
      scores = {path: functools.partial(bench.score_file, path) for path in paths}
    else:
      picker = generate.picker_of(options.temperature, 0, 1.0)
      scores = {name: functools.partial(bench.score(name), picker) for name in bench.generators()}
  about = _about(bench, scores, parts) if workdirs else {}
  code = score_all(scores, options, file, about)
  if any(items.get("likelihood") == "bound" for items in about.values()):
    print(bounded(bench), file=sys.stderr)
  if workdirs and not paths:
    print(*bench.describe(options.checkpoint), sep="\n", file=sys.stderr)
  return code


def _about(bench, scores, parts):
  """For JSON, of each system or file: the checkpoints of the runs that were loaded, and what its log-probabilities are, if they are a run's."""
  options, about = parts.options, {}
  checkpoints = bench.describe(options.checkpoint)
  for name in scores:
    about[name] = {"checkpoints": checkpoints}
    # A file has a likelihood under a single run.
    kind = bench.likelihood(next(iter(bench.runs)) if options.file else name)
    if kind and not options.probe and (not options.file or len(bench.runs) == 1):
      about[name]["likelihood"] = kind
  return about


def score_all(
  scores: Mapping[str, Callable[[], Mapping[str, estimates.Estimate]]],
  options: Options,
  file: IO[str] | None,
  about: Mapping[str, Mapping[str, Any]],
) -> int | None:
  """Scores systems, name to function, one after another, and prints or writes their numbers.

  `about` has further items for JSON of each system.

  An interrupt (SIGINT) ends it; then the numbers found so far are printed, the missing ones are named on the standard error, and a JSON file is not
  written.

  Returns:
    The exit code: 130 after an interrupt, as the shell has it, else None.
  """
  systems = {}
  for name, score in scores.items():
    try:
      systems[name] = score()
    except KeyboardInterrupt as e:
      found, missing = (e.found, e.missing) if isinstance(e, progress.Stopped) else ({}, ["all metrics"])
      if found:
        systems[name] = found
      if systems:
        print_table(systems)
      others = [other for other in scores if other not in systems and other != name]
      lines = [f"{name} lacks {', '.join(missing)}", *(f"{other} lacks all metrics" for other in others)]
      print(f"interrupted: {'; '.join(lines)}{f'; {options.json} is not written' if file else ''}", file=sys.stderr)
      return 130
  write(systems, file, about)
  return None


def write(systems: Mapping[str, Mapping[str, estimates.Estimate]], file: IO[str] | None, about: Mapping[str, Mapping[str, Any]]) -> None:
  """Prints the table, or writes the open JSON file; `about` as of `score_all`."""
  if file is None:
    print_table(systems)
    return
  flat = {name: _as_json(numbers, about.get(name, {})) for name, numbers in systems.items()}
  # A single system needs no name.
  file.write(files.as_json(next(iter(flat.values())) if len(flat) == 1 else flat))


def run() -> None:
  """The command `evaluate.py`."""
  cli.run(parse, main)

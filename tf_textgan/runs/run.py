"""A run in its folder: starts, resumes and loads it.

A run's folder holds the files of `runs.folder`, `checkpoints/`, `metrics.jsonl`, `summaries/` for TensorBoard, `samples/` and, at the end, the files
of `runs.finish`.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import json
import os
import pathlib
import sys
from typing import Any
from typing import NamedTuple

from absl import logging
import keras
import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.algorithms import base as algorithm_base
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data import load as data_lib
from tf_textgan.data import text_config
from tf_textgan.data.datasets import given as given_data
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import ensemble as combined
from tf_textgan.generators import guided as guided_lib
from tf_textgan.runs import cluster
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import features
from tf_textgan.runs import finish
from tf_textgan.runs import folder as folder_lib
from tf_textgan.runs import given as given_lib
from tf_textgan.runs import lock
from tf_textgan.runs import report as report_lib
from tf_textgan.runs import rewards
from tf_textgan.runs import workers
from tf_textgan.sampling import noise
from tf_textgan.training import callbacks as callbacks_lib
from tf_textgan.training import checkpoints as checkpoints_lib
from tf_textgan.training import loop as loop_lib
from tf_textgan.training import monitors
from tf_textgan.training import terminal

_SHOWN_SENTENCES = 10


class Run(NamedTuple):
  """A run loaded from its folder.

  Attributes:
    experiment: `experiment.Experiment`.
    tokenizer: see `data.tokenizers`.
    algorithm: `algorithms.base.Algorithm` with the checkpoint's weights.
    step: rounds trained at that checkpoint.
    where: step and phase of that checkpoint, in words.
    data: fingerprint of the corpus, see `corpus.Corpus`.
    unknown: whether the training data have the unknown token.
  """

  experiment: experiment_lib.Experiment
  tokenizer: tokenizers.Tokenizer
  algorithm: algorithm_base.Algorithm
  step: int
  where: str
  data: str
  unknown: bool

  def describe(self, checkpoint: str | int) -> str:
    """One line on the checkpoint that was loaded as `checkpoint`: its run, step and phase."""
    return f"{self.experiment.choices.workdir}: checkpoint {checkpoint}, {self.where}"

  def corpus(self, new_data: bool = False) -> corpus_lib.Corpus:
    """The run's corpus, prepared again if needed.

    Args:
      new_data: whether it may have changed since the run began.

    Raises:
      UserError: it changed, and may not.
    """
    corpus = experiment_lib.load_corpus(self.experiment, self.tokenizer, self.algorithm.generator.spec.length)
    what = f"the data of the run in {self.experiment.choices.workdir}"
    notes = folder_lib.check_data(what, self.data, corpus.fingerprint, new_data, "score against", "or restore the old data")
    _say(notes + corpus.notes)
    return corpus


def load(
  workdir: str | os.PathLike,
  checkpoint: str | int = "best",
  trust: bool = False,
  *,
  algorithm: Any = None,
  generator: Any = None,
  discriminator: Any = None,
) -> Run:
  """Loads a run; its corpus is not needed.

  Args:
    workdir: path of the run.
    checkpoint: "best", "latest", "likelihood" (of a GAN, the last before its adversarial phase), or the step of a kept checkpoint, an integer or
      its digits.
    trust: whether to import the users' modules named in the run's `config.json`, which runs their code. Modules already imported in this process
      need no trust.
    algorithm, generator, discriminator: the parts passed to `train`, if no module defines them: see `given`.

  Raises:
    UserError: there is no run, it has no such checkpoint, it names a module that is not trusted, or a part passed from Python is missing.
  """
  folder = pathlib.Path(workdir)
  config = folder_lib.config_of(folder)
  registry.check_trusted(experiment_lib.modules_named(config["experiment"]), str(folder / "config.json"), trust)
  experiment = folder_lib.read_experiment(folder, config)
  # The present path: the folder may have been moved, and it holds the corpus if that came from Python.
  experiment = dataclasses.replace(experiment, choices=dataclasses.replace(experiment.choices, workdir=str(workdir)))
  resolved, makers = given_lib.resolve(experiment, algorithm, generator, discriminator)
  folder_lib.check_same(folder, experiment.to_json(), resolved.to_json())
  given_lib.check_complete(experiment, makers, folder)
  tokenizer = folder_lib.read_tokenizer(folder, trust)
  spec = dataclasses.replace(tokenizer.spec(config["length"]), categories=config["categories"], source_length=config["source_length"])
  algorithm = experiment_lib.build(experiment, spec, given=makers)
  rewards.add(algorithm, experiment, tokenizer)
  checkpoints = checkpoints_lib.Checkpoints(folder / "checkpoints")
  run_state = checkpoints.restore(algorithm.variables(), checkpoint, read_state=loop_lib.RunState.from_json)
  if run_state is None:
    if checkpoint == "likelihood":
      raise errors.UserError(
        f"the run in {folder} has no likelihood checkpoint: train.py keeps the last one before an adversarial phase, if phases come before it"
      )
    if checkpoint not in ("best", "latest") and (steps := checkpoints.steps()):
      raise errors.UserError(f"the run in {folder} has no checkpoint of step {checkpoint}; it keeps those of steps {', '.join(map(str, steps))}")
    raise errors.UserError(f"the run in {folder} has no {checkpoint} checkpoint yet: train.py writes the first one at its first evaluation")
  where = run_state.describe(algorithm.phases(experiment.schedule))
  return Run(experiment, tokenizer, algorithm, run_state.step, where, config["data"], config["unknown"])


def combine(runs: Mapping[str, Run]) -> combined.Generator:
  """Combines the generators of several runs into one.

  Args:
    runs: workdir to `Run`.

  Raises:
    UserError: see `ensemble.Generator`; or the runs' tokenizers differ.
  """
  first, *others = runs
  for workdir in others:
    if runs[workdir].tokenizer != runs[first].tokenizer:
      raise errors.UserError(f"the runs in {workdir} and {first} have different vocabularies; expected runs on one corpus to combine")
  return combined.Generator([run.algorithm.generator for run in runs.values()])


def guide(generator: generator_base.Generator, run: Run, config: guided_lib.Config, judge: Run | None = None) -> guided_lib.Generator:
  """Makes a generator whose candidates a discriminator chooses from.

  Args:
    generator: the generator of `run`, or its combination with others, see `combine`.
    run: `Run`.
    config: `guided.Config`.
    judge: `Run` with the discriminator, loaded from `config.guide_workdir`; None to load the best checkpoint there, or, if it is empty, for `run`.

  Raises:
    UserError: see `guided.Generator`; or the judge cannot be loaded, or has another tokenizer.
  """
  judge = judge or (load(config.guide_workdir) if config.guide_workdir else run)
  if judge.tokenizer != run.tokenizer:
    raise errors.UserError(
      f"the run in {judge.experiment.choices.workdir} has another vocabulary than the run it guides; expected the same corpus"
    )
  return guided_lib.Generator(generator, judge.algorithm, config.make(), config.guide_strength, run.algorithm)


def train(
  experiment: experiment_lib.Experiment,
  callbacks: Sequence[keras.callbacks.Callback | callbacks_lib.ForOptimizer] = (),
  *,
  corpus: given_data.Data | None = None,
  algorithm: Any = None,
  generator: Any = None,
  discriminator: Any = None,
) -> bool:
  """Trains in the experiment's `workdir`, or resumes training there, until the schedule ends or a signal arrives.

  With `choices.deterministic`, TensorFlow's kernels stay deterministic for the rest of the process; Keras's own `fit` then needs
  `keras.utils.set_random_seed` first.

  Args:
    experiment: `experiment.Experiment`, for example from `experiment.make`.
    callbacks: further `keras.callbacks.Callback`s and `callbacks.ForOptimizer`s. Metrics that they add to the `logs` of `on_epoch_end` are recorded,
      and `best_metric` may name them.
    corpus: the corpus, replacing the experiment's dataset: a `data.corpus.Corpus`, strings, an array of ids, or a `tf.data.Dataset` of strings; see
      `data.datasets.given` for its settings in an experiment with `dataset="given"`. The run's folder stores it: to resume the run, it need not be
      passed again. Another one needs `new_data`.
    algorithm, generator, discriminator: classes, functions that make them, or networks, replacing the experiment's: see `given.resolve`.

  Returns:
    True at the end of the schedule, False if a signal stopped the training.

  Raises:
    UserError: a setting or the data is wrong, the training diverged, or the folder cannot be written or holds another run.
  """
  experiment, makers = given_lib.resolve(_with_dataset(experiment, corpus), algorithm, generator, discriminator)
  experiment = experiment_lib.with_tokenizer(experiment)
  choices = experiment.choices
  given_lib.check_complete(experiment, makers, choices.workdir)
  strategy = make_strategy(choices.coordination_timeout)
  if choices.deterministic:
    tf.config.experimental.enable_op_determinism()
  folder = pathlib.Path(choices.workdir)
  with contextlib.ExitStack() as stack:
    stack.enter_context(workers.guarding(strategy))
    with _advising("the same command begins again", begun=False):
      # A new run's folder is made as late as possible: a command that is refused leaves no files.
      chief, begun = _is_chief(strategy), (folder / "config.json").exists()
      if chief and begun:
        stack.enter_context(lock.held(folder))
        files.remove_leftovers(folder)
        folder_lib.check_places(folder)
      experiment, corpus = _corpus_of(folder, experiment, corpus)
      logging.info("%s: %d training sequences, vocabulary %d", corpus.name, len(corpus.tokens["train"]), corpus.spec.vocab_size)
      loop, evaluator, checkpoints, unknown, synthetic, notes = _build(folder, choices, experiment, corpus, makers, strategy, chief)
      finish.check(experiment, corpus, loop.algorithm)
      callbacks_lib.check(callbacks, loop.algorithm.optimizers)
      early_stopping = _early_stopping(loop, experiment, evaluator)
      if chief and not begun:
        stack.enter_context(lock.held(folder))
        if (folder / "config.json").exists():
          raise errors.UserError(f"another command has begun a run in {folder} meanwhile; give the command again to go on with it")
      _resume(folder, experiment, corpus, unknown, synthetic, loop)
      if chief:
        _say(notes)
      # After the user's callbacks, so that the journal gets their metrics.
      report = report_lib.Report(loop, folder, experiment, corpus, evaluator)
      watching = [*_monitors(loop, experiment, folder, corpus, evaluator), report] if chief else []
    with _advising("the same command goes on from the last checkpoint, if there is one"):
      loop.run([*callbacks, *watching, *early_stopping])
    if loop.interrupted:
      print(f"stopped by a signal at step {loop.run_state.step} of {loop.rounds}; the same command goes on from there", file=sys.stderr)
      return False
    if chief:
      for end in loop.early_ends():
        print(end, file=sys.stderr)
      with _advising("the training is complete, and the same command finishes the run"):
        finish.finish(folder, experiment, corpus, loop.algorithm, evaluator, checkpoints, report)
  return True


@contextlib.contextmanager
def _advising(advice, begun=True):
  """Says what can be done after a stop by a signal or, in a training that has begun, if a file cannot be written."""
  try:
    yield
  except files.NotWritten as e:
    if not begun:
      raise
    raise errors.UserError(f"{e}; {advice}") from e.__cause__
  except KeyboardInterrupt as e:
    e.add_note(advice)
    raise


def _build(folder, choices, experiment, corpus, makers, strategy, chief):
  """The loop, the evaluator and the checkpoints of a run, whether its data have unknown tokens, the fingerprint of its synthetic data, and notes.

  `choices` are the command's, whose `new_data` the experiment does not keep.
  """
  # A resumed run has its word vectors in the checkpoint.
  tokenizer = None if any((folder / "checkpoints").glob("step_*.npz")) else corpus.tokenizer
  with strategy.scope():
    algorithm = experiment_lib.build(experiment, corpus.spec, tokenizer, makers)
    features.add(algorithm, experiment, corpus.tokenizer, load)
  pretrained = experiment_lib.pretrained_notes(choices) if tokenizer is not None else ()
  rewards.add(algorithm, experiment, corpus.tokenizer)
  data, synthetic, notes = _training_data(folder, choices, corpus, algorithm)
  # Measured only if it chooses the checkpoint, to save other runs the encoder's time.
  by_frechet = experiment.loop.best_metric == "frechet"
  evaluator = evaluator_lib.Evaluator(algorithm.generator, corpus, experiment.loop.seed, algorithm.discriminator, by_frechet)
  checkpoints = checkpoints_lib.Checkpoints(folder / "checkpoints", experiment.loop.keep_checkpoints)
  loop = loop_lib.Loop(
    algorithm,
    experiment.schedule,
    data,
    lambda step: evaluator(experiment.loop.evaluation_samples),
    checkpoints,
    experiment.loop,
    strategy,
    chief,
  )
  if not loop.rounds:
    raise errors.UserError(f"nothing to train: all of the steps of --algorithm {choices.algorithm} are 0; expected one above 0")
  return loop, evaluator, checkpoints, corpus_lib.has_unknown(data.tokens, corpus.tokenizer), synthetic, corpus.notes + pretrained + notes


def _resume(folder, experiment, corpus, unknown, synthetic, loop):
  """Restores the latest checkpoint, or begins the run anew; writes the files that say what the run is. A run that is refused stays as it is."""
  resumed, begun = loop.restore(), (folder / "config.json").exists()
  lost = begun and not resumed and folder_lib.has_trained(folder)
  if lost and not experiment.choices.restart:
    raise errors.UserError(
      f"the run in {folder} has trained, but its checkpoints are gone; pass --restart true to begin it anew, without its journal and samples, or "
      "another --workdir"
    )
  if not loop.chief:
    return
  if lost:
    folder_lib.clear(folder)
  folder_lib.begin(folder, experiment, corpus, unknown, synthetic)
  step, rounds = loop.run_state.step, loop.rounds
  if lost:
    print(f"the checkpoints of the run in {folder} are gone; beginning it anew", file=sys.stderr)
  elif resumed and loop.finished:
    print(f"nothing is left to train in {folder}: step {step} of {rounds}", file=sys.stderr)
  elif resumed:
    print(f"going on from step {step} of {rounds} in {folder}", file=sys.stderr)
  elif begun:
    print(f"the run in {folder} has no checkpoint yet; beginning at step 0", file=sys.stderr)


def make_strategy(coordination_timeout: float) -> tf.distribute.Strategy:
  """The strategy for this machine: several workers under TF_CONFIG, several GPUs if available, else one device. Raises as `cluster.read`.

  Args:
    coordination_timeout: seconds to wait for the other workers, see `workers.connect`.
  """
  if cluster.read():
    return workers.connect(coordination_timeout)
  if len(tf.config.list_logical_devices("GPU")) > 1:
    return tf.distribute.MirroredStrategy()
  return tf.distribute.get_strategy()


def _is_chief(strategy):
  resolver = strategy.cluster_resolver
  if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) or resolver is None:
    return True
  return resolver.task_type == "chief" or (resolver.task_type == "worker" and resolver.task_id == 0)


def _with_dataset(experiment, data):
  """Replaces the experiment's dataset by a corpus from Python, if there is one; raises a `UserError` if the experiment chooses a dataset."""
  choices = experiment.choices
  if data is None or choices.dataset == experiment_lib.GIVEN:
    return experiment
  default = experiment_lib.Choices().dataset
  if choices.dataset != default or experiment.dataset != data_lib.config_class(default)():
    raise errors.UserError(f"corpus= replaces the dataset, but the experiment chooses {choices.dataset}; expected dataset='given'")
  return dataclasses.replace(experiment, choices=dataclasses.replace(choices, dataset=experiment_lib.GIVEN), dataset=given_data.Config())


# What else to do if a run's data changed.
_OTHERWISE = "another --workdir to begin anew, or restore the old data"


def _corpus_of(folder, experiment, data):
  """The experiment and the corpus for a run in a folder.

  Vocabulary and length come from the existing run there, or from the pretrained run, if any.

  Args:
    folder: path of the run.
    experiment: `experiment.Experiment`. The returned one has no `new_data`, which is a permission for this command only.
    data: see `given.make`; None for the experiment's dataset.
  """
  if folder.exists() and not folder.is_dir():
    raise errors.UserError(f"--workdir {folder} is a file; expected a folder, or a path where one can be made")
  config, new_data = folder_lib.read_config(folder), experiment.choices.new_data
  experiment = dataclasses.replace(experiment, choices=dataclasses.replace(experiment.choices, new_data=False))
  if config is not None:
    # The choices first: if they are equal, the run names no modules other than this command's.
    choices = experiment_lib.Choices.from_json(config["experiment"]["choices"])
    folder_lib.check_same(folder, *({"choices": dataclasses.asdict(c)} for c in (choices, experiment.choices)))
    old = folder_lib.read_experiment(folder, config)
    folder_lib.check_same(folder, *(json.loads(json.dumps(e.to_json())) for e in (old, experiment)))
  if isinstance(experiment.dataset, text_config.TextConfig):
    tokenizers.find(experiment.dataset.tokenizer)  # Trusted, because this command names it: imported before the folder's tokenizer is read.

  def load(tokenizer=None, length=None):
    if data is None:
      return experiment_lib.load_corpus(experiment, tokenizer, length)
    return given_data.make(data, experiment.dataset, tokenizer, length)

  if config is not None:
    corpus = load(folder_lib.read_tokenizer(folder), config["length"])
    what = f"the data of the run in {folder}"
    notes = folder_lib.check_data(what, config["data"], corpus.fingerprint, new_data, "go on with", _OTHERWISE)
    return experiment, dataclasses.replace(corpus, notes=notes + corpus.notes)
  if experiment.choices.pretrained:
    return experiment, _with_vocabulary_of(pathlib.Path(experiment.choices.pretrained), experiment.dataset, load)
  return experiment, load()


def _with_vocabulary_of(folder, config, load):
  """The corpus in the vocabulary of a pretrained run, which grows by the words that only the new training split has.

  Args:
    folder: path of the pretrained run.
    config: the new dataset's `Config`.
    load: function from a tokenizer and a length, or nothing, to the corpus.

  Raises:
    UserError: there is no run, or its vocabulary cannot grow.
  """
  length = folder_lib.config_of(folder)["length"]
  length = getattr(config, "max_length", 0) or length
  tokenizer = folder_lib.read_tokenizer(folder)
  corpus = load(tokenizer, length)
  if not corpus.has_unknown("train"):
    return dataclasses.replace(corpus, notes=(*_size_note(folder, tokenizer, config), *corpus.notes))
  own = load().tokenizer
  if own == tokenizer:
    return corpus
  if not isinstance(tokenizer, tokenizers.Table):
    raise errors.UserError(
      f"--pretrained {folder} does not fit: its tokenizer {tokenizers.name_of(type(tokenizer))} takes some of the training text for unknown, and has "
      "no table that could grow"
    )
  grown = tokenizer.grown(own, getattr(config, "max_vocab_size", 0))
  if grown == tokenizer:
    return corpus
  corpus = load(grown, length)
  growth = f"the vocabulary of {folder} grows from {tokenizer.size} to {grown.size} tokens"
  return dataclasses.replace(corpus, notes=(growth, *corpus.notes))


def _size_note(folder, tokenizer, config):
  """A note if the config asks for another size than that of a pretrained tokenizer which cannot grow, else none."""
  wanted = getattr(config, "max_vocab_size", 0)
  if isinstance(tokenizer, tokenizers.Table) or wanted in (0, tokenizer.size):
    return ()
  name = tokenizers.name_of(type(tokenizer))
  return (f"the vocabulary of {folder} stays at {tokenizer.size} tokens, not the {wanted} of --max_vocab_size: the pieces of {name} cannot grow",)


def _say(notes):
  """Prints notes to the standard error."""
  for note in notes:
    print(note, file=sys.stderr)


def _training_data(folder, choices, corpus, algorithm):
  """The training split, with its labels if the algorithm uses categories, and the sentences of `--synthetic_file`, if any.

  Returns:
    A batch, the fingerprint of the sentences of the file, empty without one, and the notes on them.
  """
  data, conditional, synthetic, notes = corpus.tokens["train"], algorithm.generator.spec.conditional, "", ()
  if choices.synthetic_file:
    if "adversarial_steps" in algorithm.scheduled or conditional:
      raise errors.UserError(
        "--synthetic_file is for maximum likelihood without categories or sources: an adversary would take its sentences for real, and they have "
        "no labels"
      )
    read = corpus_lib.read_lines(choices.synthetic_file, corpus.tokenizer, corpus.spec.length)
    synthetic, config = corpus_lib.fingerprint([read.tokens]), folder_lib.read_config(folder)
    if config is not None:
      what = f"the --synthetic_file of the run in {folder}"
      notes = folder_lib.check_data(what, config["synthetic_data"], synthetic, choices.new_data, "go on with", _OTHERWISE)
    notes += read.notes
    logging.info("%s: %d further sequences to learn", choices.synthetic_file, len(read.tokens))
    data = np.concatenate([data, read.tokens])
  return sequences.Batch(data, corpus.context("train") if conditional else None), synthetic, notes


def _monitors(loop, experiment, folder, corpus, evaluator):
  """The callbacks of every run: terminal, journal, warnings, summaries and samples."""
  seed, spec = noise.fold(noise.seed(experiment.loop.seed), "shown"), loop.algorithm.generator.spec
  shown, places = {}, np.arange(_SHOWN_SENTENCES) % len(corpus.tokens["validation"])

  def shown_sentences():
    if loop.run_state.step not in shown:
      shown.clear()  # Two callbacks show the same sentences; generate them once.
      num = tf.constant(_SHOWN_SENTENCES)
      sources = corpus.sources["validation"][places] if spec.source_length else None
      generated = evaluator.write(num, seed, None, sources)
      sentences = corpus.tokenizer.decode(generated.tokens.numpy())
      if spec.source_length:
        sentences = [" => ".join(pair) for pair in zip(corpus.tokenizer.decode(sources), sentences)]
      if spec.categories:
        sentences = [f"{spec.categories[category]}: {sentence}" for category, sentence in zip(generated.context.numpy(), sentences)]
      shown[loop.run_state.step] = sentences
    return shown[loop.run_state.step]

  journal, headline = monitors.Journal(loop, folder / "metrics.jsonl"), evaluator.headline()
  warnings = monitors.Warnings(loop, folder / "warnings.jsonl", lambda: evaluator.symptoms)
  summaries = monitors.Summaries(
    loop, folder / "summaries", shown_sentences, _flat(experiment), experiment.choices.profile_rounds, lambda: warnings.texts, headline
  )
  return [
    terminal.ProgressBar(loop),
    monitors.Means(loop, experiment.loop.log_every, [journal, summaries]),
    journal,
    terminal.Evaluations(loop, shown_sentences, headline, experiment.choices.verbose),
    warnings,
    summaries,
    monitors.Sentences(loop, folder / "samples", shown_sentences),
  ]


def _early_stopping(loop, experiment, evaluator):
  """The callbacks that end a phase early, if configured; they act alike in every process."""
  config, wanted = experiment.loop, []
  if config.discriminator_patience:
    wanted.append(monitors.DiscriminatorPatience(loop, config.discriminator_patience))
  if config.stop_at_chance:
    wanted.append(monitors.StopAtChance(loop, config.stop_at_chance))
  if wanted and loop.algorithm.discriminator is None:
    raise errors.UserError(
      f"--algorithm {experiment.choices.algorithm} trains no discriminator; --discriminator_patience and --stop_at_chance must be 0"
    )
  if config.mle_patience:
    _check_mle_patience(loop, experiment, evaluator)
    wanted.append(monitors.MlePatience(loop, config.mle_patience))
  return wanted


def _check_mle_patience(loop, experiment, evaluator):
  """Raises a `UserError` if there is no maximum-likelihood phase, or no likelihood to measure in it."""
  why = ""
  if not any(phase.name == monitors.MlePatience.phase and phase.steps for phase in loop.phases):
    why = "this run has no maximum-likelihood phase"
  elif not evaluator.has_likelihood:
    why = "its generator has no likelihood"
  if why:
    raise errors.UserError(f"--mle_patience is {experiment.loop.mle_patience}, but with --algorithm {experiment.choices.algorithm} {why}; expected 0")


def _flat(experiment):
  """The settings for TensorBoard's HParams plugin: flat names to numbers and strings."""
  flat = {}
  for part, values in experiment.to_json().items():
    for name, value in (values or {}).items():
      name = name if part in ("choices", "loop", "rates", "schedule") else f"{part}_{name}"
      flat[name] = value if isinstance(value, (bool, int, float, str)) else str(value)
  return flat

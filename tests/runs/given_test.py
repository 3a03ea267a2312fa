"""Tests of tf_textgan.runs.given: a corpus and parts from Python: trained, resumed, loaded, evaluated."""

import dataclasses
import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import outside
from tests import shell
from tf_textgan import errors
from tf_textgan import registry
from tf_textgan import runs
from tf_textgan import sequences
from tf_textgan.algorithms import gsgan
from tf_textgan.algorithms import mle
from tf_textgan.algorithms import seqgan
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import recurrent
from tf_textgan.discriminators import wrapped
from tf_textgan.generators import lstm
from tf_textgan.generators import tied_lstm
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import given

SENTENCES = [f"{'abcd'[i % 4]} sees {'wxyz'[i // 4 % 4]}" for i in range(160)]
IDS = np.random.default_rng(0).integers(0, 9, [160, 6])
SHORT = {**shell.SHORT, "export": False, "deterministic": False, "generator_hidden_size": 5, "generator_embedding_size": 4}


class Painted(lstm.Generator):
  """A generator that the registry cannot find: this module has no class `Generator`."""


class MyAlgorithm(gsgan.Algorithm):
  """An algorithm that the registry cannot find."""


def _judge():
  return keras.Sequential([keras.layers.GRU(3, name="gru"), keras.layers.Dense(1, name="score")], name="judge")


def _make(folder, **settings):
  return runs.make(**{"algorithm": "mle", **SHORT, "workdir": folder / "run", **settings})


def _weights(folder):
  return runs.load(folder / "run", "latest").algorithm.generator.get_weights()


@pytest.mark.parametrize("corpus", [tf.data.Dataset.from_tensor_slices(SENTENCES).batch(50), IDS], ids=["strings", "ids"])
def test_the_run_stores_a_corpus_from_python(tmp_path, corpus):
  experiment = _make(tmp_path)
  assert runs.train(experiment, corpus=corpus)
  run = runs.load(tmp_path / "run")
  assert run.experiment.choices.dataset == "given" and run.data == run.corpus().fingerprint
  assert sum(map(len, run.corpus().tokens.values())) == 160 and len(run.corpus().tokens["train"]) > 130
  # It resumes with the same corpus, or without it; trained longer it equals an uninterrupted run.
  longer = dataclasses.replace(experiment, schedule=dataclasses.replace(experiment.schedule, mle_steps=6))
  assert runs.train(longer, corpus=corpus)
  assert runs.train(dataclasses.replace(runs.load(tmp_path / "run").experiment, schedule=longer.schedule))
  assert runs.train(dataclasses.replace(longer, choices=dataclasses.replace(longer.choices, workdir=str(tmp_path / "whole"))), corpus=corpus)
  for a, b in zip(_weights(tmp_path), runs.load(tmp_path / "whole", "latest").algorithm.generator.get_weights()):
    np.testing.assert_array_equal(a, b)
  # Another corpus is refused, unless it may be new; then it is stored.
  other = IDS[::-1] if isinstance(corpus, np.ndarray) else SENTENCES[1:]
  with pytest.raises(errors.UserError, match="the data of the run in .*run changed since it began; pass --new_data true to go on with the new"):
    runs.train(longer, corpus=other)
  assert runs.load(tmp_path / "run").corpus().fingerprint == run.data
  assert runs.train(dataclasses.replace(longer, choices=dataclasses.replace(longer.choices, new_data=True)), corpus=other)
  changed = runs.load(tmp_path / "run")
  assert changed.corpus().fingerprint == changed.data != run.data and not changed.experiment.choices.new_data


def test_the_commands_evaluate_and_resume_a_moved_run_on_a_corpus_from_python(tmp_path):
  assert runs.train(_make(tmp_path, dataset="given", max_length=5, vocab_size=0), corpus=SENTENCES)
  (tmp_path / "run").rename(tmp_path / "moved")
  words = ["--workdir", tmp_path / "moved", "--num", 20, "--encoder", "", "--json", tmp_path / "scores.json"]
  code, _, err = shell.call("evaluate", *words)
  assert code == 0, err
  assert json.loads((tmp_path / "scores.json").read_text())["nll_test"] > 0
  settings = {"algorithm": "mle", "dataset": "given", "max_length": 5, "workdir": tmp_path / "moved", **SHORT}
  code, _, err = shell.call("train", *shell.as_flags(settings))
  assert code == 0 and "nothing is left to train in" in err, err
  code, _, err = shell.call("train", *shell.as_flags({**settings, "workdir": tmp_path / "new"}))
  assert code == 2 and "new holds no corpus; the dataset given comes from Python: runs.train(..., corpus=...)" in err


def test_a_corpus_does_not_replace_a_chosen_dataset(tmp_path):
  with pytest.raises(errors.UserError, match="corpus= replaces the dataset, but the experiment chooses lstm_oracle; expected"):
    runs.train(_make(tmp_path, dataset="lstm_oracle"), corpus=IDS)
  assert not (tmp_path / "run").exists()


def test_a_run_on_a_corpus_from_python_starts_from_a_pretrained_generator(tmp_path):
  assert runs.train(_make(tmp_path), corpus=SENTENCES)
  second = _make(tmp_path, workdir=tmp_path / "second", pretrained=str(tmp_path / "run"))
  assert runs.train(second, corpus=[*SENTENCES, *["q sees r"] * 20])
  first, second = (runs.load(tmp_path / name).tokenizer.tokens for name in ("run", "second"))
  assert second[: len(first)] == first and second[len(first) :] == ("q", "r")


def test_networks_of_a_known_module_are_loaded_by_name(tmp_path):
  spec = sequences.Spec(vocab_size=9, length=6, start_token=0)
  generator = tied_lstm.Generator(spec, tied_lstm.Config(embedding_size=4, hidden_size=6), seed=3)
  before = generator.get_weights()
  experiment = runs.make(**shell.SHORT, algorithm="gsgan", workdir=tmp_path / "run", export=False, deterministic=False, generator_learning_rate=0.0,
                         mle_learning_rate=0.0)  # fmt: skip
  assert runs.train(experiment, corpus=IDS, generator=generator, discriminator=recurrent.Discriminator)
  run = runs.load(tmp_path / "run")
  assert run.experiment.choices.generator == "tied_lstm" and run.experiment.generator == generator.config
  assert run.experiment.choices.discriminator == "recurrent" and run.experiment.discriminator == experiment.discriminator
  # Training started from the object's own weights.
  assert all(np.array_equal(a, b) for a, b in zip(before, run.algorithm.generator.get_weights()))
  assert runs.train(run.experiment)


def test_parts_of_no_module_are_passed_again(tmp_path):
  make_generator = functools.partial(Painted, config=lstm.Config(embedding_size=4, hidden_size=5))
  parts = {
    "generator": make_generator,
    "discriminator": _judge(),
    "algorithm": functools.partial(MyAlgorithm, gsgan.Config()),
  }
  experiment = runs.make(**shell.SHORT, workdir=tmp_path / "run", deterministic=False)
  assert runs.train(experiment, corpus=SENTENCES, **parts)
  assert (tmp_path / "run" / "export" / "saved_model.pb").exists()
  values = json.loads((tmp_path / "run" / "config.json").read_text())["experiment"]
  assert [values["choices"][kind] for kind in ("algorithm", "generator", "discriminator")] == ["given"] * 3
  assert values["algorithm"] is values["generator"] is values["discriminator"] is None
  parts["discriminator"] = _judge()
  run = runs.load(tmp_path / "run", **parts)
  assert isinstance(run.algorithm, MyAlgorithm) and isinstance(run.algorithm.generator, Painted)
  assert isinstance(run.algorithm.discriminator, wrapped.Discriminator) and run.algorithm.discriminator.embedding.shape[1] == 64
  assert runs.train(experiment, corpus=SENTENCES, **parts)
  with pytest.raises(errors.UserError, match="the algorithm of the run in .*run came from Python and is in no module; pass it again"):
    runs.load(tmp_path / "run", generator=make_generator, discriminator=parts["discriminator"])
  with pytest.raises(errors.UserError, match="the generator of the run in .* came from Python and"):
    runs.train(run.experiment, algorithm=parts["algorithm"], discriminator=parts["discriminator"])
  code, _, err = shell.call("generate", "--workdir", tmp_path / "run")
  assert code == 2 and len(shell.said(err)) == 1 and "came from Python and is in no module" in err
  with pytest.raises(errors.UserError, match="holds another run: its choices has generator 'given', this command 'lstm'"):
    runs.load(tmp_path / "run", **{**parts, "generator": lstm.Generator})


def test_an_ensemble_of_networks_from_a_function():
  experiment = runs.make(algorithm="gsgan", ensemble=2, generator_hidden_size=5)
  make = functools.partial(recurrent.Discriminator, config=recurrent.Config(hidden_size=3))
  resolved, makers = given.resolve(experiment, discriminator=make)
  algorithm = experiment_lib.build(resolved, tiny.SPECS["text"], given=makers)
  first, second = (member.get_weights() for member in algorithm.discriminator.members)
  assert any(np.any(a != b) for a, b in zip(first, second))
  resolved, makers = given.resolve(experiment, discriminator=make(tiny.SPECS["text"]))
  with pytest.raises(errors.UserError, match="discriminator= is one network, but --ensemble is above 1"):
    experiment_lib.build(resolved, tiny.SPECS["text"], given=makers)


def test_an_algorithm_brings_its_own_networks_unless_others_were_chosen():
  names = lambda e: (e.choices.algorithm, e.choices.generator, e.generator, e.choices.discriminator, e.discriminator)  # noqa: E731
  resolved, makers = given.resolve(runs.make(), mle.Algorithm)
  assert resolved == dataclasses.replace(runs.make(algorithm="mle")) and not makers
  resolved, _ = given.resolve(runs.make(generator_hidden_size=7), gsgan.Algorithm)
  assert names(resolved) == ("gsgan", "lstm", runs.make(generator_hidden_size=7).generator, "", gsgan.DISCRIMINATOR[1])
  resolved, _ = given.resolve(runs.make(algorithm="gsgan", max_temperature=2.0), gsgan.Algorithm)
  assert resolved.algorithm.max_temperature == 2.0
  # An algorithm of no module has no defaults: the experiment's networks, by their names.
  resolved, makers = given.resolve(runs.make(), lambda networks, seed: None)
  assert names(resolved) == ("given", "lstm", seqgan.GENERATOR[1], "cnn_highway", seqgan.DISCRIMINATOR[1]) and list(makers) == ["algorithm"]


def test_a_class_of_a_users_module_is_recorded_by_the_modules_name(tmp_path, monkeypatch):
  monkeypatch.syspath_prepend(tmp_path)
  parts = outside.write(tmp_path, "given_parts")
  module = registry.load("tf_textgan.generators", parts["generator"])
  resolved, makers = given.resolve(runs.make(), generator=module.Generator)
  assert resolved.choices.generator == "given_parts.generator" and resolved.generator == module.Config() and not makers
  network = module.Generator(tiny.SPECS["text"], module.Config(colour="green"))
  resolved, makers = given.resolve(runs.make(), generator=network)
  assert resolved.generator.colour == "green" and makers["generator"](tiny.SPECS["text"], None, 0) is network
  outside.forget("given_parts")


@pytest.mark.parametrize(
  ("parts", "message"),
  [
    ({"generator": "lstm"}, r"generator= is the string 'lstm', which names a part in an experiment: runs.make\(...\); expected"),
    ({"generator": 3}, r"generator= is a int; expected a tf_textgan.generators.base.Generator, or a function of \(spec, seed\)"),
    ({"generator": keras.Sequential()}, "generator= is a Sequential; expected a tf_textgan.generators.base.Generator"),
    ({"generator": lambda spec, seed: 3}, "generator= gives a int; expected a tf_textgan.generators.base.Generator"),
    ({"algorithm": "mle"}, r"algorithm= is the string 'mle', .*; expected a class that derives from tf_textgan.algorithms.base.Algorithm"),
    ({"algorithm": lambda networks, seed: networks}, "algorithm= gives a dict; expected a tf_textgan.algorithms.base.Algorithm"),
    (
      {"generator": lstm.Generator(sequences.Spec(5, 4, 0), lstm.Config(hidden_size=3))},
      r"generator= is a network for Spec\(vocab_size=5, length=4, .*, but the corpus has Spec\(vocab_size=9, length=6",
    ),
  ],
)
def test_other_objects_are_refused(tmp_path, parts, message):
  with pytest.raises(errors.UserError, match=message):
    runs.train(_make(tmp_path), corpus=IDS, **parts)
  assert not (tmp_path / "run").exists()

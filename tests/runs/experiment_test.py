"""Tests of tf_textgan.runs.experiment."""

import dataclasses
import itertools
import json

import keras
import numpy as np
import pytest

from tests import shell
from tf_textgan import errors
from tf_textgan import files
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.commands import flags
from tf_textgan.conformance import tiny
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.data.tokenizers import word
from tf_textgan.runs import experiment as experiment_lib


def _experiment(algorithm, **settings):
  return flags.parse(["train.py", *shell.as_flags({**shell.tiny_flags(algorithm), **settings})], "")


@pytest.mark.parametrize(("name", "dataset"), itertools.product(tiny.ALGORITHMS, ["caption_grammar", "lstm_oracle", "text_lines"]))
def test_json_restores_an_experiment(name, dataset):
  experiment = _experiment(name, dataset=dataset, seed=12, batch_size=7, adversarial_steps=3)
  values = json.loads(json.dumps(experiment.to_json()))
  assert experiment_lib.Experiment.from_json(values) == experiment
  assert (experiment.discriminator is None) == (values["discriminator"] is None)


@pytest.mark.parametrize(("name", "dataset"), itertools.product(tiny.ALGORITHMS, ["caption_grammar", "lstm_oracle", "text_lines"]))
def test_settings_make_the_same_experiment_as_flags(name, dataset, tmp_path):
  assert experiment_lib.make(algorithm=name, dataset=dataset) == flags.parse(["train.py", "--algorithm", name, "--dataset", dataset], "")
  steps = registry.load("tf_textgan.algorithms", name).Algorithm.scheduled[0]
  settings = {**shell.tiny_flags(name), "dataset": dataset, "workdir": tmp_path, "seed": 12, steps: 3, "export": False}
  assert experiment_lib.make(**settings) == flags.parse(["train.py", *shell.as_flags(settings)], "")


def test_values_are_converted_to_the_type_of_their_field():
  made = experiment_lib.make(discriminator_widths=[1, 2], discriminator_filters=(3, 4), mle_learning_rate=1, seed=np.int64(3))
  assert made.discriminator.widths == (1, 2) and type(made.algorithm.mle_learning_rate) is float and type(made.loop.seed) is int


@pytest.mark.parametrize(
  ("settings", "message"),
  [
    ({"mle_step": 3}, r"unknown setting mle_step \(did you mean mle_steps\?\); there are: advantage, .*, workdir$"),
    ({"algorithm": "gsgan", "rollouts": 3}, "unknown setting rollouts.*; there are: .*max_temperature"),
    ({"mle_steps": "3"}, "mle_steps is '3'; expected an integer$"),
    ({"export": 1}, "export is 1; expected true or false$"),
    ({"seed": 1.5}, "seed is 1.5; expected an integer$"),
    ({"seed": True}, "seed is True; expected an integer$"),
    ({"seed": 2**64}, "seed is 18446744073709551616; expected an integer of at most 64 bits$"),
    ({"seed": 10**5000}, "seed is a value of type int; expected an integer"),
    ({"mle_learning_rate": float("nan")}, "mle_learning_rate is nan; expected a finite number$"),
    ({"workdir": "\ud800"}, r"workdir is '\\ud800'; expected text without half of a surrogate pair$"),
    ({"workdir": object()}, "workdir is <object object at .*>; expected a string$"),
    ({"discriminator_widths": 3}, "discriminator_widths is 3; expected a list of integers$"),
    ({"discriminator_widths": (1, "2")}, r"discriminator_widths\[1\] is '2'; expected an integer$"),
    ({"generator_hidden_size": 10**9}, "hidden_size must be at most 65536, not 1000000000$"),
    ({"discriminator_filters": (4, 0)}, r"filters must be at least 1, not \(4, 0\)$"),
    ({"ensemble": 101}, "ensemble must be at most 100, not 101$"),
    ({"precision": "half"}, "precision is 'half'; expected one of 'float32', 'mixed_bfloat16'"),
    ({"mle_steps": -1}, "mle_steps must be at least 0, not -1"),
    ({"algorithm": "seqgam"}, "unknown algorithm 'seqgam'"),
  ],
)
def test_settings_that_are_wrong(settings, message):
  with pytest.raises(errors.UserError, match=message):
    experiment_lib.make(**settings)


def test_tuples_stay_tuples():
  experiment = _experiment("seqgan")
  back = experiment_lib.Experiment.from_json(json.loads(json.dumps(experiment.to_json())))
  assert back.discriminator.widths == (1, 2)


@pytest.mark.parametrize("part", ["choices", "schedule", "loop", "rates", "algorithm", "dataset", "generator", "discriminator"])
def test_a_setting_of_another_version_is_refused(part):
  values = _experiment("gsgan").to_json()
  values[part] = {**values[part], "speed": 3}
  with pytest.raises(errors.UserError, match=f"{part}.speed is unknown to this version; expected "):
    experiment_lib.Experiment.from_json(values)


def test_a_missing_part_or_setting_is_refused():
  for part in (*_experiment("gsgan").to_json(), "algorithm.objective"):
    values = _experiment("gsgan").to_json()
    owner, _, name = part.rpartition(".")
    del (values[owner] if owner else values)[name]
    with pytest.raises(errors.UserError, match=f"^{part if owner else 'experiment.' + part} is missing$"):
      experiment_lib.Experiment.from_json(values)


def test_a_range_is_checked_when_json_is_read():
  values = _experiment("gsgan").to_json()
  values["generator"]["hidden_size"] = 0
  with pytest.raises(errors.UserError, match="^generator: hidden_size must be at least 1, not 0$"):
    experiment_lib.Experiment.from_json(values)
  values["generator"] = None
  with pytest.raises(errors.UserError, match="^generator is None; expected an object$"):
    experiment_lib.Experiment.from_json(values)
  values = _experiment("mle").to_json()
  values["discriminator"] = {}
  with pytest.raises(errors.UserError, match="^discriminator is {}; expected null, because the choices name no module for it$"):
    experiment_lib.Experiment.from_json(values)


@pytest.mark.parametrize("name", tiny.ALGORITHMS)
def test_networks_are_made_from_the_seed(name):
  spec = tiny.SPECS["text"]
  weights = [experiment_lib.build(_experiment(name, seed=seed), spec).generator.get_weights() for seed in (1, 1, 2)]
  assert all(np.array_equal(a, b) for a, b in zip(weights[0], weights[1]))
  assert any(not np.array_equal(a, b) for a, b in zip(weights[0], weights[2]))


def test_precision_changes_the_arithmetic_of_these_networks_only():
  algorithm = experiment_lib.build(_experiment("seqgan", precision="mixed_bfloat16"), tiny.SPECS["text"])
  assert algorithm.generator.compute_dtype == "bfloat16"
  assert {variable.dtype for variable in algorithm.generator.trainable_variables} == {"float32"}
  assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("name", ["mle", "seqgan", "gsgan"])
def test_a_generator_that_does_not_fit_is_refused(name):
  experiment = flags.parse(["train.py", "--algorithm", name, "--generator", "conv_resnet", "--generator_channels", "4"], "")
  with pytest.raises(errors.UserError, match=f"--algorithm {name} needs a generator that writes token by token, which conv_resnet does not"):
    experiment_lib.build(experiment, tiny.SPECS["text"])


def test_networks_that_need_each_other_are_refused_alone():
  spec = tiny.SPECS["text"]
  with pytest.raises(errors.UserError, match="--algorithm leakgan needs the generator manager_worker, not lstm"):
    experiment_lib.build(flags.parse(["train.py", "--algorithm", "leakgan", "--generator", "lstm"], ""), spec)
  asked = [(["leakgan", "--discriminator", "recurrent"], "--algorithm leakgan"), (["mle", "--generator", "manager_worker"], "manager_worker")]
  for words, who in asked:
    with pytest.raises(errors.UserError, match=f"{who} needs a discriminator that gives the features of unfinished sequences"):
      experiment_lib.build(flags.parse(["train.py", "--algorithm", *words], ""), spec)


@pytest.mark.parametrize(("kind", "other", "own"), [("generator", "lstm", "lstm_mixture"), ("discriminator", "recurrent", "cnn_categories")])
def test_an_algorithm_may_need_its_own_networks(kind, other, own):
  experiment = flags.parse(["train.py", "--algorithm", "sentigan", f"--{kind}", other], "")
  with pytest.raises(errors.UserError, match=f"--algorithm sentigan needs the {kind} {own}[;,] not {other}"):
    experiment_lib.build(experiment, tiny.SPECS["text"])


def test_networks_that_fit_need_not_be_the_default():
  experiment = flags.parse(["train.py", "--algorithm", "seqgan", "--discriminator", "recurrent", "--generator_hidden_size", "4"], "")
  algorithm = experiment_lib.build(experiment, sequences.Spec(vocab_size=9, length=6, start_token=0))
  assert type(algorithm.discriminator).__module__ == "tf_textgan.discriminators.recurrent"


def test_an_ensemble_has_members_that_differ():
  algorithm = experiment_lib.build(_experiment("gsgan", ensemble=3), tiny.SPECS["text"])
  first, second, third = (member.get_weights() for member in algorithm.discriminator.members)
  assert any(np.any(a != b) for a, b in zip(first, second)) and any(np.any(a != b) for a, b in zip(second, third))
  assert len(algorithm.optimizers["discriminator_optimizer"].variables) > 2 * 3 * 3


@pytest.mark.parametrize(
  ("algorithm", "message"),
  [
    ("mle", "--algorithm mle trains no discriminator, but --ensemble is 2"),
    ("sentigan", "--algorithm sentigan needs the discriminator cnn_categories; not ensemble"),
  ],
)
def test_an_algorithm_without_a_discriminator_refuses_an_ensemble(algorithm, message):
  with pytest.raises(errors.UserError, match=message):
    experiment_lib.build(_experiment(algorithm, ensemble=2), tiny.SPECS["text"])


def test_json_is_written_whole_or_not_at_all(tmp_path):
  path = tmp_path / "value.json"
  files.write_json(path, {"a": 1})
  with pytest.raises(TypeError):
    files.write_json(path, {"a": object()})
  assert json.loads(path.read_text()) == {"a": 1}
  assert [entry.name for entry in tmp_path.iterdir()] == ["value.json"]
  with pytest.raises(errors.UserError, match="expected a file, but this is a folder"):
    files.write_json(tmp_path, {})


def test_versions_of_the_packages_that_results_depend_on():
  versions = experiment_lib.versions()
  assert versions["keras"] == keras.__version__ and versions["numpy"] == np.__version__
  assert all(isinstance(version, str) and version for version in versions.values())


def test_an_experiment_is_a_value():
  first, second = _experiment("seqgan"), _experiment("seqgan")
  assert first == second
  assert dataclasses.replace(first, schedule=dataclasses.replace(first.schedule, mle_steps=1)) != second


def _with_vectors(tmp_path, **settings):
  """An experiment whose networks have pretrained embeddings, and a vocabulary of five words."""
  path = tmp_path / "vectors.txt"
  path.write_text("".join(f"{word} {i}.5 -1\n" for i, word in enumerate("abcde")))
  settings = {"embedding_file": path, "generator_pretrained_size": 2, "discriminator_pretrained_size": 2, **settings}
  vocabulary = word.Tokenizer((*tokenizers.SPECIAL_TOKENS, *"abcde"))
  return _experiment("scratchgan", **settings), vocabulary


def test_word_vectors_fill_the_pretrained_embeddings(tmp_path):
  experiment, vocabulary = _with_vectors(tmp_path)
  algorithm = experiment_lib.build(experiment, vocabulary.spec(6), vocabulary)
  for network in (algorithm.generator, algorithm.discriminator):
    np.testing.assert_array_equal(network.pretrained[4:], [[i + 0.5, -1.0] for i in range(5)])
  for member in experiment_lib.build(_with_vectors(tmp_path, ensemble=2)[0], vocabulary.spec(6), vocabulary).discriminator.members:
    np.testing.assert_array_equal(member.pretrained[4:], [[i + 0.5, -1.0] for i in range(5)])
  # Networks to be restored need no file.
  (tmp_path / "vectors.txt").unlink()
  restored = experiment_lib.build(experiment, vocabulary.spec(6))
  assert list(restored.variables()) == list(algorithm.variables())


@pytest.mark.parametrize("settings", [{"embedding_file": ""}, {"generator_pretrained_size": 0, "discriminator_pretrained_size": 0}])
def test_word_vectors_and_pretrained_embeddings_need_each_other(tmp_path, settings):
  experiment, vocabulary = _with_vectors(tmp_path, **settings)
  with pytest.raises(errors.UserError, match="--embedding_file is .* expected both or neither"):
    experiment_lib.build(experiment, vocabulary.spec(6), vocabulary)


def test_word_vectors_of_another_size_are_refused(tmp_path):
  experiment, vocabulary = _with_vectors(tmp_path, generator_pretrained_size=3)
  with pytest.raises(errors.UserError, match="expected a word and 3 numbers"):
    experiment_lib.build(experiment, vocabulary.spec(6), vocabulary)


def test_a_discriminator_for_an_algorithm_without_one_is_refused():
  vocabulary = word.Tokenizer((*tokenizers.SPECIAL_TOKENS, *"abcde"))
  with pytest.raises(errors.UserError, match="--algorithm mle trains no discriminator, but --pretrained_discriminator is other"):
    experiment_lib.build(_experiment("mle", pretrained_discriminator="other"), vocabulary.spec(6), vocabulary)


def test_a_pretrained_discriminator_does_not_start_from_the_generators_weights():
  """Nor in a resumed run, which reads its weights from its own checkpoint."""
  for folder, began in (("", True), ("other", False)):
    settings = {"algorithm": "seqgan", "discriminator": "generator_lstm", "pretrained_discriminator": folder}
    experiment = flags.parse(["train.py", *shell.as_flags(settings)], "")
    algorithm = experiment_lib.build(experiment, sequences.Spec(vocab_size=9, length=6, start_token=0))
    algorithm.begin("discriminator")
    same = np.array_equal(algorithm.discriminator.embedding, algorithm.generator.embedding)
    assert same == began


def test_the_users_code_that_a_config_names():
  made = experiment_lib.make(dataset="text_lines").to_json()
  assert experiment_lib.modules_named(made) == []
  made["choices"] |= {"imports": "plain, my.builder", "reward": ["my.rewards:f", "os:system"]}
  made["choices"] |= {"generator": "my.generator", "dataset": "wikipedia/2023.en"}
  made["dataset"]["tokenizer"] = "my.tokenizer"
  assert experiment_lib.modules_named(made) == ["plain", "my.builder", "my.rewards:f", "os:system", "my.generator", "my.tokenizer"]
  assert experiment_lib.modules_named({"choices": {"speed": 3}}) == []

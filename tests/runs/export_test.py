"""Tests of tf_textgan.runs.export: an exported generator without the library, in a fresh process."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
import tokenizers as hf_tokenizers

from tests import shell
from tf_textgan import errors
from tf_textgan import runs
from tf_textgan.conformance import tiny
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.evaluation import evaluator
from tf_textgan.generators import guided
from tf_textgan.runs import export
from tf_textgan.sampling import pickers

# More than one chunk of `Generator.write`.
NUM = 1030
TEXT = ["a man sees the dog", "the bird likes a cat", "a zebra sees the dog", "", "a man sees the dog a man sees the dog", "  a   man "]
INTEGERS = ["1 2 3 4 5", "0 0 0 0 0", "19 18 17 16 15"]

_PROGRAM = f"NUM, INTEGERS, TEXT = {NUM}, {INTEGERS}, {TEXT}" + """
import json, sys
import tensorflow as tf
results = {}
for name, path in json.load(sys.stdin).items():
  model = tf.saved_model.load(path)
  generate, score = model.signatures["generate"], model.signatures["score"]
  sentences = lambda num, temperature, seed: [s.decode() for s in generate(
      num=tf.constant(num), temperature=tf.constant(temperature), seed=tf.constant(seed, tf.int64))["text"].numpy()]
  drawn = generate(num=tf.constant(5), temperature=tf.constant(1.0), seed=tf.constant(7, tf.int64))
  results[name] = {
    "text": sentences(NUM, 1.0, 7), "cold": sentences(4, 0.0, 7), "cold_again": sentences(4, 0.0, 8), "other": sentences(20, 1.0, 2**32 - 7),
    "cool": sentences(20, 0.8, 7), "log_prob": drawn["log_prob"].numpy().tolist(),
    "score": {key: value.numpy().tolist() for key, value in score(text=tf.constant(INTEGERS if name == "oracle" else TEXT)).items()},
    "direct": [s.decode() for s in model.generate(tf.constant(3), tf.constant(1.0), tf.constant(7, tf.int64))["text"].numpy()],
  }
assert not any(name.split(".")[0] == "tf_textgan" for name in sys.modules)
json.dump(results, sys.stdout)
"""

_ORACLE = {"dataset": "lstm_oracle", "length": 5, "vocab_size": 20, "num_train": 32, "num_validation": 8, "num_test": 8}


def _spread(algorithm):
  """Random weights as large as trained ones, so that sentences differ in probability."""
  random = np.random.default_rng(4)
  for network in (algorithm.generator, algorithm.discriminator):
    for weight in network.trainable_variables if network else ():
      weight.assign(random.normal(0, 0.7, weight.shape))


def _spread_without_unknown(algorithm):
  """As `_spread`, and the unknown token has no probability, as after training on text without it."""
  _spread(algorithm)
  bias = algorithm.generator.output_bias
  bias.assign(bias - 50.0 * tf.one_hot(tokenizers.UNK, bias.shape[0]))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
  """Runs with their exports, name to (folder, corpus, algorithm), and the outputs of the exports in a fresh process."""
  tfds.disable_progress_bar()
  folder = tmp_path_factory.mktemp("export")
  shell.write_text(folder / "text.txt", 80)
  text = {"dataset": "text_lines", "text_files": folder / "text.txt", "data_dir": folder / "data"}
  settings = {
    "seqgan": {**text, **shell.tiny_flags("seqgan")},
    "gsgan": {**text, **shell.tiny_flags("gsgan")},
    "leakgan": {**text, **shell.tiny_flags("leakgan")},  # Its generator reads its discriminator.
    "characters": {**text, "tokenizer": "char", **shell.tiny_flags("wgan_gp")},
    "oracle": {**_ORACLE, "data_dir": folder / "data", **shell.tiny_flags("mle")},
  }
  made = {}
  for name, flags in settings.items():
    corpus, algorithm = shell.begin(folder / name, flags, _spread)
    export.save(folder / name / "export", algorithm.generator, algorithm.discriminator, corpus.tokenizer)
    made[name] = (folder / name, corpus, algorithm)
  paths = [path for path in sys.path if path and pathlib.Path(path).resolve() not in (shell.ROOT, shell.ROOT / "tests")]
  fresh = subprocess.run(
    [sys.executable, "-c", _PROGRAM],
    input=json.dumps({name: str(folder / name / "export") for name in made}),
    capture_output=True,
    text=True,
    cwd=folder,
    env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"},
    timeout=120,
  )
  assert fresh.returncode == 0, fresh.stderr
  return made, json.loads(fresh.stdout)


NAMES = ["seqgan", "gsgan", "leakgan", "characters", "oracle"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_text_as_the_command(made, name):
  runs_made, fresh = made
  folder = runs_made[name][0]

  def lines(*words):
    code, out, err = shell.call("generate", "--workdir", folder, *words)
    assert code == 0, err
    return out.split("\n")[:-1]

  assert lines("--num", NUM, "--temperature", 1, "--seed", 7) == fresh[name]["text"]
  assert lines("--num", 20, "--temperature", 0.8, "--seed", 7) == fresh[name]["cool"]
  assert lines("--num", 20, "--temperature", 1, "--seed", 2**32 - 7) == fresh[name]["other"]
  assert fresh[name]["other"] != fresh[name]["text"][:20] != fresh[name]["cool"]
  assert len(fresh[name]["text"]) == NUM
  assert len(fresh[name]["direct"]) == 3
  written = [json.loads(line) for line in lines("--num", 5, "--temperature", 1, "--seed", 7, "--format", "jsonl")]
  np.testing.assert_allclose([line["log_prob"] for line in written], fresh[name]["log_prob"], atol=1e-5)
  if name != "characters":  # Its own picker takes the most probable character.
    assert lines("--num", 5, "--seed", 7, "--temperature", 1) == lines("--num", 5, "--seed", 7)


@pytest.mark.parametrize("name", ["seqgan", "leakgan", "oracle"])
def test_temperature_0_is_the_most_probable_text_whatever_the_seed(made, name):
  """Without a latent nothing else is random."""
  runs_made, fresh = made
  _, corpus, algorithm = runs_made[name]
  assert fresh[name]["cold"] == fresh[name]["cold_again"]
  assert len(set(fresh[name]["cold"])) == 1
  # Token by token the argmax, by teacher forcing, but for the unknown token.
  tokens = corpus.tokenizer.encode(fresh[name]["cold"][:1], corpus.spec.length)
  logits = algorithm.generator(tf.constant(tokens), algorithm.generator.prior(1, [0, 0])).numpy()[0]
  if name != "oracle":
    logits[:, tokenizers.UNK] = -np.inf
  for token, row in zip(tokens[0], logits):
    assert token == row.argmax()
    if token == corpus.spec.end_token:
      break


def test_temperature_0_of_characters_is_their_generators_own_picker(made):
  runs_made, fresh = made
  _, out, _ = shell.call("generate", "--workdir", runs_made["characters"][0], "--num", 4, "--seed", 7)
  assert out.split("\n")[:-1] == fresh["characters"]["cold"] != fresh["characters"]["cold_again"]


@pytest.mark.parametrize("name", ["seqgan", "leakgan", "oracle"])
def test_scores_are_the_evaluators_likelihood(made, name):
  runs_made, fresh = made
  _, corpus, algorithm = runs_made[name]
  sentences = INTEGERS if name == "oracle" else TEXT
  tokens = corpus.tokenizer.encode(sentences, corpus.spec.length)
  expected = evaluator.Evaluator(algorithm.generator, corpus, seed=0).log_probs(tokens).whole
  np.testing.assert_allclose(fresh[name]["score"]["log_prob"], expected, rtol=1e-5)
  assert len(set(np.round(expected, 4))) == len(sentences)


def test_scores_of_the_discriminators(made):
  runs_made, fresh = made
  for name in ("seqgan", "gsgan", "leakgan", "characters"):
    _, corpus, algorithm = runs_made[name]
    tokens = corpus.tokenizer.encode(TEXT, corpus.spec.length)
    np.testing.assert_allclose(fresh[name]["score"]["discriminator"], algorithm.discriminator(tf.constant(tokens)), rtol=1e-4, atol=1e-5)
  # A one-shot generator has no likelihood, maximum likelihood no discriminator.
  assert set(fresh["characters"]["score"]) == {"discriminator"}
  assert set(fresh["oracle"]["score"]) == {"log_prob"}


@pytest.mark.parametrize("name", ["seqgan", "gsgan", "leakgan", "characters"])
def test_the_unknown_token_is_never_generated(made, name):
  """Although these networks, which have learned nothing, often pick it."""
  runs_made, fresh = made
  folder, corpus, algorithm = runs_made[name]
  picker = pickers.Categorical()
  assert np.any(algorithm.generator.write(50, export.generation_seed(7), picker).tokens == tokenizers.UNK)
  assert not any("<unk>" in text for part in ("text", "cold", "cool", "other", "direct") for text in fresh[name][part])
  if name != "seqgan":
    return
  for words in ((), ("--temperature", 1e30, "--top_k", 2), ("--nucleus", 0.9, "--allow_unk", "true")):
    code, out, err = shell.call("generate", "--workdir", folder, "--num", 50, "--seed", 7, *words)
    assert code == 0 and not any(token in out for token in tokenizers.SPECIAL_TOKENS), (words, err)


def test_an_unknown_word_counts_as_unk(made):
  runs_made, fresh = made
  folder, corpus, _ = runs_made["seqgan"]
  assert "zebra" not in corpus.tokenizer.tokens
  model = tf.saved_model.load(str(folder / "export"))
  scores = model.signatures["score"](text=tf.constant(["a zebra sees the dog", "a <unk> sees the dog", "a man sees the dog"]))["log_prob"].numpy()
  assert scores[0] == scores[1] != scores[2]


def test_the_log_prob_of_a_sample_is_its_score(made):
  """At temperature 1 and without a latent both are the log-likelihood."""
  runs_made, _ = made
  model = tf.saved_model.load(str(runs_made["oracle"][0] / "export"))
  drawn = model.generate(tf.constant(50), tf.constant(1.0), tf.constant(3, tf.int64))
  np.testing.assert_allclose(model.score(drawn["text"])["log_prob"], drawn["log_prob"], rtol=1e-4, atol=1e-4)


def test_a_new_export_replaces_the_old_one_whole(made, tmp_path):
  _, corpus, algorithm = made[0]["oracle"]
  (tmp_path / "export").mkdir()
  (tmp_path / "export" / "old").write_text("")
  (tmp_path / "export.partial").mkdir()  # Left by a killed run.
  (tmp_path / "export.partial" / "half").write_text("")
  export.save(tmp_path / "export", algorithm.generator, None, corpus.tokenizer)
  assert sorted(path.name for path in tmp_path.iterdir()) == ["export"]
  assert sorted(path.name for path in (tmp_path / "export").iterdir()) == ["assets", "fingerprint.pb", "saved_model.pb", "variables"]


def test_what_an_export_is_of_lies_in_it(made, tmp_path):
  _, corpus, algorithm = made[0]["oracle"]
  about = {"algorithm": "mle", "checkpoint": "best", "step": 3, "phase": "mle"}
  export.save(tmp_path / "export", algorithm.generator, None, corpus.tokenizer, about=about)
  assert json.loads((tmp_path / "export" / "assets.extra" / "about.json").read_text()) == about
  assert tf.saved_model.load(str(tmp_path / "export")).signatures


def test_without_likelihood_and_discriminator_there_is_one_signature(made, tmp_path):
  _, corpus, algorithm = made[0]["characters"]
  export.save(tmp_path / "export", algorithm.generator, None, corpus.tokenizer)
  model = tf.saved_model.load(str(tmp_path / "export"))
  assert list(model.signatures) == ["generate"] and not hasattr(model, "score") and not hasattr(model, "serve")


def test_the_default_signature_and_the_endpoint_of_keras_are_the_score(made):
  folder, _, algorithm = made[0]["gsgan"]
  model = tf.saved_model.load(str(folder / "export"))
  text = tf.constant(TEXT)
  expected = model.signatures["score"](text=text)
  layer = keras.layers.TFSMLayer(str(folder / "export"))
  for scores in (model.signatures["serving_default"](text=text), layer(text)):
    assert set(scores) == {"log_prob", "discriminator"}
    for name in scores:
      np.testing.assert_array_equal(scores[name], expected[name])
  assert len(layer.weights) == len(algorithm.generator.trainable_variables) + len(algorithm.discriminator.trainable_variables)


@pytest.mark.parametrize("name", ["gsgan", "characters"])
@pytest.mark.parametrize(
  ("num", "temperature", "message"),
  [
    (-1, 1.0, r"expected a num of at least 1, but got.*\[-1\]"),
    (0, 1.0, r"expected a num of at least 1, but got.*\[0\]"),
    (3, -1.0, r"expected a temperature that is finite and at least 0, but got.*\[-1\]"),
    (3, float("nan"), r"expected a temperature that is finite and at least 0, but got.*\[nan\]"),
    (3, float("inf"), r"expected a temperature that is finite and at least 0, but got.*\[inf\]"),
  ],
)
def test_impossible_requests_are_refused(made, name, num, temperature, message):
  model = tf.saved_model.load(str(made[0][name][0] / "export"))
  with pytest.raises(tf.errors.InvalidArgumentError, match=message):
    model.signatures["generate"](num=tf.constant(num), temperature=tf.constant(temperature), seed=tf.constant(1, tf.int64))


def test_versions_stand_side_by_side_and_are_not_lost(made, tmp_path):
  _, corpus, algorithm = made[0]["oracle"]
  save = lambda version: export.save(tmp_path / "export", algorithm.generator, None, corpus.tokenizer, version=version)  # noqa: E731
  for version in (1, 12, 1):
    assert save(version) == tmp_path / "export" / str(version)
  assert sorted(path.name for path in (tmp_path / "export").iterdir()) == ["1", "12"]
  assert "serving_default" in tf.saved_model.load(str(tmp_path / "export" / "12")).signatures
  with pytest.raises(errors.UserError, match="export holds the versions 1, 12 of a SavedModel; expected an --export_version above 0"):
    save(0)


def test_guided_text_equals_the_commands(made, tmp_path):
  folder, corpus, algorithm = made[0]["seqgan"]
  guide = guided.Generator(algorithm.generator, algorithm, guided.Config().make())
  export.save(tmp_path / "export", algorithm.generator, algorithm.discriminator, corpus.tokenizer, guide)
  model = tf.saved_model.load(str(tmp_path / "export"))
  drawn = model.signatures["generate_guided"](num=tf.constant(40), temperature=tf.constant(1.0), seed=tf.constant(7, tf.int64))
  words = ["--workdir", folder, "--num", 40, "--temperature", 1, "--seed", 7, "--format", "jsonl", "--guide", "resampling"]
  code, out, err = shell.call("generate", *words)
  assert code == 0 and shell.said(err) == [runs.load(folder).describe("best"), "resampling: 16.00 candidates for each sentence"], err
  lines = [json.loads(line) for line in out.splitlines()]
  assert [line["text"] for line in lines] == [text.decode() for text in drawn["text"].numpy()]
  for name in ("log_prob", "score"):
    np.testing.assert_allclose([line[name] for line in lines], drawn[name], atol=1e-4)
  np.testing.assert_allclose(model.score(drawn["text"])["discriminator"], drawn["score"], rtol=1e-4, atol=1e-4)


def test_a_loaded_run_samples_with_top_k_and_nucleus(made):
  run = runs.load(made[0]["seqgan"][0])
  for picker in (pickers.Categorical(1.0, top_k=1), pickers.Categorical(1.0, nucleus=1e-6)):
    tokens = run.algorithm.generator.write(3, export.generation_seed(1), picker).tokens
    assert run.tokenizer.decode(tokens.numpy()) == made[1]["seqgan"]["cold"][:3]


def test_a_run_with_categories_generates_and_scores_in_the_named_one(tmp_path):
  data = shell.write_two_texts(tmp_path)
  corpus, algorithm = shell.begin(tmp_path / "run", {**data, **shell.tiny_flags("mle")}, _spread_without_unknown)
  export.save(tmp_path / "export", algorithm.generator, None, corpus.tokenizer)
  model = tf.saved_model.load(str(tmp_path / "export"))
  generate, score = model.signatures["generate"], model.signatures["score"]

  def written(category):
    drawn = generate(num=tf.constant(30), temperature=tf.constant(1.0), seed=tf.constant(7, tf.int64), category=tf.constant(category))
    return {name: [x.decode() if isinstance(x, bytes) else x for x in value.numpy().tolist()] for name, value in drawn.items()}

  mixed, negative, positive = (written(category) for category in ("", "neg", "pos"))
  assert set(negative["category"]) == {"neg"} and set(positive["category"]) == {"pos"} and set(mixed["category"]) == {"neg", "pos"}
  assert negative["text"] != positive["text"]
  names = [corpus.spec.categories[place] for place in algorithm.generator.draw_context(30, export.generation_seed(7))]
  assert mixed["category"] == names
  words = ["--num", 30, "--temperature", 1, "--seed", 7, "--format", "jsonl", "--category", "pos"]
  code, out, err = shell.call("generate", "--workdir", tmp_path / "run", *words)
  assert code == 0, err
  lines = [json.loads(line) for line in out.splitlines()]
  assert [line["text"] for line in lines] == positive["text"] and {line["category"] for line in lines} == {"pos"}
  np.testing.assert_allclose([line["log_prob"] for line in lines], positive["log_prob"], atol=1e-5)
  # The log-probability of a sample is its score in its own category.
  scores = [score(text=tf.constant(mixed["text"]), category=tf.constant(names))["log_prob"].numpy() for names in (mixed["category"], ["pos"] * 30)]
  np.testing.assert_allclose(scores[0], mixed["log_prob"], rtol=1e-4, atol=1e-4)
  assert np.any(np.abs(scores[0] - scores[1]) > 1e-3)
  for call in (lambda: written("neutral"), lambda: score(text=tf.constant(["a"]), category=tf.constant([""]))):
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected the categories.*neg.*pos.*but got"):
      call()


def test_a_tokenizer_that_only_decodes_in_a_graph_exports_without_score(tmp_path):
  made = hf_tokenizers.ByteLevelBPETokenizer()
  made.train_from_iterator(TEXT, vocab_size=280, show_progress=False)
  made.save(str(tmp_path / "tokenizer.json"))
  tokenizer = tokenizers.find(str(tmp_path)).build((), text_config.TextConfig(tokenizer=str(tmp_path)))
  algorithm = tiny.algorithm("seqgan", tokenizer.spec(6))
  _spread(algorithm)
  export.save(tmp_path / "export", algorithm.generator, algorithm.discriminator, tokenizer)
  model = tf.saved_model.load(str(tmp_path / "export"))
  assert list(model.signatures) == ["generate"] and not hasattr(model, "serve")
  drawn = model.signatures["generate"](num=tf.constant(20), temperature=tf.constant(1.0), seed=tf.constant(7, tf.int64))
  tokens = algorithm.generator.write(20, export.generation_seed(7), pickers.Categorical(1.0)).tokens
  assert [text.decode() for text in drawn["text"].numpy()] == tokenizer.decode(tokens.numpy())

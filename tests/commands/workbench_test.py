"""Tests of tf_textgan.commands.workbench."""

import dataclasses
import math

import numpy as np
import pytest

from tests import shell
from tf_textgan import errors
from tf_textgan import runs
from tf_textgan.commands import workbench
from tf_textgan.evaluation import probe

REQUEST = workbench.Request(num=3, temperature=1.0, nucleus=1.0, category="", prompt="", guided=False, seed=4)


def _bench(folder, algorithm):
  shell.write_text(folder / "text.txt", 60)
  settings = {"dataset": "text_lines", "text_files": folder / "text.txt", "data_dir": folder / "data", **shell.tiny_flags(algorithm)}
  shell.begin(folder / "run", settings)
  run = runs.load(folder / "run")
  return run, workbench.Workbench(run)


@pytest.fixture(scope="module")
def seqgan(tmp_path_factory):
  return _bench(tmp_path_factory.mktemp("seqgan"), "seqgan")


def test_sentences_are_those_of_generate(seqgan, tmp_path):
  run, bench = seqgan
  workdir = run.experiment.choices.workdir
  code, out, _ = shell.call("generate", "--workdir", workdir, "--num", 3, "--seed", 4, "--temperature", 1)
  assert code == 0 and [sentence["text"] for sentence in bench.generate(REQUEST)] == out.splitlines()


def test_probabilities_of_the_tokens_make_the_sentences(seqgan):
  run, bench = seqgan
  for sentence in bench.generate(REQUEST):
    probabilities = [token["probability"] for token in sentence["tokens"]]
    assert sum(map(math.log, probabilities)) == pytest.approx(sentence["log_prob"], rel=1e-4)
    assert " ".join(token["text"] for token in sentence["tokens"] if token["text"] != "(end)") == sentence["text"]


def test_the_influence_of_a_token_is_the_difference_that_it_makes(seqgan):
  run, bench = seqgan
  words = run.tokenizer.words(np.array([range(4, 10)], np.int32))[0][:3]
  found = bench.score(workbench.Text(" ".join(words), ""))
  scores = probe.HeldOut(run.algorithm.discriminator).scores
  encode = lambda text: run.tokenizer.encode([text], run.algorithm.generator.spec.length)  # noqa: E731
  whole, without = scores(encode(" ".join(words)))[0], scores(encode(f"{words[0]} {words[2]}"))[0]
  assert found["score"] == pytest.approx(whole, abs=1e-5)
  assert found["tokens"][1]["influence"] == pytest.approx(whole - without, abs=1e-5)
  assert [token["text"] for token in found["tokens"]] == [*words, "(end)"] and found["tokens"][-1]["influence"] is None


def test_a_prompt_begins_every_sentence(seqgan):
  run, bench = seqgan
  prompt = run.tokenizer.words(np.array([range(4, 10)], np.int32))[0][0]
  sentences = bench.generate(dataclasses.replace(REQUEST, prompt=f" {prompt} "))
  assert all(sentence["text"].split()[0] == prompt for sentence in sentences) and len({sentence["text"] for sentence in sentences}) > 1


def test_the_guide_chooses_other_sentences(seqgan):
  _, bench = seqgan
  assert bench.abilities["guide"]
  guided = bench.generate(dataclasses.replace(REQUEST, guided=True))
  assert len(guided) == 3 and guided != bench.generate(REQUEST)


def test_temperature_zero_is_the_most_probable_sentence(seqgan):
  cold = seqgan[1].generate(dataclasses.replace(REQUEST, temperature=0.0))
  assert len({sentence["text"] for sentence in cold}) == 1


@pytest.mark.parametrize(
  ("changes", "expected"),
  [
    ({"num": 0}, "the number of sentences is 0; expected 1 to 50"),
    ({"seed": -1}, "the seed is -1; expected 0 or more"),
    ({"prompt": "a", "guided": True}, "expected no prompt, or no guide"),
    ({"prompt": "a " * 99}, "the prompt has .* tokens; expected fewer than"),
    ({"temperature": -1.0}, "--temperature is -1.0; expected a finite number, 0 or more"),
    ({"nucleus": 0.0}, "--nucleus is 0.0; expected above 0 and at most 1"),
    ({"category": "happy"}, "has no categories"),
  ],
)
def test_what_cannot_be_generated_is_one_line(seqgan, changes, expected):
  with pytest.raises(errors.UserError, match=expected):
    seqgan[1].generate(dataclasses.replace(REQUEST, **changes))


def test_a_run_without_discriminator_and_likelihood_lacks_those_numbers(tmp_path_factory):
  _, mle = _bench(tmp_path_factory.mktemp("mle"), "mle")
  (sentence,) = mle.generate(dataclasses.replace(REQUEST, num=1))
  assert sentence["score"] is None and sentence["tokens"][0]["influence"] is None and sentence["log_prob"] < 0
  assert not mle.abilities["guide"] and "a guide needs a discriminator" in mle.abilities["why_no_guide"]
  with pytest.raises(errors.UserError, match="a guide needs a discriminator"):
    mle.generate(dataclasses.replace(REQUEST, guided=True))
  _, wgan = _bench(tmp_path_factory.mktemp("wgan"), "wgan_gp")
  (sentence,) = wgan.generate(dataclasses.replace(REQUEST, num=1))
  assert sentence["log_prob"] is None and sentence["score"] is not None and not wgan.abilities["temperature"]
  with pytest.raises(errors.UserError, match="a prompt needs a generator that generates token by token"):
    wgan.generate(dataclasses.replace(REQUEST, prompt="a"))

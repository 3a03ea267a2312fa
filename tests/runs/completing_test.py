"""Tests of tf_textgan.runs.completing, of generate.py's prompts, searches, lengths and stops, and of the SavedModel's signature complete."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests import shell
from tf_textgan import runs
from tf_textgan import sequences
from tf_textgan.commands import flags
from tf_textgan.conformance import tiny
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import ensemble
from tf_textgan.runs import completing
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import export
from tf_textgan.sampling import limits
from tf_textgan.sampling import noise

SEED = noise.seed(1)
SMALL = {
  "lstm": {"generator_embedding_size": 16, "generator_hidden_size": 32},
  "transformer": {"generator_embedding_size": 16, "generator_layers": 2, "generator_heads": 2, "generator_feedforward_size": 32},
}  # fmt: skip
PROMPTS = ["a man", "the", "a dog likes the cat", "a zebra"]


def _learn(settings, steps):
  """A function that trains an algorithm for some steps of maximum likelihood."""
  corpus = experiment_lib.load_corpus(flags.parse(["train.py", *shell.as_flags(settings)], ""))
  tokens, place = np.unique(corpus.tokens["train"], axis=0, return_index=True)
  context = None if corpus.categories is None else tf.constant(corpus.categories["train"][place])

  def learn(algorithm):
    real, step = sequences.Batch(tf.constant(tokens), context), tf.function(algorithm.mle_step, autograph=False)
    for i in range(steps):
      step(real, noise.fold(SEED, i), tf.constant(0.0))

  return learn


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """The folder of runs: lstm and transformer on words, exported; categories; oracle, of one length; leakgan and wgan_gp, which cannot all."""
  tfds.disable_progress_bar()
  place = tmp_path_factory.mktemp("completing")
  shell.write_text(place / "text.txt")
  text = {"dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data"}
  for name, sizes in SMALL.items():
    settings = {**text, "algorithm": "mle", "generator": name, **sizes, "mle_learning_rate": 1e-2}
    corpus, algorithm = shell.begin(place / name, settings, _learn(settings, 150))
    export.save(place / name / "export", algorithm.generator, None, corpus.tokenizer)
  labelled = {**shell.write_two_texts(place), "algorithm": "mle", **SMALL["lstm"], "mle_learning_rate": 1e-2}
  corpus, algorithm = shell.begin(place / "labelled", labelled, _learn(labelled, 150))
  export.save(place / "labelled" / "export", algorithm.generator, None, corpus.tokenizer)
  oracle = {"dataset": "lstm_oracle", "length": 4, "vocab_size": 20, "num_train": 32, "num_validation": 8, "num_test": 8, "data_dir": place / "data"}
  shell.begin(place / "oracle", {**oracle, **shell.tiny_flags("mle")})
  for name in ("leakgan", "wgan_gp"):
    shell.begin(place / name, {**text, **shell.tiny_flags(name)})
  return place


def _generate(run, *words):
  """Lines that the command writes, and what it says."""
  code, out, err = shell.call("generate", "--workdir", run, *words)
  assert code == 0, err
  return out.splitlines(), shell.said(err)


def _objects(run, *words):
  return [json.loads(line) for line in _generate(run, "--format", "jsonl", *words)[0]]


def _log_probs(run, texts, temperature=1.0):
  """Log-probabilities of the tokens of texts by teacher forcing, without the unknown token: float `[N, T]`."""
  generator = run.algorithm.generator
  tokens = run.tokenizer.encode(texts, generator.spec.length)
  logits = generator(tf.constant(tokens), tf.zeros([len(texts), 0])).numpy() / temperature
  logits[..., tokenizers.UNK] = -np.inf
  log_probs = np.take_along_axis(tf.nn.log_softmax(logits).numpy(), tokens[..., None], axis=2)[..., 0]
  return np.where(tokens == 0, 0.0, log_probs)


@pytest.mark.parametrize("name", SMALL)
def test_the_log_probability_is_that_of_the_whole_minus_that_of_the_prompt(folder, name):
  run = runs.load(folder / name)
  drawn = _objects(folder / name, "--prompt", "a man", "--num", 40, "--temperature", 0.8)
  assert len(drawn) == 40 and len({line["text"] for line in drawn}) > 5
  assert all(line["text"].startswith("a man ") and line["prompt"] == "a man" for line in drawn)
  log_probs = _log_probs(run, [line["text"] for line in drawn], 0.8)
  whole, prompt = log_probs.sum(axis=1), log_probs[:, :2].sum(axis=1)
  np.testing.assert_allclose([line["log_prob"] for line in drawn], whole - prompt, atol=1e-4)


def test_what_was_learned_goes_on_from_the_prompt(folder):
  """In this corpus a verb stands third."""
  lines, _ = _generate(folder / "lstm", "--prompt", "A bird".lower(), "--num", 60)
  assert {line.split()[2] for line in lines} == {"sees", "likes", "eats"}
  lines, _ = _generate(folder / "lstm", "--prompt", "a bird", "--num", 60, "--top_k", 1)
  assert len(set(lines)) == 1


def test_each_line_of_a_file_is_a_prompt_whatever_its_length(folder, tmp_path):
  (tmp_path / "prompts.txt").write_text("\ufeffa man\r\n\n a dog likes the \nthe\n", encoding="utf-8")
  drawn = _objects(folder / "lstm", "--prompt_file", tmp_path / "prompts.txt", "--num", 3)
  assert [line["prompt"] for line in drawn] == ["a man"] * 3 + [" a dog likes the "] * 3 + ["the"] * 3
  assert all(line["text"].startswith(line["prompt"].strip()) for line in drawn)


def test_unknown_words_are_counted_and_never_written(folder):
  lines, said = _generate(folder / "lstm", "--prompt", "a zebra", "--num", 20, "--temperature", 5)
  assert "'a zebra': 1 of 2 tokens are not in the run's vocabulary" in said
  assert all(line.startswith("a <unk>") and line.count("<unk>") == 1 for line in lines)


@pytest.mark.parametrize("name", [pytest.param("lstm", marks=pytest.mark.slow), "transformer"])
def test_beam_search_finds_more_probable_sentences_than_draws_do(folder, name):
  run = runs.load(folder / name)
  beams = _objects(folder / name, "--prompt", "a man", "--beams", 40, "--num", 30)
  texts, values = [line["text"] for line in beams], [line["log_prob"] for line in beams]
  assert len(set(texts)) == 30 and values == sorted(values, reverse=True)
  np.testing.assert_allclose(values, _log_probs(run, texts)[:, 2:].sum(axis=1), atol=1e-4)
  drawn = _objects(folder / name, "--prompt", "a man", "--num", 200)
  assert values[0] >= max(line["log_prob"] for line in drawn) - 1e-5
  # One beam takes the most probable token at each step.
  assert _generate(folder / name, "--beams", 1)[0] == _generate(folder / name, "--temperature", 0, "--num", 1)[0]
  mean = _objects(folder / name, "--prompt", "a man", "--beams", 40, "--num", 30, "--length_penalty", 1)
  ranks = [line["log_prob"] / min(len(line["text"].split()) - 1, 4) for line in mean]
  assert ranks == sorted(ranks, reverse=True)


def test_two_runs_search_together(folder):
  both = ["--workdir", folder / "transformer"]
  (best,) = _objects(folder / "lstm", *both, "--prompt", "a man", "--beams", 20)
  loaded = [runs.load(folder / name) for name in SMALL]
  generator = ensemble.Generator([run.algorithm.generator for run in loaded])
  tokens = loaded[0].tokenizer.encode([best["text"]], generator.spec.length)
  score = generator.log_probs(tf.constant(tokens), tf.zeros([1, 0])).numpy()[0, 2:].sum()
  np.testing.assert_allclose(best["log_prob"], score, atol=0.01)  # But for the unknown token.


def test_contrastive_search_without_penalty_takes_the_most_probable_token(folder):
  words = ["--prompt_file", folder / "prompts.txt"]
  (folder / "prompts.txt").write_text("a man\nthe dog\n")
  greedy = _objects(folder / "lstm", *words, "--temperature", 0, "--num", 1)
  plain = _objects(folder / "lstm", *words, "--contrastive", 4, "--contrastive_penalty", 0)
  assert [line["text"] for line in plain] == [line["text"] for line in greedy]
  run = runs.load(folder / "lstm")
  for penalty in (0, 0.9):
    found = _objects(folder / "lstm", *words, "--contrastive", 4, "--contrastive_penalty", penalty)
    expected = _log_probs(run, [line["text"] for line in found])[:, 2:].sum(axis=1)
    np.testing.assert_allclose([line["log_prob"] for line in found], expected, atol=1e-4)


def test_a_sentence_ends_before_the_first_stop_of_its_continuation(folder):
  """The same seed: the texts are the beginnings of those without a stop, and so are the log-probabilities."""
  run = runs.load(folder / "lstm")
  words = ["--num", 30, "--seed", 3]
  whole = [line["text"] for line in _objects(folder / "lstm", *words)]
  assert _generate(folder / "lstm", *words, "--stop", "nowhere")[0] == whole
  ended = _objects(folder / "lstm", *words, "--stop", " li", "--stop", "the", "--stop=at ")
  scores, sizes = _log_probs(run, whole), set()
  for text, after, score in zip(whole, ended, scores, strict=True):
    places = [place for stop in (" li", "the", "at ") if (place := text.find(stop)) >= 0]
    assert after["text"] == (text[: min(places)] if places else text)
    # The token that completes the stop was drawn: the first that reaches beyond the place, or the one after "cat" that brings the space.
    beyond = [len(" ".join(text.split()[:size])) > min(places) + 1 for size in range(1, 6)] if places else []
    size = 1 + beyond.index(True) + text[min(places) :].startswith("at ") if places else 6
    assert after["log_prob"] == pytest.approx(score[:size].sum(), abs=1e-4)
    sizes.add(size)
  assert len(sizes) > 1
  # Not in the prompt.
  assert all(line.startswith("a man ") for line in _generate(folder / "lstm", "--prompt", "a man", "--stop", "man", "--num", 20)[0])


@pytest.mark.parametrize("name", ["lstm", pytest.param("transformer", marks=pytest.mark.slow)])
def test_lengths_are_kept_below_and_beyond_the_trained_one(folder, name):
  run = runs.load(folder / name)
  for words, least, most in (
    (["--min_length", 3, "--max_length", 4], 3, 4),
    (["--min_length", 6], 6, 6),
    (["--min_length", 8, "--max_length", 9], 8, 9),
    (["--prompt", "a man", "--max_new_tokens", 9, "--min_length", 9], 9, 11),
    (["--prompt", "a man", "--max_new_tokens", 2, "--beams", 20, "--min_length", 4], 4, 4),
    (["--prompt", "a man", "--contrastive", 4, "--min_length", 7, "--max_length", 8], 7, 8),
  ):
    num = [] if "--contrastive" in words else ["--num", 20]
    sizes = {len(line.split()) for line in _generate(folder / name, *words, *num)[0]}
    assert min(sizes) >= least and max(sizes) <= most, words
  # The end is impossible before the least length: the log-probability is of the rest.
  (line,) = _objects(folder / name, "--num", 1, "--min_length", 8, "--max_length", 8)
  logits = run.algorithm.generator.resized(8)(tf.constant(run.tokenizer.encode([line["text"]], 8)), tf.zeros([1, 0])).numpy()[0]
  logits[:, [tokenizers.UNK, tokenizers.EOS]] = -np.inf
  expected = np.sum([tf.nn.log_softmax(row)[token] for row, token in zip(logits, run.tokenizer.tokenize(line["text"]))])
  assert line["log_prob"] == pytest.approx(expected, abs=1e-3)


def test_a_guide_chooses_among_sentences_of_these_lengths(folder):
  lines, said = _generate(folder / "leakgan", "--guide", "resampling", "--candidates", 3, "--min_length", 2, "--max_length", 3, "--num", 12)
  assert {len(line.split()) for line in lines} <= {2, 3} and "resampling: 3.00 candidates for each sentence" in said


def test_unique_sentences_are_new(folder):
  lines, _ = _generate(folder / "lstm", "--num", 80, "--unique", "true", "--temperature", 1.5)
  corpus = runs.load(folder / "lstm").corpus()
  training = set(corpus.tokenizer.decode(corpus.tokens["train"]))
  assert len(training) > 30
  assert len(set(lines)) == 80 and not set(lines) & training
  few, said = _generate(folder / "lstm", "--num", 50, "--unique", "true", "--prompt", "a man", "--max_new_tokens", 1, "--top_k", 3)
  assert sorted(few) == ["a man eats", "a man likes", "a man sees"]
  assert "3 of 50 sentences of the prompt 'a man': 1000 draws gave no more, 997 of them repeated and 0 in the training text" in said
  (folder / "prompts.txt").write_text("a man\nthe dog\n")
  drawn = _objects(folder / "lstm", "--prompt_file", folder / "prompts.txt", "--num", 4, "--unique", "true", "--stop", " the", "--temperature", 2)
  assert [line["prompt"] for line in drawn] == ["a man"] * 4 + ["the dog"] * 4 and len({line["text"] for line in drawn}) == 8
  cold, said = _generate(folder / "lstm", "--num", 5, "--unique", "true", "--temperature", 0.01)
  assert len(cold) < 5 and any("draws gave no more" in line and line.startswith(f"{len(cold)} of 5 sentences: ") for line in said)


def test_unique_sentences_of_generators_that_write_all_at_once_and_with_guides(folder):
  lines, _ = _generate(folder / "wgan_gp", "--num", 20, "--unique", "true")
  assert len(set(lines)) == 20
  lines, said = _generate(folder / "leakgan", "--guide", "rejection", "--num", 20, "--unique", "true")
  assert len(set(lines)) == 20 and any(line.startswith("rejection: ") and "accepted within 16" in line for line in said)


def test_a_prompt_goes_on_in_its_category(folder):
  run = folder / "labelled"
  for name, word in (("neg", "bad"), ("pos", "good")):
    drawn = _objects(run, "--prompt", "this film", "--category", name, "--num", 20)
    assert {line["category"] for line in drawn} == {name}
    assert sum(line["text"] == f"this film was {word}" for line in drawn) > 12
    (best,) = _objects(run, "--prompt", "this film", "--category", name, "--beams", 3)
    assert best["text"] == f"this film was {word}" and best["category"] == name
  mixed = _objects(run, "--prompt", "this film", "--num", 40)
  assert {line["category"] for line in mixed} == {"neg", "pos"}
  assert sum(line["text"].endswith("bad") == (line["category"] == "neg") for line in mixed) > 25


@pytest.mark.parametrize("name", tiny.GENERATORS)
@pytest.mark.parametrize(
  "decoding",
  [
    pytest.param(completing.Draws(), id="draws"),
    pytest.param(completing.Beams(4), id="beams", marks=pytest.mark.slow),
    pytest.param(completing.Contrastive(3), id="contrastive", marks=pytest.mark.slow),
  ],
)
def test_every_generator_that_writes_token_by_token_goes_on_with_prompts(name, decoding):
  tokenizer = tokenizers.find("word").build(["a man sees the dog"], text_config.TextConfig())
  generator = tiny.network("generator", name, None, tokenizer.spec(6))
  if not isinstance(generator, generator_base.Autoregressive):
    pytest.skip(f"{name} is not autoregressive")
  texts = ["a man", "the", "dog dog dog"]
  prompts = completing.pack(texts, completing.ids_of(tokenizer, texts), 6)
  num = 1 if isinstance(decoding, completing.Contrastive) else 3
  complete = completing.Completer(generator, tokenizer, decoding, limits.Limits(tokenizers.EOS, least=4, new=3), stops=["sees"])
  found = complete(prompts, num, SEED)
  assert [completion.prompt for completion in found] == [text for text in texts for _ in range(num)]
  for completion in found:
    assert completion.text.startswith(completion.prompt) and completion.log_prob < 0 and completion.context is None
    new = completion.text.removeprefix(completion.prompt).split()
    assert "sees" not in new and len(new) <= 3


def test_integers_go_on_to_their_length(folder):
  drawn = _objects(folder / "oracle", "--prompt", "3 0", "--num", 5)
  assert all(line["text"].startswith("3 0 ") and len(line["text"].split()) == 4 for line in drawn)
  assert _generate(folder / "oracle", "--prompt", "3", "--stop", " ", "--num", 2)[0] == ["3"] * 2


@pytest.mark.parametrize(
  ("words", "expected"),
  [
    (["--workdir", "wgan_gp", "--prompt", "a"], "generator is conv_resnet, which does not generate token by token; expected"),
    (["--workdir", "wgan_gp", "--max_length", "3"], "which does not generate token by token; expected autoencoder or infilling or lstm or"),
    (["--workdir", "lstm", "--prompt", ""], "the prompt '' has no tokens; expected text to go on with"),
    (["--workdir", "lstm", "--prompt", " \t"], "has no tokens; expected text to go on with"),
    (["--workdir", "lstm", "--prompt", "a a a a a a"], "has 6 tokens; expected fewer than 6, the greatest length of a sequence"),
    (["--workdir", "lstm", "--prompt", "a a a", "--max_length", "3"], "has 3 tokens; expected fewer than 3, the greatest length of a sequence"),
    (["--workdir", "oracle", "--prompt", "1 2 3 4"], "the prompt '1 2 3 4' has 4 tokens; expected fewer than 4"),
    (["--workdir", "oracle", "--prompt", "1 x"], "expected integers from 0 up, but '1 x' has 'x'"),
    (["--workdir", "oracle", "--max_new_tokens", "2"], "the run's sequences all have 4 tokens; expected no --max_new_tokens"),
    (["--workdir", "leakgan", "--max_length", "7"], "at most 6 tokens, and its generator cannot go beyond; expected --max_length, or prompts"),
    (["--workdir", "leakgan", "--max_new_tokens", "6", "--prompt", "a"], "and --max_new_tokens, of no more, not of 7"),
    (["--workdir", "lstm", "--min_length", "7"], "--min_length is 7; expected at most the greatest length of a sentence, 6"),
    (["--workdir", "lstm", "--min_length", "4", "--max_length", "3"], "min_length is 4; expected at most the 3 of max_length"),
    (["--workdir", "lstm", "--prompt", "a", "--min_length", "5", "--max_new_tokens", "2"], "at most the greatest length of a sentence, 3"),
    (["--workdir", "lstm", "--max_length", "-1"], "max_length must be at least 0, not -1"),
    (["--workdir", "lstm", "--max_length", "1000000"], "max_length must be at most 65536, not 1000000"),
    (["--workdir", "lstm", "--prompt_file", "empty.txt"], "has no text; expected a prompt on each line"),
    (["--workdir", "lstm", "--prompt_file", "none.txt"], "cannot read the text file"),
    (["--workdir", "lstm", "--prompt_file", "binary.txt"], "is not UTF-8 text: line 1 has the byte 0xff at position 3"),
    (["--workdir", "lstm", "--prompt_file", "lstm"], "lstm"),
    (["--workdir", "lstm", "--prompt", "a", "--prompt_file", "text.txt"], "--prompt_file is a command of its own; expected no --prompt"),
    (["--workdir", "lstm", "--prompt", "a", "--fill", "a ___"], "--prompt is for draws; expected neither --fill nor --fill_file"),
    (["--workdir", "lstm", "--unique", "true", "--near", "a man"], "--unique is for draws; expected neither --between nor --near"),
    (["--workdir", "leakgan", "--prompt", "a", "--guide", "resampling"], "--guide is for draws of whole sentences; expected no prompt"),
    (["--workdir", "leakgan", "--stop", "a", "--guide", "resampling"], "--guide is for draws of whole sentences; expected no prompt"),
    (["--workdir", "lstm", "--beams", "4", "--temperature", "1"], "--temperature is for random draws; expected neither --beams nor --contrastive"),
    (["--workdir", "lstm", "--contrastive", "4", "--nucleus", ".9"], "--nucleus is for random draws; expected neither --beams nor --contrastive"),
    (["--workdir", "lstm", "--beams", "4", "--num", "5"], "--num is 5; expected at most the 4 of --beams"),
    (["--workdir", "lstm", "--contrastive", "4", "--num", "2"], "--num is 2; expected at most 1, as --contrastive writes one sentence"),
    (["--workdir", "lstm", "--beams", "4", "--contrastive", "4"], "--contrastive is a way of its own to choose tokens; expected no --beams"),
    (["--workdir", "lstm", "--length_penalty", "1"], "--length_penalty is for beam search; expected --beams"),
    (["--workdir", "lstm", "--contrastive_penalty", "1"], "--contrastive_penalty is for contrastive search; expected --contrastive"),
    (["--workdir", "lstm", "--contrastive", "4", "--contrastive_penalty", "2"], "contrastive_penalty must be at most 1, not 2"),
    (["--workdir", "lstm", "--contrastive", "500"], "--contrastive is 500; expected at most 14, the size of the vocabulary"),
    (["--workdir", "lstm", "--workdir", "transformer", "--contrastive", "4"], "the representations of one network; expected one --workdir"),
    (["--workdir", "lstm", "--beams", "5000"], "beams must be at most 1000, not 5000"),
    (["--workdir", "labelled", "--beams", "5"], "a search needs the category of its sentences; expected --category, one of neg, pos"),
    (["--workdir", "lstm", "--prompt"], "--prompt: expected one argument"),
    (["--workdir", "lstm", "--num"], "--num: expected one argument"),
    (["--workdir", "lstm", "--stop"], "stop must be a string that is not empty"),
    (["--workdir", "lstm", "--stop", ""], "stop must be a string that is not empty"),
    (["--workdir", "lstm", "--unique", "true", "--beams", "2"], "--unique is for random draws; expected neither --beams nor --contrastive"),
    (["--workdir", "lstm", "--unique", "true", "--temperature", "0"], "--unique is for random draws, but --temperature 0 takes the most"),
  ],
)
def test_what_does_not_fit_is_refused_in_one_line(folder, words, expected):
  (folder / "empty.txt").write_text("\n")
  (folder / "binary.txt").write_bytes(b"a \xff\n")
  words = [str(folder / word) if before in ("--workdir", "--prompt_file") else word for before, word in zip(["", *words], words)]
  code, out, err = shell.call("generate", *words)
  (line,) = shell.said(err)
  assert code == 2 and not out and expected in line, line


def test_beams_that_find_fewer_sentences_say_so(folder):
  lines, said = _generate(folder / "lstm", "--prompt", "a man", "--max_new_tokens", 1, "--beams", 30, "--num", 30)
  # Ten words and the end.
  assert len(lines) == len(set(lines)) == 11
  assert "beam search found 11 of 30 sentences: the prompts and lengths allow no more" in said


@pytest.mark.parametrize("name", SMALL)
def test_the_export_goes_on_as_the_command_does(folder, name):
  model = tf.saved_model.load(str(folder / name / "export"))
  assert set(model.signatures) == {"generate", "complete", "score", "serving_default"}
  (folder / "prompts.txt").write_text("".join(f"{prompt}\n" for prompt in PROMPTS))
  settings = {"num": tf.constant(6), "temperature": tf.constant(0.7), "seed": tf.constant(5, tf.int64)}
  found = model.signatures["complete"](prompt=tf.constant(PROMPTS), **settings)
  words = ["--num", 6, "--temperature", 0.7, "--seed", 5]
  expected = _objects(folder / name, "--prompt_file", folder / "prompts.txt", *words)
  assert [text.decode() for text in found["text"].numpy()] == [line["text"] for line in expected]
  np.testing.assert_allclose(found["log_prob"], [line["log_prob"] for line in expected], atol=1e-4)


def test_the_export_goes_on_in_a_category(folder):
  complete = tf.saved_model.load(str(folder / "labelled" / "export")).signatures["complete"]
  settings = {"prompt": tf.constant(["this film"]), "num": tf.constant(20), "temperature": tf.constant(1.0), "seed": tf.constant(5, tf.int64)}
  for name in ("neg", ""):
    found = complete(category=tf.constant(name), **settings)
    expected = _objects(folder / "labelled", "--prompt", "this film", "--num", 20, "--temperature", 1, "--seed", 5, "--category", name)
    assert [text.decode() for text in found["text"].numpy()] == [line["text"] for line in expected]
    assert [text.decode() for text in found["category"].numpy()] == [line["category"] for line in expected]


@pytest.mark.parametrize(
  ("prompts", "num", "temperature", "expected"),
  [
    (["a man", ""], 1, 1.0, "expected prompts of 1 to 5 tokens, but got"),
    (["a a a a a a"], 1, 1.0, "expected prompts of 1 to 5 tokens, but got"),
    (["a man"], 0, 1.0, "expected a num of at least 1, but got"),
    ([], 1, 1.0, "expected a num of at least 1, but got"),
    (["a man"], 1, -1.0, "expected a temperature that is finite and at least 0"),
  ],
)
def test_the_export_refuses_what_does_not_fit(folder, prompts, num, temperature, expected):
  complete = tf.saved_model.load(str(folder / "lstm" / "export")).signatures["complete"]
  with pytest.raises(tf.errors.InvalidArgumentError, match=expected):
    complete(
      prompt=tf.constant(prompts, tf.string), num=tf.constant(num), temperature=tf.constant(temperature), seed=tf.constant(0, tf.int64)
    )


@pytest.mark.parametrize("name", ["word", "nltk", "char", "bpe", "unigram", "regex", "smiles"])
def test_the_graph_reads_prompts_as_python_does(name):
  corpus = ['a man, "they say", rides a horse.', "don't 3 men see 12 dogs ' s CC(=O)Br"]
  settings = {"regex": {"token_pattern": r" ?\w+"}, "bpe": {"max_vocab_size": 270}, "unigram": {"max_vocab_size": 270}}.get(name, {})
  tokenizer = tokenizers.find(name).build(corpus, text_config.TextConfig(tokenizer=name, **settings))
  texts = ["a man", " they", "don't see ", "CBr", "zebra", "é"]
  prompts = completing.pack(texts, completing.ids_of(tokenizer, texts), 30)
  read = tf.function(lambda texts: completing.read(tokenizer.graph().encode, texts, tokenizer.spec(30)), autograph=False)
  tokens, count = read(tf.constant(texts))
  np.testing.assert_array_equal(count, prompts.count)
  np.testing.assert_array_equal(tokens[:, : prompts.tokens.shape[1]], prompts.tokens)
  assert not tokens.numpy()[:, prompts.tokens.shape[1] :].any()

"""Tests of corpus.py."""

import logging
import os

from absl import logging as absl_logging
import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan.data import corpus
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.data.tokenizers import integer
from tf_textgan.data.tokenizers import word

CONFIG = text_config.TextConfig()
SPLITS = {"train": ["a b c", "a b", "a"], "validation": ["a d"], "test": ["b b b b", "a"]}


def test_encode():
  made = corpus.encode("letters", SPLITS, CONFIG)
  assert made.tokenizer.tokens[4:] == ("a", "b", "c")  # from the training split only
  assert made.spec == made.tokenizer.spec(5)  # the longest sentence of all splits, and the end token
  np.testing.assert_array_equal(made.tokens["train"], [[4, 5, 6, 2, 0], [4, 5, 2, 0, 0], [4, 2, 0, 0, 0]])
  np.testing.assert_array_equal(made.tokens["validation"], [[4, 3, 2, 0, 0]])
  np.testing.assert_array_equal(made.tokens["test"], [[5, 5, 5, 5, 2], [4, 2, 0, 0, 0]])
  assert made.truth is None


def test_sentences_that_are_left_out_are_counted(caplog):
  absl_logging.use_absl_handler()
  with caplog.at_level(logging.INFO, logger="absl"):
    absl_logging.set_verbosity(absl_logging.INFO)
    made = corpus.encode("letters", SPLITS | {"validation": ["", "a", " \t"]}, text_config.TextConfig(max_length=3))
  np.testing.assert_array_equal(made.tokens["train"], [[4, 5, 2], [4, 2, 0]])
  np.testing.assert_array_equal(made.tokens["test"], [[4, 2, 0]])
  left_out = "4 of 8 sentences are left out: 2 longer than 2 tokens (the longest has 4), 2 blank (train 1 of 3, validation 2 of 3, test 1 of 2)"
  assert made.notes == (f"letters: {left_out}",)
  assert made.notes[0] in caplog.text and "letters: 0.00% of the tokens of the test split are <unk>" in caplog.text
  whole = corpus.encode("letters", SPLITS | {"validation": ["a"]}, CONFIG)
  assert whole.notes == ()


def test_the_share_of_unknown_tokens_is_told_above_one_percent():
  """Of the sentences that are kept; end tokens do not count."""
  splits = {"train": ["a b"] * 100, "validation": ["a c c b", "c " * 9], "test": ["a b"] * 99 + ["a c"]}
  made = corpus.encode("letters", splits, text_config.TextConfig(max_length=5))
  assert made.notes[1:] == ("letters: tokens that the vocabulary does not have, read as <unk>: 50.0% of validation",)
  splits["test"] = ["a b"] * 24 + ["a c"]
  made = corpus.encode("letters", splits, text_config.TextConfig(max_length=5))
  assert made.notes[1:] == ("letters: tokens that the vocabulary does not have, read as <unk>: 50.0% of validation, 2.0% of test",)
  assert made.has_unknown("test") and not made.has_unknown("train")


def test_default_maximum_length():
  assert corpus.encode("letters", SPLITS | {"train": ["a", "a", "a " * 400]}, CONFIG).spec.length == 256


def test_existing_tokenizer_and_length():
  tokenizer = word.Tokenizer.build(["b"], CONFIG)
  made = corpus.encode("letters", SPLITS, tokenizer=tokenizer, length=4)
  assert made.tokenizer is tokenizer
  np.testing.assert_array_equal(made.tokens["train"], [[3, 4, 3, 2], [3, 4, 2, 0], [3, 2, 0, 0]])


def test_further_lines_are_encoded_as_the_corpus_was(tmp_path):
  path = tmp_path / "more.txt"
  path.write_text("  b a\n\nnew b\na a a a\n<unk> a b", encoding="utf-8")
  made = corpus.encode("letters", SPLITS, text_config.TextConfig(max_length=4))
  read = corpus.read_lines(path, made.tokenizer, 4)
  np.testing.assert_array_equal(read.tokens, [[5, 4, 2, 0], [3, 5, 2, 0], [3, 4, 5, 2]])
  assert read.notes == (
    f"{path}: 2 of 5 sentences are left out: 1 longer than 3 tokens (the longest has 4), 1 blank",
    f"{path}: tokens that the vocabulary does not have, read as <unk>: 28.6%",
  )


def test_samples_keep_blank_lines_and_are_cut(tmp_path):
  path = tmp_path / "samples.txt"
  path.write_text("b a\n\na a a a\n<unk> a b\n", encoding="utf-8")
  made = corpus.encode("letters", SPLITS, text_config.TextConfig(max_length=4))
  read = corpus.read_samples(path, made.tokenizer, 4)
  np.testing.assert_array_equal(read.tokens, [[5, 4, 2, 0], [2, 0, 0, 0], [4, 4, 4, 4], [3, 4, 5, 2]])
  assert read.notes == (
    f"{path}: 1 of 4 sentences are longer than 3 tokens and are cut after 4",
    f"{path}: tokens that the vocabulary does not have, read as <unk>: 11.1%",
  )
  path.write_text("3 1\n\n0 4\n", encoding="utf-8")
  with pytest.raises(errors.UserError, match="expected 2 tokens in a sequence, but '' has 0"):
    corpus.read_samples(path, integer.Tokenizer(5), 2)


def test_further_lines_of_integers(tmp_path):
  (tmp_path / "more.txt").write_text("3 1\n0 4\n", encoding="utf-8")
  read = corpus.read_lines(tmp_path / "more.txt", integer.Tokenizer(5), 2)
  np.testing.assert_array_equal(read.tokens, [[3, 1], [0, 4]])
  assert read.notes == ()


@pytest.mark.parametrize(
  ("content", "tokenizer", "message"),
  [
    (None, integer.Tokenizer(5), "cannot read the text file .*: No such file"),
    (b"", integer.Tokenizer(5), "expected sentences of 1 to 1 tokens, one on a line, but none of its 0 lines is one"),
    (b"a b\n\nc d e", word.Tokenizer.build(["a"], CONFIG), "expected sentences of 1 to 1 tokens, one on a line, but none of its 3 lines is one"),
    (b"a\n\xff", word.Tokenizer.build(["a"], CONFIG), "is not UTF-8 text: line 2 has the byte 0xff"),
    (b"1 2 3", integer.Tokenizer(5), "expected 2 tokens in a sequence, but '1 2 3' has 3"),
  ],
)
def test_further_lines_that_do_not_fit_are_refused(tmp_path, content, tokenizer, message):
  if content is not None:
    (tmp_path / "more.txt").write_bytes(content)
  with pytest.raises(errors.UserError, match=message):
    corpus.read_lines(tmp_path / "more.txt", tokenizer, 2)


def test_the_fingerprint_depends_on_every_token_label_and_category(monkeypatch):
  labels = {"train": [1, 0, 1], "validation": [0], "test": [1, 0]}
  make = lambda **changes: corpus.encode("letters", **{"splits": SPLITS, "config": CONFIG, "labels": labels, "categories": "xy", **changes})  # noqa: E731
  first = make().fingerprint
  assert len(first) == 16 and int(first, 16) >= 0
  monkeypatch.setattr(corpus, "_ROWS", 2)  # Arrays on disk are read in parts.
  assert make().fingerprint == first
  others = [
    make(splits=SPLITS | {"test": ["b b b b", "b"]}),
    make(splits=SPLITS | {"train": ["a b", "a b c", "a"]}),
    make(labels=labels | {"validation": [1]}),
    make(categories="xz"),
    make(labels=None, categories=()),
    make(config=text_config.TextConfig(max_length=6)),
  ]
  assert len({first, *(other.fingerprint for other in others)}) == 7


def test_memory_mapped(tmp_path):
  in_memory = corpus.encode("letters", SPLITS, CONFIG)
  on_disk = corpus.encode("letters", SPLITS, CONFIG, folder=tmp_path, ram_limit=39)  # 40 bytes in two sentences of five tokens
  assert sorted(os.listdir(tmp_path)) == ["tokens_test.npy", "tokens_train.npy"]
  assert isinstance(on_disk.tokens["train"], np.memmap) and not isinstance(on_disk.tokens["validation"], np.memmap)
  for split in corpus.SPLITS:
    np.testing.assert_array_equal(on_disk.tokens[split], in_memory.tokens[split])


def test_failure_leaves_no_file(tmp_path):

  class Failing:
    """Fails the second time it is read, like a broken disk."""
    reads = 0

    def __iter__(self):
      self.reads += 1
      yield "a"
      if self.reads > 1:
        raise RuntimeError("disk")
      yield "b"

  with pytest.raises(RuntimeError, match="disk"):
    corpus.encode("letters", SPLITS | {"train": Failing()}, CONFIG, folder=tmp_path, ram_limit=0)
  assert not os.listdir(tmp_path)


def test_many_chunks():
  sentences = [f"w{i}" for i in range(20000)]
  made = corpus.encode("numbers", {"train": sentences, "validation": ["w3"], "test": ["w4"]}, CONFIG)
  assert made.tokenizer.decode(made.tokens["train"]) == sentences


@pytest.mark.parametrize("splits, message", [
    (SPLITS | {"test": ["a b c"]}, r"letters: the test split needs at least 1 sentence of 1 to 2 tokens, but has 0 \(of 1\)"),
    (SPLITS | {"validation": []}, r"the validation split needs .* has 0 \(of 0\)"),
    (SPLITS | {"train": ["a", "a b c"]}, r"the train split needs at least 2 sentences of 1 to 2 tokens, but has 1 \(of 2\)"),
])
def test_too_few(splits, message):
  with pytest.raises(errors.UserError, match=message):
    corpus.encode("letters", splits, text_config.TextConfig(max_length=3))


def test_text_is_read_once_for_the_tokenizer_and_once_for_the_tokens(monkeypatch):
  tokenized = []
  monkeypatch.setattr(word.Tokenizer, "split", staticmethod(lambda sentence: tokenized.append(sentence) or sentence.split()))
  made = corpus.encode("letters", SPLITS, CONFIG)
  assert sorted(tokenized) == sorted(2 * SPLITS["train"] + SPLITS["validation"] + SPLITS["test"])
  again = corpus.encode("letters", {split: iter(sentences) for split, sentences in SPLITS.items()}, CONFIG, tokenizer=made.tokenizer)
  for split in corpus.SPLITS:
    np.testing.assert_array_equal(again.tokens[split], made.tokens[split])
    np.testing.assert_array_equal(made.tokenizer.encode(SPLITS[split], 5), made.tokens[split])


def test_white_space_is_kept_but_blank_sentences_are_not():
  made = corpus.encode("letters", SPLITS | {"train": [" a", "  ", "a\tb "]}, text_config.TextConfig(tokenizer="char"))
  assert made.tokenizer.decode(made.tokens["train"]) == [" a", "a\tb "]


def test_integers_have_one_length():
  splits = {"train": ["1 2 3", "4 5", "0 0 9"], "validation": ["1 2 1"], "test": ["3 2 1", "1"]}
  made = corpus.encode("numbers", splits, text_config.TextConfig(tokenizer="integer"))
  assert made.spec == integer.Tokenizer(10).spec(3)
  np.testing.assert_array_equal(made.tokens["train"], [[1, 2, 3], [0, 0, 9]])
  np.testing.assert_array_equal(made.tokens["test"], [[3, 2, 1]])
  with pytest.raises(errors.UserError, match=r"the validation split needs at least 1 sentence of exactly 3 tokens, but has 0 \(of 1\)"):
    corpus.encode("numbers", splits | {"validation": ["1 2"]}, text_config.TextConfig(tokenizer="integer"))


@pytest.mark.parametrize("existing", [text_config.TextConfig(tokenizer="char"), text_config.TextConfig(lowercase=True)])
def test_an_existing_tokenizer_reads_text_as_the_flags_say(existing):
  tokenizer = tokenizers.find(existing.tokenizer).build(["a"], existing)
  message = f"letters has the tokenizer word and lowercase False, but .* has {existing.tokenizer} and lowercase {existing.lowercase}"
  with pytest.raises(errors.UserError, match=message):
    corpus.encode("letters", SPLITS, CONFIG, tokenizer=tokenizer)


LABELS = {"train": [1, 0, 1], "validation": [0], "test": [1, 0]}


def test_a_dropped_sentence_drops_its_label():
  made = corpus.encode("letters", SPLITS, text_config.TextConfig(max_length=3), labels=LABELS | {"validation": [1]}, categories=("x", "y"))
  assert made.spec.categories == ("x", "y")
  # "a b c" and "b b b b" are too long.
  assert {split: labels.tolist() for split, labels in made.categories.items()} == {"train": [0, 1], "validation": [1], "test": [0]}
  assert all(labels.dtype == np.int32 for labels in made.categories.values())
  np.testing.assert_array_equal(made.tokens["train"], corpus.encode("letters", SPLITS, text_config.TextConfig(max_length=3)).tokens["train"])
  assert corpus.encode("letters", SPLITS, CONFIG).categories is None


def test_labels_that_do_not_fit_the_sentences():
  with pytest.raises(errors.UserError, match="letters: 1 sentences of the validation split have no category; the first of their labels is 2,"):
    corpus.encode("letters", SPLITS, CONFIG, labels=LABELS | {"validation": [2]}, categories=("x", "y"))
  with pytest.raises(ValueError, match="shorter"):
    corpus.encode("letters", SPLITS, CONFIG, labels=LABELS | {"test": [1]}, categories=("x", "y"))

"""Tests of given.py."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.campaigns import damage
from tf_textgan import errors
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data.datasets import given
from tf_textgan.data.datasets import text_lines
from tf_textgan.data.tokenizers import integer

SENTENCES = [f"{'abc'[i % 3]} sees {'xyz'[i // 3 % 3]}" for i in range(60)]
IDS = np.random.default_rng(0).integers(0, 9, [50, 4])


def _texts(corpus):
  return {split: corpus.tokenizer.decode(tokens) for split, tokens in corpus.tokens.items()}


def _assert_equal(first, second):
  assert (first.name, first.spec, first.tokenizer) == (second.name, second.spec, second.tokenizer)
  for split in corpus_lib.SPLITS:
    np.testing.assert_array_equal(first.tokens[split], second.tokens[split])
    if first.categories:
      np.testing.assert_array_equal(first.categories[split], second.categories[split])


def test_sentences_are_split_and_encoded_as_the_lines_of_a_file(tmp_path):
  (tmp_path / "text.txt").write_text("\n".join(SENTENCES))
  settings = {"lowercase": True, "min_count": 2, "validation_share": 0.2, "max_length": 5}
  lines = text_lines.load(text_lines.Config(text_files=str(tmp_path / "text.txt"), **settings), tmp_path)
  made = given.make(SENTENCES, given.Config(**settings))
  assert _texts(made) == _texts(lines) and made.spec == lines.spec


@pytest.mark.parametrize(
  "data",
  [
    tuple(SENTENCES),
    [sentence.encode() for sentence in SENTENCES],
    ["", *SENTENCES[:7], "  ", *SENTENCES[7:]],
    np.array(SENTENCES),
    np.array(SENTENCES, object),
    tf.constant(SENTENCES),
    tf.data.Dataset.from_tensor_slices(SENTENCES),
    tf.data.Dataset.from_tensor_slices(SENTENCES).batch(7),
  ],
  ids=["tuple", "bytes", "blank", "array", "objects", "tensor", "dataset", "batches"],
)
def test_every_form_of_sentences(data):
  _assert_equal(given.make(data, given.Config()), given.make(SENTENCES, given.Config()))


def test_ids_are_sequences_of_a_fixed_length():
  made = given.make(IDS, given.Config(validation_share=0.2, test_share=0.2))
  assert made.spec == integer.Tokenizer(9).spec(4)
  rows = np.concatenate(list(made.tokens.values()))
  assert rows.dtype == np.int32 and len(rows) == 50 and min(map(len, made.tokens.values())) >= 5
  assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, IDS.tolist()))
  assert given.make(tf.constant(IDS), given.Config(vocab_size=20)).spec.vocab_size == 20


def test_a_corpus_is_stored_and_read_back(tmp_path):
  labels = {split: [i % 2 for i in range(20)] for split in corpus_lib.SPLITS}
  splits = {split: SENTENCES[:20] for split in corpus_lib.SPLITS}
  labelled = corpus_lib.encode("mine", splits, given.Config(), labels=labels, categories=("odd", "even"))
  for i, data in enumerate((SENTENCES, IDS, labelled)):
    made = given.make(data, given.Config())
    given.save(made, tmp_path / str(i))
    _assert_equal(given.load(given.Config(), tmp_path / str(i), made.tokenizer, made.spec.length), made)
  with pytest.raises(errors.UserError, match="holds no corpus; the dataset given comes from Python: runs.train"):
    given.load(given.Config(), tmp_path / "none", made.tokenizer, 5)
  with pytest.raises(errors.UserError, match="holds no corpus"):
    given.load(given.Config(), tmp_path / "0")


def test_a_stored_corpus_that_was_changed(tmp_path):
  made = given.make(IDS, given.Config())
  given.save(made, tmp_path)
  np.save(tmp_path / "corpus" / "test_tokens.npy", np.asarray(made.tokens["test"]) + 1)
  with pytest.raises(errors.UserError, match=r"/corpus/\w+_tokens.npy is damaged: it holds the ids \d to 9; expected ids from 0 to 8"):
    given.load(given.Config(), tmp_path, made.tokenizer, made.spec.length)


def test_large_arrays_stay_on_disk(tmp_path, monkeypatch):
  made = given.make(SENTENCES, given.Config())
  given.save(made, tmp_path)
  monkeypatch.setattr(corpus_lib, "RAM_LIMIT", 100)
  assert isinstance(given.load(given.Config(), tmp_path, made.tokenizer, made.spec.length).tokens["train"], np.memmap)


def test_blank_sentences_are_counted():
  assert given.make(["", *SENTENCES, " "], given.Config()).notes == ("given: 2 of 62 lines are left out: blank",)
  assert given.make(SENTENCES, given.Config()).notes == ()


def test_another_corpus_replaces_the_stored_one(tmp_path):
  for data in (SENTENCES, SENTENCES[::-1]):
    made = given.make(data, given.Config())
    given.save(made, tmp_path)
    assert given.load(given.Config(), tmp_path, made.tokenizer, made.spec.length).fingerprint == made.fingerprint


def test_with_the_vocabulary_of_a_run():
  first = given.make(SENTENCES, given.Config())
  _assert_equal(given.make(SENTENCES, given.Config(), first.tokenizer, first.spec.length), first)
  other = given.make(["q r"] * 10, given.Config(), first.tokenizer, first.spec.length)
  assert other.spec == first.spec and _texts(other)["train"][0] == "<unk> <unk>"
  ids = integer.Tokenizer(9)
  for data, vocabulary, length, message in (
    (IDS, first.tokenizer, 4, "array of ids .* but the run's sequences are 4 tokens of a vocabulary of 11 words"),
    (IDS, ids, 5, r"corpus= is an array of ids \[50, 4\], but the run's sequences are 5 tokens of a vocabulary of 9 ids"),
    (IDS + 1, ids, 4, r"corpus= has the id 9 at row \d+, column \d; expected ids from 0 to 8"),
    (SENTENCES, ids, 4, "corpus= holds sentences, but the run has a vocabulary of 9 ids"),
    (first, ids, 4, "corpus= has another vocabulary or length than the run's, which is 4"),
  ):
    with pytest.raises(errors.UserError, match=message):
      given.make(data, given.Config(), vocabulary, length)


def _repeated():
  return tf.data.Dataset.from_tensor_slices(SENTENCES).repeat()


def _corpus(**changes):
  return dataclasses.replace(given.make(IDS, given.Config()), **changes)


def _labelled(labels):
  """A corpus of two categories, with these labels of the training split."""
  arrays = {split: IDS for split in corpus_lib.SPLITS}
  spec = dataclasses.replace(integer.Tokenizer(9).spec(4), categories=("a", "b"))
  categories = None if labels is None else {split: labels for split in corpus_lib.SPLITS}
  return _corpus(spec=spec, tokens=arrays, categories=categories)


@pytest.mark.parametrize(
  ("data", "settings", "message"),
  [
    ("a text", {}, "corpus= is a string; expected a data.corpus.Corpus, a sequence of strings"),
    (3, {}, "corpus= is of the type int; expected"),
    ({"a": 1}, {}, "corpus= is of the type dict; expected"),
    (["a", 3], {}, "corpus= has a int as its element 1; expected"),
    ([b"\xff"] * 9, {}, "corpus= has an element 0 that is not UTF-8 text"),
    (["a b"] * 3, {}, "corpus=: 3 lines of text are too few"),
    (np.array([["a"]]), {}, r"corpus= is an array of strings \[1, 1\]; expected \[N\]"),
    (IDS[0], {}, r"corpus= is an array int64 \[4\]; expected integers \[N, T\]"),
    (IDS / 2, {}, r"corpus= is an array float64 \[50, 4\]; expected integers \[N, T\]"),
    (IDS - 1, {}, r"corpus= has the id -1 at row \d+, column \d; expected ids from 0 to 7"),
    (IDS, {"vocab_size": 5}, r"corpus= has the id [5-8] at row \d+, column \d; expected ids from 0 to 4"),
    (IDS[:3], {}, "corpus=: 3 lines of text are too few"),
    (tf.data.Dataset.range(5), {}, "corpus= is a tf.data.Dataset of TensorSpec.*; expected one of strings"),
    (_repeated(), {}, r"corpus= is a tf.data.Dataset that never ends; expected one without repeat\(\)"),
    (SENTENCES, {"min_count": 0}, "min_count must be at least 1, not 0"),
    (SENTENCES, {"test_share": 1.0}, "test_share must be at least 0 and below 1"),
    (_corpus(tokenizer=integer.Tokenizer(8)), {}, "corpus= has a spec that is not the one of its tokenizer"),
    (_corpus(tokens={"train": IDS[:, :3], "validation": IDS, "test": IDS}), {}, r"train tokens of the shape \[50, 3\]; expected \[N, 4\]"),
    (_corpus(tokens={"train": IDS, "validation": IDS, "test": IDS + 1}), {}, "corpus= has the id 9 at row"),
    (IDS * 10**8, {}, "corpus= has a vocabulary of 800000001 and sequences of 4; expected at most 1048576 and 65536"),
    (_corpus(tokens={"train": IDS}), {}, "corpus= has validation tokens of the type NoneType; expected a NumPy array of integers"),
    (_corpus(tokens={"train": IDS.tolist()}), {}, "corpus= has train tokens of the type list; expected a NumPy array of integers"),
    (_corpus(tokens={"train": IDS * np.nan}), {}, "corpus= has train tokens of the type float64; expected a NumPy array of integers"),
    (_corpus(tokens={"train": IDS[:0]}), {}, r"corpus= has train tokens of the shape \[0, 4\]; expected \[N, 4\]"),
    (_labelled(np.full(50, 2)), {}, r"corpus= \(train labels\) has the id 2 at row 0; expected ids from 0 to 1"),
    (_labelled(np.zeros(7, int)), {}, r"corpus= has train labels of the shape \[7\]; expected \[50\]"),
    (_labelled(None), {}, "corpus= has 2 categories in its spec, but no labels; expected both or neither"),
    (np.array([[2**40, 1]] * 50), {}, "corpus= has a vocabulary of 1099511627777 and sequences of 2; expected at most 1048576 and 65536"),
    (np.array([[2**63 + 1, 1]] * 50, np.uint64), {}, "corpus= has a vocabulary of 9223372036854775810 and sequences of 2"),
    (IDS, {"vocab_size": -3}, "vocab_size is -3; expected 1 to 1048576, or 0 for the largest id plus one"),
    (["a \ud800"] * 50, {}, "corpus= has an element 0 that is not UTF-8 text"),
    (["a b", "a \0 b"], {}, "corpus= has an element 1 with a NUL character"),
  ],
)
def test_other_data_are_refused(data, settings, message):
  with pytest.raises(errors.UserError, match=message):
    given.make(data, given.Config(**settings))


def test_no_damaged_corpus_is_read(tmp_path):
  labels = {split: [i % 2 for i in range(20)] for split in corpus_lib.SPLITS}
  splits = {split: SENTENCES[:20] for split in corpus_lib.SPLITS}
  made = corpus_lib.encode("mine", splits, given.Config(), labels=labels, categories=("odd", "even"))
  given.save(made, tmp_path)
  files = {path.name: path.read_bytes() for path in (tmp_path / "corpus").iterdir()}
  complaints, number = [], 0
  for number, (name, place, content, says) in enumerate(damage.corpora(files, made.spec.vocab_size), 1):  # noqa: B007
    path = tmp_path / place
    path.write_bytes(content)
    try:
      given.load(given.Config(), tmp_path, made.tokenizer, made.spec.length)
      complaints.append(f"{place}, {name}: no error")
    except errors.UserError as e:
      if not str(e).startswith(f"{path} is damaged: ") or "\n" in str(e) or says not in str(e):
        complaints.append(f"{place}, {name}: the message is {e}; expected the path and {says!r}")
    except Exception as e:
      complaints.append(f"{place}, {name}: {e!r}")
    path.write_bytes(files[path.name])
  assert not complaints, "\n".join(complaints)
  assert number > 40
  np.save(tmp_path / "corpus" / "test_labels.npy", np.zeros(3, np.int32))
  with pytest.raises(errors.UserError, match=r"test_labels.npy is damaged: it holds int32 \[3\]; expected int32 \[20\]$"):
    given.load(given.Config(), tmp_path, made.tokenizer, made.spec.length)
  (tmp_path / "corpus" / "train_tokens.npy").unlink()
  with pytest.raises(errors.UserError, match="cannot read .*train_tokens.npy: No such file or directory$"):
    given.load(given.Config(), tmp_path, made.tokenizer, made.spec.length)

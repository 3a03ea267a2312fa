"""Tests of tf_textgan.encoders.base."""

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan.encoders import base


class _Fake(base.Encoder):
  """Embeds a sentence as its length and number of a's, and records its batches."""

  def __init__(self, give=None):
    super().__init__("fake", batch_size=2)
    self.batches = []
    self._give = give or (lambda sentences: [[len(sentence), sentence.count("a")] for sentence in sentences])

  def encode(self, sentences):
    self.batches.append(sentences)
    return self._give(sentences)


def test_batches_of_similar_length_come_back_in_order():
  encoder = _Fake()
  assert encoder.size is None
  vectors = encoder(iter(["aab", "ab", "a", "", "aaaaa", "aa"]))
  # Equal lengths keep their order.
  assert encoder.batches == [["", "a"], ["ab", "aa"], ["aab", "aaaaa"]]
  assert vectors.dtype == np.float32 and encoder.size == 2
  np.testing.assert_array_equal(vectors, [[3, 2], [2, 1], [1, 1], [0, 0], [5, 5], [2, 2]])


def test_an_encoder_may_count_lengths_by_itself(monkeypatch):
  encoder = _Fake()
  monkeypatch.setattr(encoder, "lengths", lambda sentences: [-len(sentence) for sentence in sentences])
  np.testing.assert_array_equal(encoder(["a", "aab", "ab"]), [[1, 1], [3, 2], [2, 1]])
  assert encoder.batches == [["aab", "ab"], ["a"]]


@pytest.mark.parametrize(
  ("give", "message"),
  [
    (lambda sentences: [[1.0, float("nan") if sentence == "bad" else 0.0] for sentence in sentences], "not finite for the sentence 'bad'"),
    (lambda sentences: [[float("inf")] for _ in sentences], "not finite for the sentence 'bad'"),
    (lambda sentences: [1.0, 2.0], r"an array \[2, E\] for 2 sentences, not \[2\]"),
    (lambda sentences: [[1.0, 2.0]], r"an array \[2, E\] for 2 sentences, not \[1, 2\]"),
  ],
)
def test_wrong_embeddings_are_refused(give, message):
  with pytest.raises(errors.UserError, match=message):
    _Fake(give)(["good", "bad"])


def test_no_sentence_is_refused():
  with pytest.raises(errors.UserError, match="at least one sentence"):
    _Fake()([])

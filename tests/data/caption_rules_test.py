"""Tests of caption_rules.py: what the grammar of the default corpus says, and what it forbids."""

import time

import numpy as np
import pytest

from tf_textgan.data import caption_rules
from tf_textgan.data import grammar as grammars

GRAMMAR = grammars.parse(caption_rules.text())


def _samples(num):
  rng = np.random.default_rng(7)
  return [GRAMMAR.sample(rng) for _ in range(num)]


@pytest.mark.parametrize("right, wrong", [
    # number of subject and verb
    ("the dogs sit on the grass .", "the dogs sits on the grass ."),
    ("a man is riding a horse .", "a man are riding a horse ."),
    ("two dogs that chase a ball are sitting in the park .", "two dogs that chase a ball is sitting in the park ."),
    ("a dog that chases two balls runs across the park .", "a dog that chases two balls run across the park ."),
    ("a man with two umbrellas walks down the street .", "a man with two umbrellas walk down the street ."),
    ("a cup near three books is lying on a table .", "a cup near three books are lying on a table ."),
    ("the phones that a man is holding are black .", "the phones that a man is holding is black ."),
    ("the dog that two women are feeding is happy .", "the dog that two women is feeding is happy ."),
    ("one of the dogs is running down the road at the zoo .", "one of the dogs are running down the road at the zoo ."),
    ("a man sits on a bench and reads a book .", "a man sits on a bench and read a book ."),
    ("a train that carries two men drives down the street .", "a train that carries two men drive down the street ."),
    # articles, numerals
    ("an old man wears a hat .", "a old man wears a hat ."),
    ("an athlete wears a uniform .", "an athlete wears an uniform ."),
    ("two women are eating some pizzas .", "two woman are eating some pizzas ."),
    # gender and number of pronouns
    ("a woman brushes her hair .", "a woman brushes his hair ."),
    ("a man looks at himself in the mirror .", "a man looks at herself in the mirror ."),
    ("a child brushes his teeth .", "a child brushes their teeth ."),
    ("two boys look at themselves in the mirror .", "two boys look at himself in the mirror ."),
    ("the cat licks its paw .", "the cat licks their paw ."),
    ("brushing her hair , a woman sits on a bed .", "brushing his hair , a woman sits on a bed ."),
    ("a man helps a woman brush her hair .", "a man helps a woman brush his hair ."),
    ("a girl rides a bike while her dog runs down the road .", "a girl rides a bike while his dog runs down the road ."),
    # there is, there are
    ("there is a dog in the park .", "there are a dog in the park ."),
    ("there are two cats on the beach .", "there is two cats on the beach ."),
    ("there are three men who are wearing some hats .",
     "there are three men who is wearing some hats ."),
    # pairs
    ("both the man and a woman ride two horses .", "both the man and a woman rides two horses ."),
    ("either a dog or a cat sleeps in the park .", "either a dog or a cat sleep in the park ."),
    ("neither the man nor a boy is reading a book .", "neither the man or a boy is reading a book ."),
    # what a verb takes
    ("a man tries to eat a pizza .", "a man tries eat a pizza ."),
    ("a woman gives a boy an umbrella .", "a woman gives a boy ."),
    ("a man is about to catch a ball .", "a man is about to catches a ball ."),
    # who does what
    ("a plane flies over the beach .", "a plane eats a sandwich ."),
    ("a dog chases a cat .", "a table chases a cat ."),
])
def test_grammatical_and_not(right, wrong):
  assert GRAMMAR.log_prob(right.split()) > -60
  assert GRAMMAR.log_prob(wrong.split()) == -np.inf


def test_size():
  assert 300 <= len(GRAMMAR.words) <= 510
  assert GRAMMAR.max_length == 24


def test_samples_are_diverse_and_short():
  samples = _samples(10000)
  assert len({" ".join(sample) for sample in samples}) >= 9500
  lengths = [len(sample) for sample in samples]
  assert min(lengths) >= 5 and max(lengths) <= 24
  assert 10 < np.mean(lengths) < 12
  assert {word for sample in samples for word in sample} == set(GRAMMAR.words)


def test_scoring_is_fast_and_consistent_with_sampling():
  samples = _samples(2000)
  start = time.monotonic()
  log_probs = np.array([GRAMMAR.log_prob(sample) for sample in samples])
  assert time.monotonic() - start < 10  # measured: .2 s
  assert np.isfinite(log_probs).all()
  # The most likely sentence among them must come up as often as its probability says.
  frequent = max(samples, key=GRAMMAR.log_prob)
  probability = np.exp(GRAMMAR.log_prob(frequent))
  many = 40000
  count = sum(sample == frequent for sample in _samples(many))
  assert abs(count - many * probability) < 5 * np.sqrt(many * probability) + 1


def test_probabilities_of_next_words():
  for sample in _samples(20):
    for t in range(len(sample) + 1):
      assert np.isclose(sum(GRAMMAR.next_word_probs(sample[:t]).values()), 1.)

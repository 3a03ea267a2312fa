"""Tests of grammar.py: all probabilities are compared with hand counts or an enumeration of all derivations."""

import collections
import math

import numpy as np
import pytest

from tf_textgan.data import grammar as grammars

# "saw" and the attachment of "with Y" make some sentences ambiguous.
AMBIGUOUS = """
S -> NP VP
NP -> 3 i | the N | 2 the N PP     # not recursive
PP -> with the N
VP -> 2 saw NP | saw NP PP | slept
N -> man | 3 dog
"""


def _enumerate(rules, symbols):
  """All sentences of a symbol list with the sum of the probabilities of their derivations, enumerated."""
  if not symbols:
    return {(): 1.}
  sentences = collections.Counter()
  if symbols[0] not in rules:
    heads = {(symbols[0],): 1.}
  else:
    heads = collections.Counter()
    total = sum(weight for weight, _ in rules[symbols[0]])
    for weight, right in rules[symbols[0]]:
      for words, probability in _enumerate(rules, right).items():
        heads[words] += weight / total * probability
  for tail, tail_probability in _enumerate(rules, symbols[1:]).items():
    for head, probability in heads.items():
      sentences[head + tail] += probability * tail_probability
  return sentences


AMBIGUOUS_RULES = {
    "S": [(1, ("NP", "VP"))],
    "NP": [(3, ("i",)), (1, ("the", "N")), (2, ("the", "N", "PP"))],
    "PP": [(1, ("with", "the", "N"))],
    "VP": [(2, ("saw", "NP")), (1, ("saw", "NP", "PP")), (1, ("slept",))],
    "N": [(1, ("man",)), (3, ("dog",))],
}


def test_all_probabilities_of_an_ambiguous_grammar():
  grammar = grammars.parse(AMBIGUOUS)
  expected = _enumerate(AMBIGUOUS_RULES, ("S",))
  assert math.isclose(sum(expected.values()), 1.)
  for sentence, probability in expected.items():
    assert math.isclose(grammar.log_prob(sentence), math.log(probability), rel_tol=1e-9)
  assert grammar.max_length == max(map(len, expected)) == 14
  assert grammar.words == ["dog", "i", "man", "saw", "slept", "the", "with"]


def test_ambiguous_sentence_by_hand():
  # NP = "the dog with the man" (2/6 3/4 1/4), or NP = "the dog" (1/6 3/4) and PP = "with the man" (1/4); VP 2/4 and 1/4; "i" 3/6.
  probability = .5 * (.5 * 2 / 6 * .75 * .25 + .25 * 1 / 6 * .75 * .25)
  sentence = ["i", "saw", "the", "dog", "with", "the", "man"]
  assert math.isclose(grammars.parse(AMBIGUOUS).log_prob(sentence), math.log(probability))


def test_next_words_are_consistent():
  grammar = grammars.parse(AMBIGUOUS)
  for sentence in list(_enumerate(AMBIGUOUS_RULES, ("S",)))[:20]:
    total = 0.
    for t in range(len(sentence) + 1):
      probabilities = grammar.next_word_probs(sentence[:t])
      assert math.isclose(sum(probabilities.values()), 1.)
      total += math.log(probabilities[sentence[t] if t < len(sentence) else grammars.END])
    assert math.isclose(total, grammar.log_prob(sentence))
  assert grammar.next_word_probs(["i"]) == {"saw": .75, "slept": .25}
  assert not grammar.next_word_probs(["slept"])


def test_ungrammatical():
  grammar = grammars.parse(AMBIGUOUS)
  for sentence in ("", "i", "i saw", "i slept i", "slept", "the cat slept"):
    assert grammar.log_prob(sentence.split()) == -math.inf


def test_samples_follow_the_probabilities():
  grammar = grammars.parse(AMBIGUOUS)
  rng = np.random.default_rng(0)
  num = 20000
  counts = collections.Counter(" ".join(grammar.sample(rng)) for _ in range(num))
  expected = _enumerate(AMBIGUOUS_RULES, ("S",))
  for sentence, probability in expected.items():
    deviation = abs(counts[" ".join(sentence)] - num * probability) / math.sqrt(num * probability * (1 - probability))
    assert deviation < 4.5, sentence


def test_right_recursion_is_exact():
  grammar = grammars.parse("S -> 3 a | b S")
  assert math.isclose(grammar.log_prob(["b", "b", "a"]), math.log(.25 * .25 * .75))
  with pytest.raises(ValueError, match="S is recursive"):
    print(grammar.max_length)


def test_variables_stand_for_all_their_values():
  grammar = grammars.parse("""
      $n = sg pl
      S -> N_$n V_$n
      N_sg -> dog
      N_pl -> dogs
      V_sg -> runs | sits
      V_pl -> run
        | sit
      """)
  assert math.isclose(grammar.log_prob(["dogs", "run"]), math.log(.25))
  assert grammar.log_prob(["dog", "run"]) == -math.inf


@pytest.mark.parametrize("text, message", [
    ("S -> S a | b", "left recursion: S -> S"),
    ("S -> A b\nA -> S c | d", "left recursion: S -> A -> S"),
    ("S -> A", "the nonterminal A of a rule for S has no rule"),
    ("S -> a |", "an alternative without symbols"),
    ("S -> 2 | a", "an alternative without symbols"),
    ("S = a", "not a grammar rule"),
    ("s -> a", "not a grammar rule"),
    ("S -> A_$n", r"the variable \$n of the rule .* is not declared"),
])
def test_errors(text, message):
  with pytest.raises(ValueError, match=message):
    grammars.parse(text)

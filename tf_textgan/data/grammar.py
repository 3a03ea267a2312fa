"""Probabilistic context-free grammars with exact probabilities of sentences.

A grammar is text, one rule per line:

    $num = sg pl
    S -> 3 NP_$num VP_$num . | NP_$num and NP_pl VP_pl .
    NP_sg -> a N_sg
          |  2 the N_sg

A name that starts with a capital letter is a nonterminal, everything else a word. A number before an alternative is its weight (default 1);
the weights of a nonterminal are normalised. A line `$name = values` declares a variable; a rule with variables stands for one copy per
choice of their values, the same value throughout a copy. `#` starts a comment. The first rule's symbol is the start symbol.

The probability of a sentence is the sum over its derivations. It is computed from left to right: after each prefix the grammar holds all
stacks, lists of symbols that may still follow (the next symbol first), with the joint probability of the prefix and the stack. A word
advances a stack through every way to rewrite its first symbol until that word comes first. There are finitely many ways, which are
memoised, as long as no nonterminal rewrites to itself followed by something (left recursion) and none is empty. This is exact for ambiguous
grammars too; its cost grows with the number of stacks alive at once, not with the number of derivations.
"""

import bisect
from collections.abc import Sequence
import functools
import itertools
import math
import re

import numpy as np

# Key of the end of the sentence in `next_word_probs`.
END = ""


def parse(text: str) -> "Grammar":
  """Makes a `Grammar` from its rules.

  Args:
    text: rules in this module's notation.

  Raises:
    ValueError: a line is no rule, a nonterminal is undefined, an alternative is empty, or there is left recursion.
  """
  variables = {}
  rules = {}
  for line in _logical_lines(text):
    if declared := re.fullmatch(r"\$(\w+) *= *(.+)", line):
      variables[declared[1]] = declared[2].split()
      continue
    if not re.fullmatch(r"[A-Z][\w$]* *->.+", line):
      raise ValueError(f"not a grammar rule: {line!r}")
    for copy in _copies(line, variables):
      left, right = copy.split("->", 1)
      alternatives = rules.setdefault(left.strip(), [])
      for alternative in re.split(r" \| | \|$", " " + right + " "):
        symbols = alternative.split()
        weight = float(symbols.pop(0)) if symbols and re.fullmatch(r"[0-9.]*[0-9]", symbols[0]) else 1.
        if not symbols:
          raise ValueError(f"an alternative without symbols: {copy!r}")
        alternatives.append((weight, tuple(symbols)))
  return Grammar(next(iter(rules)), rules)


class Grammar:
  """A grammar; see `parse`."""

  def __init__(self, start: str, rules: dict[str, list[tuple[float, tuple[str, ...]]]]):
    """Checks and normalises the rules.

    Args:
      start: the start symbol.
      rules: for each nonterminal a list of (weight, symbols); a symbol is a nonterminal if it has rules or starts with a capital.
    """
    self._start = start
    self._rules = {}
    self._cumulative = {}
    for left, alternatives in rules.items():
      total = sum(weight for weight, _ in alternatives)
      self._rules[left] = [(weight / total, symbols) for weight, symbols in alternatives]
      self._cumulative[left] = list(itertools.accumulate(probability for probability, _ in self._rules[left]))
      for symbol in itertools.chain.from_iterable(symbols for _, symbols in alternatives):
        if symbol[0].isupper() and symbol not in rules:
          raise ValueError(f"the nonterminal {symbol} of a rule for {left} has no rule of its own")
    self._firsts = {}  # nonterminal -> {first word: {symbols after it: probability}}
    for left in rules:
      self._first(left, ())
    self._initial = {(start,): 1.}

  @property
  def words(self) -> list[str]:
    """All words of the grammar, sorted."""
    symbols = {symbol for alternatives in self._rules.values() for _, right in alternatives for symbol in right}
    return sorted(symbols - self._rules.keys())

  @functools.cached_property
  def max_length(self) -> int:
    """Maximum number of words in a sentence.

    Raises:
      ValueError: the grammar is recursive, so there is no limit.
    """
    longest = {}

    def measure(symbol, above):
      if symbol not in self._rules:
        return 1
      if symbol in above:
        raise ValueError(f"sentences have no greatest length, because {symbol} is recursive")
      if symbol not in longest:
        longest[symbol] = max(sum(measure(s, above | {symbol}) for s in right) for _, right in self._rules[symbol])
      return longest[symbol]

    return measure(self._start, frozenset())

  def log_prob(self, words: Sequence[str]) -> float:
    """Log-probability of a sentence, in nats; -inf if it is not grammatical."""
    stacks = self._initial
    for word in words:
      stacks = self._advance(stacks, word)
    probability = stacks.get((), 0.)
    return math.log(probability) if probability else -math.inf

  def next_word_probs(self, prefix: Sequence[str]) -> dict[str, float]:
    """Probabilities of the words that may follow a prefix; the key `END` stands for the end of the sentence.

    Empty if no sentence starts with this prefix.
    """
    stacks = self._initial
    for word in prefix:
      stacks = self._advance(stacks, word)
    probabilities = {}
    for stack, probability in stacks.items():
      if not stack:
        nexts = {END: 1.}
      elif stack[0] in self._rules:
        nexts = {word: sum(rests.values()) for word, rests in self._firsts[stack[0]].items()}
      else:
        nexts = {stack[0]: 1.}
      for word, share in nexts.items():
        probabilities[word] = probabilities.get(word, 0.) + probability * share
    total = sum(stacks.values())
    return {word: probability / total for word, probability in probabilities.items()}

  def sample(self, rng: np.random.Generator) -> list[str]:
    """Draws a sentence, a list of words."""
    words, stack = [], [self._start]
    while stack:
      symbol = stack.pop()
      if symbol not in self._rules:
        words.append(symbol)
        continue
      cumulative = self._cumulative[symbol]
      # The last cumulative probability may be below 1 by a rounding error.
      choice = min(bisect.bisect_right(cumulative, rng.random()), len(cumulative) - 1)
      stack.extend(reversed(self._rules[symbol][choice][1]))
    return words

  def _advance(self, stacks, word):
    """Stacks after one more word: a dict from the symbols still to come to their joint probability with the words so far."""
    advanced = {}
    for stack, probability in stacks.items():
      if not stack:
        continue
      head, tail = stack[0], stack[1:]
      if head == word:
        advanced[tail] = advanced.get(tail, 0.) + probability
      elif head in self._rules:
        for rest, share in self._firsts[head].get(word, {}).items():
          after = rest + tail
          advanced[after] = advanced.get(after, 0.) + probability * share
    return advanced

  def _first(self, symbol, above):
    """All ways to rewrite a symbol until a word comes first: {word: {symbols after it: probability}}."""
    if symbol not in self._rules:
      return {symbol: {(): 1.}}
    if symbol in above:
      raise ValueError(f"left recursion: {' -> '.join((*above, symbol))}")
    if symbol not in self._firsts:
      firsts = {}
      for probability, right in self._rules[symbol]:
        for word, rests in self._first(right[0], (*above, symbol)).items():
          ways = firsts.setdefault(word, {})
          for rest, share in rests.items():
            after = rest + right[1:]
            ways[after] = ways.get(after, 0.) + probability * share
      self._firsts[symbol] = firsts
    return self._firsts[symbol]


def _logical_lines(text):
  """Lines without comments; a line that starts with `|` continues the previous one."""
  lines = []
  for line in text.splitlines():
    line = line.split("#")[0].strip()
    if line.startswith("|") and lines:
      lines[-1] += " " + line
    elif line:
      lines.append(line)
  return lines


def _copies(line, variables):
  """Yields the line once for every choice of values for its variables."""
  used = sorted(set(re.findall(r"\$(\w+?)(?=_|\b)", line)))
  unknown = [name for name in used if name not in variables]
  if unknown:
    raise ValueError(f"the variable ${unknown[0]} of the rule {line!r} is not declared")
  for values in itertools.product(*(variables[name] for name in used)):
    chosen = dict(zip(used, values))
    yield re.sub(r"\$(\w+?)(?=_|\b)", lambda match, chosen=chosen: chosen[match[1]], line)

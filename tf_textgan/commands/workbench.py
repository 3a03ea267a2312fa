"""A trained run to play with: sentences at any setting, and what generator and discriminator make of each of their tokens."""

from collections.abc import Sequence
import dataclasses
import functools
import threading
from typing import Any

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import runs
from tf_textgan import sequences
from tf_textgan.commands import generate
from tf_textgan.evaluation import probe
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import guided
from tf_textgan.runs import export
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

_MOST_SENTENCES = 50
# Compiled functions, one for each nucleus threshold with and without the guide.
_COMPILED = 32


@dataclasses.dataclass(frozen=True)
class Request:
  """Sentences to generate.

  Attributes:
    num: number of sentences.
    temperature, nucleus, category: as of `generate.py`.
    prompt: first words of every sentence; empty for none.
    guided: whether the discriminator chooses each sentence among several.
    seed: the same seed gives the same sentences.
  """

  num: int
  temperature: float
  nucleus: float
  category: str
  prompt: str
  guided: bool
  seed: int

  def __post_init__(self):
    if not 1 <= self.num <= _MOST_SENTENCES:
      raise errors.UserError(f"the number of sentences is {self.num}; expected 1 to {_MOST_SENTENCES}")
    if not 0 <= self.seed < 2**63:
      raise errors.UserError(f"the seed is {self.seed}; expected 0 or more, below 2^63")
    if self.guided and self.prompt.strip():
      raise errors.UserError("the discriminator chooses among whole sentences; expected no prompt, or no guide")


@dataclasses.dataclass(frozen=True)
class Text:
  """Text to score. Attributes: text; category, as of `Request`."""

  text: str
  category: str


class Workbench:
  """Generates and scores with one run. Calls from several threads wait for each other.

  Attributes:
    abilities: what the page has to know of the run: JSON values.
  """

  def __init__(self, run: runs.Run):
    if run.algorithm.generator.spec.source_length:
      raise errors.UserError(f"the run in {run.experiment.choices.workdir} is of pairs, which this page has no place for; expected another run")
    self._run = run
    self._generator = run.algorithm.generator
    self._names = self._generator.spec.categories
    self._lock = threading.Lock()
    self._autoregressive = isinstance(self._generator, generator_base.Autoregressive)
    discriminator = run.algorithm.discriminator
    self._scores = probe.HeldOut(discriminator).scores if discriminator is not None else None
    self._guide, refused = self._guided()
    self._writer = functools.lru_cache(_COMPILED)(self._compiled)
    self._log_probs = tf.function(self._token_log_probs, autograph=False) if getattr(self._generator, "likelihood", None) else None
    choices = run.experiment.choices
    self.abilities = {
      "title": f"{choices.algorithm} on {choices.dataset}",
      "about": f"{choices.workdir}, step {run.step}",
      "categories": list(self._names),
      "temperature": self._autoregressive,
      "prompt": self._autoregressive and self._generator.spec.end_token is not None,
      "guide": self._guide is not None,
      "why_no_guide": refused,
      "probability": self._log_probs is not None,
      "discriminator": self._scores is not None,
      "most": _MOST_SENTENCES,
    }

  def _guided(self):
    """The guided generator, or None and why there is none."""
    try:
      return runs.guide(self._generator, self._run, guided.Config(guide="resampling")), ""
    except errors.UserError as e:
      return None, str(e)

  def generate(self, request: Request) -> list[dict[str, Any]]:
    """Generates sentences, see `score`. Raises a `UserError` if the run does not allow a setting."""
    with self._lock:
      category = generate.category_of(request.category, self._names, self._run.experiment.choices.workdir)
      picker = generate.picker_of(request.temperature, 0, request.nucleus) if self._autoregressive else None
      if request.guided and self._guide is None:
        raise errors.UserError(self.abilities["why_no_guide"])
      num, seed = tf.constant(request.num), export.generation_seed(request.seed)
      if request.prompt.strip():
        context, tokens = self._completed(request, num, seed, category)
      else:
        temperature = tf.constant(1.0 if picker is None else picker.temperature, tf.float32)
        found = self._writer(request.guided, 1.0 if picker is None else picker.nucleus)(num, seed, temperature, category)
        context, tokens = found.context, found.tokens
      return self._described(tokens.numpy(), None if context is None else context.numpy())

  def score(self, request: Text) -> dict[str, Any]:
    """Scores a text.

    Returns:
      `text`; `tokens`, each with its `text`, `probability` under the generator given those before it, and `influence`, the discriminator's score of
      the sentence minus its score without the token; `log_prob`, nats; `score`, the discriminator's; `category`. None for what the run does not have.
    """
    with self._lock:
      tokens = self._run.tokenizer.encode([request.text], self._generator.spec.length)
      category = generate.category_of(request.category, self._names, self._run.experiment.choices.workdir)
      if self._names and category is None:
        raise errors.UserError(f"expected a category to score the text in, one of {', '.join(self._names)}")
      return self._described(tokens, None if category is None else np.array([int(category)], np.int32))[0]

  def _compiled(self, is_guided, nucleus):
    """A function that generates, for all temperatures."""
    writer = self._guide if is_guided else self._generator

    def write(num, seed, temperature, category):
      return writer.write(num, seed, self._picker(writer, temperature, nucleus), category)

    return tf.function(write, autograph=False)

  def _picker(self, writer, temperature, nucleus):
    picker = pickers.Categorical(temperature, 0, nucleus) if self._autoregressive else writer.picker
    return pickers.without(picker, self._run.tokenizer.unknown_token)

  def _completed(self, request, num, seed, category):
    """Sentences that begin with the prompt."""
    if not self.abilities["prompt"]:
      raise errors.UserError("a prompt needs a generator that generates token by token, and sequences with an end; expected no prompt")
    spec = self._generator.spec
    tokens = self._run.tokenizer.encode([request.prompt], spec.length)
    count = int(np.count_nonzero((tokens != sequences.PAD) & (tokens != spec.end_token)))
    if count >= spec.length - 1:
      raise errors.UserError(f"the prompt has {count} tokens; expected fewer than {spec.length - 1}")
    context = self._generator.contexts(num, seed, category)
    picker = self._picker(self._generator, request.temperature, request.nucleus)
    completed = self._generator.complete(tf.repeat(tokens, num, axis=0), count, seed, picker, context)
    return context, completed.tokens

  def _token_log_probs(self, tokens, context):
    latent = self._generator.prior(tf.shape(tokens)[0], noise.seed(0))
    return self._generator.log_probs(tokens, latent, context)

  def _described(self, tokens, context):
    """Sentences, int32 `[N, T]`, as `score` returns them."""
    texts, sizes = self._run.tokenizer.decode(tokens), np.count_nonzero(tokens != sequences.PAD, axis=1)
    log_probs = None if self._log_probs is None else self._log_probs(tf.constant(tokens), None if context is None else tf.constant(context)).numpy()
    scores = None if self._scores is None else self._scores(tokens)
    influences = self._influences(tokens, sizes, scores)
    described = []
    for i, (text, size) in enumerate(zip(texts, sizes)):
      named = self._token_texts(tokens[i, :size])
      parts = [{"text": name, "probability": None, "influence": influences[i][k]} for k, name in enumerate(named)]
      if log_probs is not None:
        for k, part in enumerate(parts):
          part["probability"] = float(np.exp(log_probs[i, k]))
      described.append({
        "text": text,
        "tokens": parts,
        "log_prob": None if log_probs is None else float(log_probs[i, :size].sum()),
        "score": None if scores is None else float(scores[i]),
        "category": self._names[context[i]] if self._names else None,
      })
    return described

  def _token_texts(self, tokens: np.ndarray) -> Sequence[str]:
    """The text of each token; the end token is called so."""
    alone = np.zeros([len(tokens), self._generator.spec.length], np.int32)
    alone[:, 0] = tokens
    ends = self._generator.spec.end_token
    return ["(end)" if token == ends else text for token, text in zip(tokens, self._run.tokenizer.decode(alone))]

  def _influences(self, tokens, sizes, scores):
    """For each sentence the score of the whole minus that without each token; None for the end token, and where sequences have no end."""
    spec = self._generator.spec
    without, influences = [], [[None] * size for size in sizes]
    if scores is None or spec.end_token is None:
      return influences
    places = [(i, k) for i, size in enumerate(sizes) for k in range(size) if tokens[i, k] != spec.end_token]
    for i, k in places:
      without.append(np.append(np.delete(tokens[i], k), sequences.PAD))
    for (i, k), score in zip(places, self._scores(np.array(without, np.int32)) if places else ()):
      influences[i][k] = float(scores[i] - score)
    return influences

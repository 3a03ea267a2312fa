"""Exports a generator as a SavedModel: strings in and out, loadable with plain TensorFlow."""

from collections.abc import Callable
from collections.abc import Mapping
import os
import pathlib
from typing import Any

from absl import logging
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import sequences
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import guided
from tf_textgan.runs import completing
from tf_textgan.runs import filling
from tf_textgan.runs import sources
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers


class Model(tf.Module):
  """The signatures of an exported run.

  `generate(num, temperature, seed)` returns `text`, string `[num]`, and `log_prob`, float32 `[num]`: log-probability of each sentence under the
  distribution it was drawn from, nats. Temperature 0 takes the most probable tokens. The unknown token <unk> is never generated. The same seed
  gives the same text as `generate.py`. A `num` below 1, or a temperature that is negative or not finite, raises an `InvalidArgumentError`.

  `generate_guided` takes the same arguments; the discriminator chooses each sentence among 16 candidates. It also returns `score`, float32 `[num]`,
  the discriminator's logits; `log_prob` is the log-probability of the candidates. Absent if the discriminator's score is no logit.

  `fill(text, temperature, seed)`, string `[N]` with blanks, see `runs.filling`, returns `text`, string `[N]`, the texts with their blanks filled, and
  `log_prob`, float32 `[N]`: log-probability of what was written into them. Temperature and seed are as of `generate`. A text without a blank, or of
  more tokens than the run's sequences, raises an `InvalidArgumentError`. Absent if the generator fills no blanks, or sequences have no end token.

  `complete(prompt, num, temperature, seed)`, string `[N]`, goes on with each prompt in `num` ways: `text`, string `[N * num]`, prompt and
  continuation, those of a prompt side by side, and `log_prob`, float32 `[N * num]`, log-probability of the continuation. Temperature and seed are as
  of `generate`; the same seed gives the same text as `generate.py --prompt`. A prompt without tokens, or of as many as the run's sequences have,
  raises an `InvalidArgumentError`. Absent if the generator is not autoregressive, or sequences have no end token.

  `score(text)`, string `[N]`, returns `log_prob`, float32 `[N]` (nats, absent if the generator has no likelihood), and `discriminator`, float32
  `[N]`, the discriminator's score (absent without a discriminator). Text is tokenized and lower-cased as in training. Unknown words become
  <unk>, whose log-probability counts here, unlike in `nll_test`. `score` is also the default: the signature
  `serving_default` of TensorFlow Serving, and the endpoint `serve` of `keras.layers.TFSMLayer`. All three are absent without a likelihood and a
  discriminator, and for a tokenizer that can only decode in a graph.

  For a generator with categories, all but `fill` also take `category`. `generate` and `complete` take a string scalar, the category's name or "" for
  equal shares of all, and also return `category`, the name for each text. `score` takes string `[N]`, the category that each sentence's `log_prob` is
  conditioned on; to find the likeliest category of a sentence, score it once in each. An unknown name raises an `InvalidArgumentError` that lists the
  right ones.

  For a generator of pairs, `generate(source, temperature, seed)` takes string `[N]`, and returns a text for each source. `score` also takes `source`,
  string `[N]`, the source of each sentence. A blank source, or one of more tokens than the run's, raises an `InvalidArgumentError`. The others are
  absent.
  """

  def __init__(
    self,
    generator: generator_base.Generator,
    discriminator: discriminator_base.Discriminator | None,
    tokenizer: tokenizers.Tokenizer,
    guide: guided.Generator | None = None,
  ):
    super().__init__()
    self._generator = generator
    self._discriminator = discriminator
    self._guide = guide
    check(tokenizer, generator.spec)
    self._text = tokenizer.graph()
    self._unknown = tokenizer.unknown_token
    # tf.Module does not track Keras variables, so hold their tf.Variables.
    self._variables = [v.value for network in (generator, discriminator) if network for v in network.variables]
    settings = [tf.TensorSpec([], tf.int32, "num"), tf.TensorSpec([], tf.float32, "temperature"), tf.TensorSpec([], tf.int64, "seed")]
    text = [tf.TensorSpec([None], tf.string, "text")]
    self._categories = generator.spec.categories
    if self._categories:
      settings.append(tf.TensorSpec([], tf.string, "category"))
      text.append(tf.TensorSpec([None], tf.string, "category"))
    if generator.spec.source_length:
      source = tf.TensorSpec([None], tf.string, "source")
      self.generate = tf.function(self._generate_from, input_signature=[source, *settings[1:]], autograph=False)
      self.score = self.serve = tf.function(self._score_pairs, input_signature=[*text, source], autograph=False)
      return
    self.generate = tf.function(self._generate, input_signature=settings, autograph=False)
    if guide is not None:
      self.generate_guided = tf.function(self._generate_guided, input_signature=settings, autograph=False)
    encodes = hasattr(self._text, "encode")
    if isinstance(generator, generator_base.Autoregressive) and tokenizer.ends and encodes:
      self.complete = tf.function(self._complete, input_signature=[tf.TensorSpec([None], tf.string, "prompt"), *settings], autograph=False)
    if isinstance(generator, generator_base.Fills) and tokenizer.ends and encodes:
      self.fill = tf.function(self._fill, input_signature=[tf.TensorSpec([None], tf.string, "text"), *settings[1:3]], autograph=False)
    if encodes and (generator.likelihood or discriminator is not None):
      self.score = self.serve = tf.function(self._score, input_signature=text, autograph=False)

  def signatures(self) -> dict[str, Callable[..., Any]]:
    """Signature name to function."""
    signatures = {name: getattr(self, name) for name in ("generate", "generate_guided", "complete", "fill", "score") if hasattr(self, name)}
    return signatures | {"serving_default": self.score} if "score" in signatures else signatures

  def _generate(self, num, temperature, seed, category=None):
    return self._write(self._generator, num, temperature, seed, category)

  def _generate_guided(self, num, temperature, seed, category=None):
    return self._write(self._guide, num, temperature, seed, category)

  def _generate_from(self, source, temperature, seed):
    context = sources.encode(self._text.encode, source, self._generator.spec)
    return self._write(self._generator, tf.shape(source)[0], temperature, seed, context=context)

  def _score_pairs(self, text, source):
    return self._score(text, context=sources.encode(self._text.encode, source, self._generator.spec))

  def _fill(self, text, temperature, seed):
    tokens, present = filling.read(self._text.encode, text, self._generator.spec)
    with tf.control_dependencies([_positive(tf.shape(text)[0]), _allowed(temperature)]):
      seed = generation_seed(seed)
    filled = self._generator.fill_all(tokens, present, seed, pickers.without(pickers.Categorical(temperature), self._unknown))
    return {"text": self._text.decode(filled.tokens), "log_prob": filled.log_probs}

  def _complete(self, prompt, num, temperature, seed, category=None):
    tokens, count = completing.read(self._text.encode, prompt, self._generator.spec)
    with tf.control_dependencies([_positive(num), _positive(tf.shape(prompt)[0]), _allowed(temperature)]):
      num, seed = tf.identity(num), generation_seed(seed)
    category = self._context(category, tf.shape(prompt)[0] * num, seed)
    picker = pickers.without(pickers.Categorical(temperature), self._unknown)
    samples = self._generator.complete_all(tf.repeat(tokens, num, axis=0), tf.repeat(count, num), seed, picker, category)
    outputs = {"text": self._text.decode(samples.tokens), "log_prob": tf.reduce_sum(samples.log_probs, axis=1)}
    return outputs if category is None else outputs | {"category": tf.gather(self._categories, category)}

  def _context(self, category, num, seed):
    """Indices of a named category, or of drawn ones if the name is empty, int32 `[num]`; None without categories."""
    if category is None:
      return None
    named = self._places(category, allowed=("",))
    return tf.where(category == "", self._generator.draw_context(num, seed), named)

  def _write(self, generator, num, temperature, seed, category=None, context=None):
    with tf.control_dependencies([_positive(num), _allowed(temperature)]):
      num, seed = tf.identity(num), generation_seed(seed)
    category = self._context(category, num, seed)
    context = context if category is None else category
    generated = generator.write(num, seed, pickers.without(pickers.Categorical(temperature), self._unknown), context)
    outputs = {"text": self._text.decode(generated.tokens), "log_prob": generated.log_probs}
    if generated.scores is not None:
      outputs["score"] = generated.scores
    return outputs if category is None else outputs | {"category": tf.gather(self._categories, category)}

  def _score(self, text, category=None, context=None):
    tokens = self._text.encode(text, self._generator.spec.length)
    tokens = tf.ensure_shape(tokens, [None, self._generator.spec.length])
    scores = {}
    context = context if category is None else self._places(category)
    if self._generator.likelihood:
      latent = self._generator.prior(tf.shape(tokens)[0], noise.seed(0))
      scores["log_prob"] = tf.reduce_sum(self._generator.log_probs(tokens, latent, context), axis=1)
    if self._discriminator is not None:
      scores["discriminator"] = self._discriminator(tokens, context=context)
    return scores

  def _places(self, names, allowed=()):
    """The places of named categories, int32 like the names; 0 for a name of the others that are allowed."""
    matches = names[..., None] == tf.constant(self._categories + allowed)
    tf.debugging.Assert(tf.reduce_all(tf.reduce_any(matches, axis=-1)), ["expected the categories", *self._categories, "but got", names])
    return tf.argmax(matches[..., : len(self._categories)], axis=-1, output_type=tf.int32)


def _positive(num):
  return tf.debugging.Assert(num >= 1, ["expected a num of at least 1, but got", num])


def _allowed(temperature):
  allowed = tf.math.is_finite(temperature) & (temperature >= 0.0)
  return tf.debugging.Assert(allowed, ["expected a temperature that is finite and at least 0, but got", temperature])


def generation_seed(seed: int | tf.Tensor) -> tf.Tensor:
  """Converts a user's seed, an integer or an int64 scalar tensor, to a seed of `Generator.write`, int32 `[2]`."""
  seed = tf.cast(seed, tf.int64)
  low, high = tf.bitwise.bitwise_and(seed, 0x7FFFFFFF), tf.bitwise.right_shift(seed, 31)
  return tf.cast(tf.stack([low, tf.bitwise.bitwise_and(high, 0x7FFFFFFF)]), tf.int32)


def check(tokenizer: tokenizers.Tokenizer, spec: sequences.Spec) -> None:
  """Raises a `UserError` if runs with this tokenizer and these sequences cannot be exported."""
  name, graph = tokenizers.name_of(type(tokenizer)), tokenizer.graph()
  if graph is None:
    raise errors.UserError(f"the tokenizer {name} has no graph, so the run cannot be exported; pass --export false")
  if spec.source_length and not (tokenizer.ends and hasattr(graph, "encode")):
    raise errors.UserError(f"the tokenizer {name} encodes no sources in a graph, so a run of pairs cannot be exported; pass --export false")


def save(
  folder: str | os.PathLike,
  generator: generator_base.Generator,
  discriminator: discriminator_base.Discriminator | None,
  tokenizer: tokenizers.Tokenizer,
  guide: guided.Generator | None = None,
  version: int = 0,
  about: Mapping[str, Any] | None = None,
) -> pathlib.Path:
  """Writes a SavedModel atomically, replacing any existing one.

  Args:
    folder: path of the SavedModel, or of its versions.
    generator: see `generators.base`.
    discriminator: see `discriminators.base`, or None.
    tokenizer: see `data.tokenizers`.
    guide: `guided.Generator` of these networks; None for no `generate_guided`.
    version: above 0, the SavedModel is written to the folder of that name in `folder`; 0 for `folder` itself.
    about: JSON-serializable, what the networks are: written to `assets.extra/about.json`; None for nothing.

  Returns:
    The path of the SavedModel.

  Raises:
    UserError: `version` is 0, but `folder` holds versions, which would be lost; or the tokenizer has no graph.
  """
  folder = pathlib.Path(folder)
  versions = sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal())
  if versions and not version:
    raise errors.UserError(f"{folder} holds the versions {', '.join(map(str, versions))} of a SavedModel; expected an --export_version above 0")
  folder = folder / str(version) if version else folder
  model = Model(generator, discriminator, tokenizer, guide)
  with files.replacing_folder(folder) as temporary:
    tf.saved_model.save(model, str(temporary), model.signatures())
    if about is not None:
      (temporary / "assets.extra").mkdir()  # TensorFlow's name for a user's own files.
      files.write_json(temporary / "assets.extra" / "about.json", about)
  logging.info("exported to %s", folder)
  return folder

"""The interface of a discriminator, and abstract classes for abilities beyond scoring whole sequences, which an algorithm may require."""

import abc
from collections.abc import Mapping
from typing import Any
from typing import ClassVar
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.layers import lookup
from tf_textgan.layers import network


class Discriminator(network.Network):
  """Scores whole sequences; a higher score means more real. Losses interpret the score as a logit or as a critic's value.

  Attributes:
    per_prefix: whether it is trained on the scores of all prefixes; it is then a `PrefixScores`.
    begun: whether it is pretrained, so that `begin` must not be called.
    reads_sources: whether discriminators of this class score pairs of a source, the context, and a sequence.
  """

  per_prefix = False
  begun = False
  reads_sources = False

  def __init__(self, spec: sequences.Spec, config: Any = None, seed: int = 0):
    """Arguments as of `layers.network.Network`. A discriminator that is never saved by Keras needs no `Config`."""
    if spec.source_length and not self.reads_sources:
      name = registry.name_of(self)
      raise errors.UserError(
        f"the discriminator {name} reads no sources of pairs; expected --discriminator recurrent, transformer or causal_transformer"
      )
    super().__init__(spec, config, seed, name="discriminator")

  def attach(self, networks: Mapping[str, keras.Model]) -> None:
    """Connects the discriminator to the networks it is trained with. `algorithms.base` calls it before the first use and before building optimizers.

    Most discriminators ignore them. A discriminator with the generator's sizes creates its variables here, in the first call.

    Args:
      networks: name to network, "generator" among them.

    Raises:
      UserError: the discriminator needs another generator.
    """

  def begin(self) -> None:
    """Copies the generator's weights, if the discriminator starts from them. Called once, before the discriminator's first training step."""

  @abc.abstractmethod
  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Scores sequences.

    Args:
      inputs: ids int32 `[B, T]`, looked up in the embedding, or points float `[B, T, V]`, multiplied with it.
      context: context of the sequences, see `sequences.Batch`; a discriminator may ignore it.
      seed: int32 `[2]`, for dropout; None for no dropout.

    Returns:
      float32 `[B]`.
    """

  def training_scores(
    self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores and weights that enter the loss, float32 `[B, N]` each: the score of the sequence, or the scores of its prefixes.

    Arguments as of `call`.
    """
    if self.per_prefix:
      return self.token_scores(inputs, context=context, seed=seed), self.mask(inputs)
    scores = self(inputs, context=context, seed=seed)[:, None]
    return scores, tf.ones_like(scores)

  def mask(self, inputs: tf.Tensor) -> tf.Tensor:
    """As `sequences.Spec.mask`, of ids `[B, T]` or points `[B, T, V]`: float32 `[B, T]`."""
    if inputs.dtype.is_integer:
      return self.spec.mask(inputs)
    if self.spec.end_token is None:
      return tf.ones(tf.shape(inputs)[:2])
    return 1.0 - tf.stop_gradient(tf.cast(inputs[:, :, sequences.PAD], tf.float32))

  def regularization(self) -> tf.Tensor:
    """The sum of the layers' weight penalties, float32 scalar.

    Their weights are those beside the mean cross-entropy of a sequence. A loss that adds up a real and a generated sequence has twice the penalty; a
    loss that compares two sequences, or averages over all of them, has it once.
    """
    return tf.add_n(self.losses) if self.losses else tf.zeros([])


class PrefixScores(abc.ABC):
  """Scores every prefix of a sequence in one pass."""

  ability: ClassVar[str] = "scores every prefix"

  @abc.abstractmethod
  def token_scores(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Returns float32 `[B, T]`: at t the score of the tokens up to t, 0 on padding. Arguments as of `call`."""


class Reading(NamedTuple):
  """What a `BlankScores` makes of sequences.

  Attributes:
    scores: float32 `[B, T]`, the score of each token, whether in a blank or not.
    before: float `[B, T, F]`, features of what each token is conditioned on: the text with blanks and the tokens before it.
  """

  scores: tf.Tensor
  before: tf.Tensor


class BlankScores(abc.ABC):
  """Scores each token of a text whose blanks were filled, and knows the blanks.

  Attributes:
    feature_size: number of features (F).
  """

  ability: ClassVar[str] = "scores the tokens in blanks"
  feature_size: int

  @abc.abstractmethod
  def read(self, inputs: tf.Tensor, present: tf.Tensor, *, seed: tf.Tensor | None = None) -> Reading:
    """Scores each token given the text with blanks and the tokens before it.

    Args:
      inputs: whole sequences, ids int32 `[B, T]` or points float `[B, T, V]`.
      present: see `sampling.blanks`, bool `[B, T]`.
      seed: int32 `[2]`, for dropout; None for no dropout.
    """


class PointScores(abc.ABC):
  """Scores prefixes whose last token is relaxed, for control variates (`sampling.estimators`)."""

  ability: ClassVar[str] = "scores prefixes that end with a relaxed token"

  @abc.abstractmethod
  def prefixes(
    self, tokens: tf.Tensor, points: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None
  ) -> tf.Tensor:
    """Scores each prefix with a point in place of its last token.

    Args:
      tokens: int32 `[B, T]`.
      points: float `[B, T, V]`.
      context: as of `call`.
      seed: as of `call`.

    Returns:
      float32 `[B, T]`; at t the score of tokens 0 to t - 1 followed by point t, as a whole sequence.
    """


class Views(abc.ABC):
  """Scores several views of a sequence; `call` gives their mean."""

  ability: ClassVar[str] = "scores several views of a sequence"

  @abc.abstractmethod
  def scores(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Returns float32 `[B, R]`, a score for each of R views. Arguments as of `call`."""


class Features(abc.ABC):
  """Scores a sequence by a linear function of its features.

  Attributes:
    score: `keras.layers.Dense` that maps features to the score.
  """

  ability: ClassVar[str] = "gives the features of a sequence"
  score: keras.layers.Layer

  @abc.abstractmethod
  def features(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Returns the inputs of the output layer, float `[B, F]`. Arguments as of `call`."""


class TokenLikelihoods(abc.ABC):
  """Is a language model, which gives the likelihood of each token."""

  ability: ClassVar[str] = "knows the likelihood of each token"

  @abc.abstractmethod
  def token_nll(self, inputs: tf.Tensor, given: tf.Tensor | None = None) -> tf.Tensor:
    """Negative log-likelihood of each token given the tokens before it.

    Args:
      inputs: ids int32 `[B, T]`, or points float `[B, T, V]`, for the expectation over the tokens of each point.
      given: int32 `[B, T]`, tokens in place of the points that each point is conditioned on; None for the points themselves.

    Returns:
      float32 `[B, T]`, nats; 0 on padding.
    """


class Completions(abc.ABC):
  """Scores completions of a prefix more cheaply than whole sequences, because the computation on the prefix is cached."""

  ability: ClassVar[str] = "scores completions of shared prefixes"

  @abc.abstractmethod
  def prefix_cache(self, tokens: tf.Tensor) -> Any:
    """The part of the computation that completions share with the prefixes of sequences, int32 `[B, T]`."""

  @abc.abstractmethod
  def features_of_completions(self, cache: Any, tokens: tf.Tensor, rows: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """Features of completions: only windows that reach beyond the shared prefix are computed.

    Args:
      cache: of `prefix_cache`.
      tokens: int32 `[R, T]`.
      rows: int32 `[R]`, the cached sequence that each row completes.
      t: int32 scalar up to T - 2, the last position of the shared prefix.

    Returns:
      float `[R, F]`, equal to `features(tokens)`.
    """

  @abc.abstractmethod
  def score_completions(self, cache: Any, tokens: tf.Tensor, rows: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """Scores completions: equal to `call(tokens)`, float32 `[R]`. Arguments as of `features_of_completions`."""


class PrefixFeatures(abc.ABC):
  """Gives the features of every prefix, all at once or token by token, for a generator that reads them.

  Attributes:
    feature_size: number of features (F).
  """

  ability: ClassVar[str] = "gives the features of unfinished sequences"
  feature_size: int

  @abc.abstractmethod
  def prefix_features(self, inputs: tf.Tensor, highway: bool = True) -> tf.Tensor:
    """Features of all prefixes, the empty one first: ids int32 `[B, T]` or points float `[B, T, V]` to float32 `[B, T + 1, F]`."""

  @abc.abstractmethod
  def unread(self, num: int | tf.Tensor) -> Any:
    """The state of `num` sequences before the start token is read."""

  @abc.abstractmethod
  def extend(self, prefix: Any, inputs: tf.Tensor) -> Any:
    """Reads one more token, ids int32 `[B]` or points float `[B, V]`, and returns the next state."""

  @abc.abstractmethod
  def features_of(self, prefix: Any, highway: bool = True) -> tf.Tensor:
    """The features of the tokens read so far, float32 `[B, F]`: equal to `prefix_features`."""


def view_scores(
  discriminator: Discriminator, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None
) -> tf.Tensor:
  """Returns the scores of a discriminator's views, or its only score, float32 `[B, R]`. Arguments as of `Discriminator.call`."""
  if isinstance(discriminator, Views):
    return discriminator.scores(inputs, context=context, seed=seed)
  return discriminator(inputs, context=context, seed=seed)[:, None]


def mean_score(scores: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
  """The mean of the tokens' scores, 0 on padding as of `PrefixScores`, over those that the mask counts: float32 `[B, T]` both, to `[B]`."""
  return tf.reduce_sum(scores, axis=1) / tf.maximum(tf.reduce_sum(mask, axis=1), 1.0)


def require(discriminator: Discriminator | None, kinds: type | tuple[type, ...], who: str) -> None:
  """Checks that a discriminator has all required abilities.

  Args:
    discriminator: the discriminator; None if there is none.
    kinds: one or several abstract classes of this module, or the class of one network.
    who: the part that requires them, for the message, such as "--algorithm leakgan".

  Raises:
    UserError: an ability is missing; the message names the discriminators that have all of them.
  """
  kinds = kinds if isinstance(kinds, tuple) else (kinds,)
  missing = [kind for kind in kinds if not isinstance(discriminator, kind)]
  if not missing:
    return
  abilities = [vars(kind)["ability"] for kind in missing if "ability" in vars(kind)]
  needed = f"a discriminator that {' and '.join(abilities)}: " if abilities else "the discriminator "
  chosen = registry.name_of(discriminator) if discriminator is not None else "none"
  raise errors.UserError(f"{who} needs {needed}{', '.join(_names_of(kinds))}; not {chosen}")


def _names_of(kinds):
  package = __name__.rpartition(".")[0]
  return [name for name in registry.names(package) if all(issubclass(registry.load(package, name).Discriminator, kind) for kind in kinds)]


def embed(inputs: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
  """Looks up ids `[B, T]` in a table `[V, E]`, or multiplies points `[B, T, V]` with it: `[B, T, E]`."""
  if inputs.dtype.is_integer:
    return lookup.rows(table, inputs)
  vocab_size, size = table.shape
  flat = tf.matmul(tf.cast(tf.reshape(inputs, [-1, vocab_size]), table.dtype), table)
  return tf.reshape(flat, [-1, inputs.shape[1], size])

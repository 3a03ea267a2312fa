"""What a discriminator is, and what some can do beyond scoring whole sequences: abstract classes that an algorithm may ask for."""

import abc
from collections.abc import Mapping
from typing import Any
from typing import ClassVar

import keras
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.layers import network


class Discriminator(network.Network):
  """Scores whole sequences; the higher, the more real. Losses take the score as a logit, or as a critic's value.

  Attributes:
    per_prefix: whether training uses the scores of all prefixes as examples; the discriminator is then a `PrefixScores`.
    begun: whether it came trained, so that `begin` must not be called.
  """

  per_prefix = False
  begun = False

  def __init__(self, spec: sequences.Spec, config: Any = None, seed: int = 0):
    """Args as of `layers.network.Network`; the `Config` may be absent from a discriminator that is never saved by Keras."""
    super().__init__(spec, config, seed, name="discriminator")

  def attach(self, networks: Mapping[str, keras.Model]) -> None:
    """Shows the discriminator the networks it is trained with, before it is used and before its optimizers are built: `algorithms.base` calls it.

    Most discriminators do nothing with them. One whose sizes follow the generator's makes its variables here, the first time.

    Args:
      networks: name to network, "generator" among them.

    Raises:
      UserError: the discriminator needs another generator.
    """

  def begin(self) -> None:
    """Takes over the generator's weights, if it begins from them. Called once, before the first step of the discriminator's training."""

  @abc.abstractmethod
  def call(self, inputs, *, context=None, seed=None):
    """Scores sequences.

    Args:
      inputs: ids int32 `[B, T]`, looked up, or points float `[B, T, V]`, multiplied with the embedding.
      context: the context the sequences are conditioned on, see `sequences.Batch`; a discriminator may ignore it.
      seed: int32 `[2]` for dropout; None leaves nothing out.

    Returns:
      float32 `[B]`.
    """

  def training_scores(self, inputs, *, context=None, seed=None) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores and weights that enter the loss, float32 `[B, N]` each: the score of the sequence, or the scores of its prefixes.

    Args:
      inputs, context, seed: as of `call`.
    """
    if self.per_prefix:
      return self.token_scores(inputs, context=context, seed=seed), self.mask(inputs)
    scores = self(inputs, context=context, seed=seed)[:, None]
    return scores, tf.ones_like(scores)

  def mask(self, inputs: tf.Tensor) -> tf.Tensor:
    """`sequences.Spec.mask`, of ids `[B, T]` or of points `[B, T, V]`: float32 `[B, T]`."""
    if inputs.dtype.is_integer:
      return self.spec.mask(inputs)
    if self.spec.end_token is None:
      return tf.ones(tf.shape(inputs)[:2])
    return 1.0 - tf.stop_gradient(tf.cast(inputs[:, :, sequences.PAD], tf.float32))

  def regularization(self) -> tf.Tensor:
    """The sum of the layers' weight penalties, a float32 scalar."""
    return tf.add_n(self.losses) if self.losses else tf.zeros([])


class PrefixScores(abc.ABC):
  """Scores every prefix of a sequence in one pass."""

  ability: ClassVar[str] = "scores every prefix"

  @abc.abstractmethod
  def token_scores(self, inputs, *, context=None, seed=None) -> tf.Tensor:
    """Arguments as of `call`, to float32 `[B, T]`: at t the score of the tokens up to t, 0 on padding."""


class PointScores(abc.ABC):
  """Scores prefixes whose last token is relaxed, for control variates (`sampling.estimators`)."""

  ability: ClassVar[str] = "scores prefixes that end with a relaxed token"

  @abc.abstractmethod
  def prefixes(self, tokens, points, *, context=None, seed=None) -> tf.Tensor:
    """Scores each prefix with a point in place of its last token.

    Args:
      tokens: int32 `[B, T]`.
      points: float `[B, T, V]`.
      context, seed: as of `call`.

    Returns:
      float32 `[B, T]`; at t the score of tokens 0 to t - 1 followed by point t, as if they were all of the sequence.
    """


class Views(abc.ABC):
  """Scores several views of a sequence; `call` gives their mean."""

  ability: ClassVar[str] = "scores several views of a sequence"

  @abc.abstractmethod
  def scores(self, inputs, *, context=None, seed=None) -> tf.Tensor:
    """Arguments as of `call`, to float32 `[B, R]`, a score for each of R views."""


class Features(abc.ABC):
  """Scores a sequence by a linear function of its features.

  Attributes:
    score: `keras.layers.Dense` that maps features to the score.
  """

  ability: ClassVar[str] = "gives the features of a sequence"
  score: keras.layers.Layer

  @abc.abstractmethod
  def features(self, inputs, *, context=None, seed=None) -> tf.Tensor:
    """Arguments as of `call`, to float `[B, F]`, the inputs of the output layer."""


class TokenLikelihoods(abc.ABC):
  """Is a language model, which knows the likelihood of each token."""

  ability: ClassVar[str] = "knows the likelihood of each token"

  @abc.abstractmethod
  def token_nll(self, inputs, given=None) -> tf.Tensor:
    """Negative log-likelihood of each token given those before it.

    Args:
      inputs: ids int32 `[B, T]` or points float `[B, T, V]`, which have the mean of their tokens' numbers.
      given: int32 `[B, T]`, the tokens before each point; None for the points themselves.

    Returns:
      float32 `[B, T]`, nats; 0 on padding.
    """


class Completions(abc.ABC):
  """Scores the completions of a prefix cheaper than as so many sequences, because it keeps the work on the prefix."""

  ability: ClassVar[str] = "scores completions of shared prefixes"

  @abc.abstractmethod
  def prefix_cache(self, tokens) -> Any:
    """The work on all prefixes of sequences int32 `[B, T]` that their completions share."""

  @abc.abstractmethod
  def features_of_completions(self, cache, tokens, rows, t) -> tf.Tensor:
    """Features of completions: only windows that reach beyond the shared prefix are computed.

    Args:
      cache: of `prefix_cache`.
      tokens: int32 `[R, T]`.
      rows: int32 `[R]`, the cached sequence that each one completes.
      t: int32 scalar up to T - 2, the last position of the shared prefix.

    Returns:
      float `[R, F]`, equal to `features(tokens)`.
    """

  @abc.abstractmethod
  def score_completions(self, cache, tokens, rows, t) -> tf.Tensor:
    """Scores completions: equal to `call(tokens)`, float32 `[R]`. Arguments as of `features_of_completions`."""


class PrefixFeatures(abc.ABC):
  """Gives the features of every prefix, all at once or token by token, for a generator that reads them.

  Attributes:
    feature_size: numbers in the features (F).
  """

  ability: ClassVar[str] = "gives the features of unfinished sequences"
  feature_size: int

  @abc.abstractmethod
  def prefix_features(self, inputs, highway=True) -> tf.Tensor:
    """Features of all prefixes: ids int32 `[B, T]` or points float `[B, T, V]` to float32 `[B, T + 1, F]`, the empty prefix first."""

  @abc.abstractmethod
  def unread(self, num) -> Any:
    """The state of `num` sequences before the start token."""

  @abc.abstractmethod
  def extend(self, prefix, inputs) -> Any:
    """Reads one more token, ids int32 `[B]` or points float `[B, V]`: the next state."""

  @abc.abstractmethod
  def features_of(self, prefix, highway=True) -> tf.Tensor:
    """The features of the tokens read so far: float32 `[B, F]`, as `prefix_features` has them."""


def view_scores(discriminator, inputs, *, context=None, seed=None):
  """The scores of a discriminator's views, or its only score: arguments as of `call`, to float32 `[B, R]`."""
  if isinstance(discriminator, Views):
    return discriminator.scores(inputs, context=context, seed=seed)
  return discriminator(inputs, context=context, seed=seed)[:, None]


def require(discriminator: Discriminator | None, kinds: type | tuple[type, ...], who: str) -> None:
  """Raises a `UserError` that names those which would do unless a discriminator has all of some abilities.

  Args:
    discriminator: the one there is; None for none.
    kinds: one or several abstract classes of this module, or the class of one network.
    who: whose need it is, for the message, such as "--algorithm leakgan".
  """
  kinds = kinds if isinstance(kinds, tuple) else (kinds,)
  missing = [kind for kind in kinds if not isinstance(discriminator, kind)]
  if not missing:
    return
  abilities = [vars(kind)["ability"] for kind in missing if "ability" in vars(kind)]
  needed = f"a discriminator that {' and '.join(abilities)}: " if abilities else "the discriminator "
  chosen = type(discriminator).__module__.rsplit(".", 1)[-1] if discriminator is not None else "none"
  raise errors.UserError(f"{who} needs {needed}{', '.join(_names_of(kinds))}; not {chosen}")


def _names_of(kinds):
  package = __name__.rpartition(".")[0]
  return [name for name in registry.names(package) if all(issubclass(registry.load(package, name).Discriminator, kind) for kind in kinds)]


def embed(inputs: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
  """Looks ids `[B, T]` up in a table `[V, E]`, or multiplies points `[B, T, V]` with it: `[B, T, E]`."""
  if inputs.dtype.is_integer:
    return tf.gather(table, inputs)
  vocab_size, size = table.shape
  flat = tf.matmul(tf.cast(tf.reshape(inputs, [-1, vocab_size]), table.dtype), table)
  return tf.reshape(flat, [-1, inputs.shape[1], size])

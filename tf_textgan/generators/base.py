"""The interface of a generator."""

import abc
from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.layers import network
from tf_textgan.losses import likelihood
from tf_textgan.sampling import chunks
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling

# Rows sampled together: the logits of more would not stay in a processor's cache.
_CHUNK = 512


class Generator(network.Network):
  """Generates token sequences from a latent z and, if it is conditional, a context.

  Attributes:
    latent_size: size of z (Z); 0 if only the picks are random.
    picker: the default picker.
    conditional: whether generators of this class can be conditioned on a category.
    reads_sources: whether they can be conditioned on a source.
    compilable: whether XLA can compile `sample`. Without it only the update "mle" is compiled.
    likelihood: the kind of `log_probs`: "exact" for log p(x); "bound" for log p(x | z), whose mean over z is at most log p(x); None if there is none.
  """

  conditional = False
  reads_sources = False
  compilable = True
  likelihood: str | None = None

  def __init__(self, spec: sequences.Spec, config: Any, seed: int, picker: Any):
    if spec.categories and not self.conditional:
      name = registry.name_of(self)
      raise errors.UserError(f"the generator {name} cannot be conditioned on a category; expected another --generator, or text without categories")
    if spec.source_length and not self.reads_sources:
      name = registry.name_of(self)
      raise errors.UserError(f"the generator {name} reads no sources of pairs; expected --generator lstm or transformer")
    super().__init__(spec, config, seed, name="generator")
    self.latent_size = config.latent_size
    self.picker = picker
    self._discriminator = lambda: None

  def attach(self, networks: Mapping[str, keras.Model]) -> None:
    """Connects the generator to the networks it is trained with. `algorithms.base` calls it before the generator's first use and its optimizers.

    Most generators ignore them. A generator that reads the discriminator may create variables whose sizes depend on it here, in the first call.

    Args:
      networks: name to network, itself included; "discriminator" is absent if the algorithm has none.

    Raises:
      UserError: the generator needs another discriminator.
    """
    discriminator = networks.get("discriminator")
    # In a function: Keras would count the variables of a discriminator in an attribute as the generator's own.
    self._discriminator = lambda: discriminator

  @property
  def rows_together(self) -> int:
    """Most sequences that `write` generates at a time; fewer than the default for a generator with large states."""
    return _CHUNK

  @abc.abstractmethod
  def sample(
    self, num: int | tf.Tensor, seed: tf.Tensor, picker: Callable[..., pickers.Pick] | None = None, context: tf.Tensor | None = None
  ) -> unrolling.Samples:
    """Generates sequences in one pass. Arguments as of `write`."""

  def clone(self) -> "Generator":
    """A new generator of the same class, sizes and weights, under the current strategy and dtype policy. Weights are not shared."""
    return self._copy(self.spec)

  def _copy(self, spec):
    copy = type(self)(spec, self.config)
    copy.attach({"generator": copy, "discriminator": self._discriminator()})
    copy.set_weights(self.get_weights())
    return copy

  def prior(self, num: int | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws z from the standard normal distribution: float32 `[num, Z]`."""
    return tf.ensure_shape(noise.normal([num, self.latent_size], seed), [None, self.latent_size])

  def draw_context(self, num: int | tf.Tensor, seed: tf.Tensor) -> tf.Tensor | None:
    """Draws categories from the uniform distribution: int32 `[num]`; None on a spec without categories. Sources must be given."""
    if self.spec.source_length:
      raise ValueError("this generator reads sources; expected a context")
    count = len(self.spec.categories)
    if not count:
      return None
    return tf.cast(noise.uniform([num], noise.fold(seed, "categories")) * count, tf.int32)

  def contexts(self, num: int | tf.Tensor, seed: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor | None:
    """Broadcasts a context to `num` rows: categories, int32 scalar or `[num]`, or sources, int32 `[S]` or `[num, S]`; None calls `draw_context`."""
    if context is None:
      return self.draw_context(num, seed)
    if not self.spec.conditional:
      raise ValueError("this generator knows no categories and reads no sources")
    context = tf.convert_to_tensor(context)
    return tf.broadcast_to(context, [num, context.shape[-1]] if self.spec.source_length else [num])

  def draw_inputs(self, num: int | tf.Tensor, seed: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor | None]:
    """The latent and the context that `sample` uses: float32 `[num, Z]` and `contexts`."""
    seed = noise.fold(seed, "latent")
    return self.prior(num, seed), self.contexts(num, seed, context)

  def write(
    self, num: int | tf.Tensor, seed: tf.Tensor, picker: Callable[..., pickers.Pick] | None = None, context: tf.Tensor | None = None
  ) -> unrolling.Generated:
    """Generates any number of sequences in bounded memory, `rows_together` at a time.

    Args:
      num: int or int32 scalar tensor.
      seed: int32 `[2]`.
      picker: see `pickers`; None for the generator's default.
      context: see `contexts`.
    """
    num = tf.convert_to_tensor(num)
    context = self.contexts(num, seed, context)

    def sample_rows(i, first, count):
      samples = self.sample(count, noise.fold(seed, i), picker, context=sequences.rows(context, slice(first, first + count)))
      return samples.tokens, tf.reduce_sum(samples.log_probs, axis=1)

    outputs = [(tf.int32, [self.spec.length]), (tf.float32, [])]
    return unrolling.Generated(*chunks.map_rows(sample_rows, num, self.rows_together, outputs), context=context)


class Encodes(abc.ABC):
  """Has an encoder, from text to the latents that generate it: an ability of a generator, which derives from this class too."""

  @abc.abstractmethod
  def encode(self, tokens: tf.Tensor) -> tf.Tensor:
    """Encodes sequences, int32 `[B, T]`: latents, float32 `[B, Z]`."""

  @property
  @abc.abstractmethod
  def interpolation(self) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """The function of `sampling.latents` that gives the latents between two."""


class Fills(abc.ABC):
  """Fills blanks in text: an ability of a generator, which derives from this class too.

  Blanks are masks of `sampling.blanks`. A blank that given tokens follow is filled with as many tokens as it has; where everything to the end is
  blank, the sequence may end anywhere.
  """

  @abc.abstractmethod
  def fill(
    self, tokens: tf.Tensor, present: tf.Tensor, seed: tf.Tensor, picker: Callable[..., pickers.Pick] | None = None
  ) -> unrolling.Samples:
    """Fills the blanks of sequences in one pass.

    Args:
      tokens: int32 `[B, T]`; those in blanks are not read.
      present: bool `[B, T]`, False in blanks.
      seed: int32 `[2]`.
      picker: see `pickers`, without points; None for the generator's default.

    Returns:
      Whole sequences. The log-probability of a given token is 0.
    """

  @abc.abstractmethod
  def blank_log_probs(self, tokens: tf.Tensor, present: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Log-probability of each token in a blank given all present tokens and the tokens before it.

    Args:
      tokens: whole sequences, int32 `[B, T]`.
      present: bool `[B, T]`, False in blanks.
      seed: int32 `[2]`, for dropout; None for no dropout.

    Returns:
      float32 `[B, T]`, nats; 0 on present tokens and on padding.
    """

  def fill_all(
    self, tokens: tf.Tensor, present: tf.Tensor, seed: tf.Tensor, picker: Callable[..., pickers.Pick] | None = None
  ) -> unrolling.Generated:
    """As `fill`, for any number of sequences in bounded memory, `_CHUNK` rows at a time. Log-probabilities are of all blanks of a sequence."""

    def fill_rows(i, first, count):
      rows = slice(first, first + count)
      samples = self.fill(tokens[rows], present[rows], noise.fold(seed, i), picker)
      return samples.tokens, tf.reduce_sum(samples.log_probs, axis=1)

    outputs = [(tf.int32, [tokens.shape[1]]), (tf.float32, [])]
    return unrolling.Generated(*chunks.map_rows(fill_rows, tf.shape(tokens)[0], _CHUNK, outputs))


class Autoregressive(Generator):
  """A generator that predicts each token from the tokens before it. Latent and context determine the initial state.

  Attributes:
    any_length: whether the weights do not depend on the length of the sequences, so that `resized` can change it.
  """

  any_length = False

  def __init__(self, spec: sequences.Spec, config: Any, seed: int = 0):
    super().__init__(spec, config, seed, pickers.Categorical())

  @property
  def likelihood(self) -> str:
    return "bound" if self.latent_size else "exact"

  def resized(self, length: int) -> "Autoregressive":
    """As `clone`, for sequences of another length T, if the generator is of `any_length`."""
    return self._copy(dataclasses.replace(self.spec, length=length))

  @abc.abstractmethod
  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> Any:
    """Maps a latent `[B, Z]` and a context to a state, a nest of tensors `[B, ...]`. The state keeps the context for every step."""

  @abc.abstractmethod
  def step(self, inputs: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
    """Predicts the next token.

    Args:
      inputs: the last token, ids int32 `[B]` or points float `[B, V]`.
      state: see `initial_state`.

    Returns:
      Logits `[B, V]` and the next state.
    """

  @abc.abstractmethod
  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Computes the inputs of the output layer at every position, given the true tokens before it (teacher forcing).

    Args:
      tokens: int32 `[B, T]`.
      latent: float `[B, Z]`.
      context: see `sequences.Batch`.
      seed: int32 `[2]`, for dropout; None for no dropout.

    Returns:
      float `[B, T, H]`.
    """

  @abc.abstractmethod
  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    """The kernel `[H, V]` and the bias `[V]` that map `outputs` to logits."""

  @abc.abstractmethod
  def output_variables(self) -> list[keras.Variable]:
    """Output-layer weights; scaling them scales the logits, except the logits of excluded tokens."""

  def stacked(self, state: Any) -> Any:
    """The parts of a state that `History` stacks at every position: all of it, unless the state is a cache of all positions."""
    return state

  def state_at(self, history: unrolling.History, positions: tf.Tensor, rows: tf.Tensor | None = None) -> Any:
    """Selects the states at given positions of given sequences.

    Args:
      history: of B sequences, from `sample` or `prefill`.
      positions: int32 `[R]`, the number of inputs that each state has read: the start token and the tokens before `tokens[position - 1]`.
      rows: int32 `[R]`, indices of the sequences; None for all B in order.

    Returns:
      A state for `step`, a nest of tensors `[R, ...]`.
    """
    rows = tf.range(tf.shape(positions)[0]) if rows is None else rows
    place = tf.stack([rows, positions], axis=1)
    return tf.nest.map_structure(lambda x: tf.gather_nd(x, place), history.stacked)

  def prefill(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None) -> unrolling.History:
    """Reads tokens, int32 `[B, T]`: the same history as from sampling them."""
    return unrolling.read(self.step, self._inputs(tokens), self.initial_state(latent, context), self.stacked)

  def divide_logits(self, temperature: float) -> None:
    """Folds a temperature above 0 into the output layer: sampling at temperature 1 then equals sampling at this temperature before.

    Guo et al., https://arxiv.org/abs/1706.04599.
    """
    for variable in self.output_variables():
      variable.assign(variable / temperature)

  def call(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
    """Predicts every token from the true tokens before it (teacher forcing): int32 `[B, T]`, float `[B, Z]` to logits `[B, T, V]`."""
    outputs = self.outputs(tokens, latent, context)
    kernel, bias = self.output_layer()
    logits = likelihood.logits(tf.reshape(outputs, [-1, outputs.shape[-1]]), kernel, bias)
    return tf.reshape(logits, [-1, tokens.shape[1], self.spec.vocab_size])

  def log_probs(
    self,
    tokens: tf.Tensor,
    latent: tf.Tensor,
    context: tf.Tensor | None = None,
    seed: tf.Tensor | None = None,
    temperature: Any = None,
  ) -> tf.Tensor:
    """Log-probability of each token given the tokens before it, z and the context. Cheaper than `call`, because logits are not kept.

    Args:
      tokens: int32 `[B, T]`.
      latent: float `[B, Z]`; see `likelihood`.
      context: see `sequences.Batch`.
      seed: int32 `[2]`, for dropout; None for no dropout.
      temperature: divides the logits, as in `pickers.Categorical`: a number or scalar tensor above 0; None for 1.

    Returns:
      float32 `[B, T]`, nats; 0 on padding.
    """
    return self.log_probs_of(self.outputs(tokens, latent, context, seed), tokens, temperature)

  def log_probs_of(self, outputs: tf.Tensor, tokens: tf.Tensor, temperature: Any = None) -> tf.Tensor:
    """As `log_probs`, from the result of `outputs`, float `[B, T, H]`."""
    kernel, bias = self.output_layer()
    if temperature is not None:  # Divides the weights, which are fewer than the logits.
      kernel, bias = (x / tf.cast(temperature, x.dtype) for x in (kernel, bias))
    nll = likelihood.token_nll(tf.reshape(outputs, [-1, outputs.shape[-1]]), kernel, bias, tf.reshape(tokens, [-1]))
    return -tf.reshape(nll, [-1, tokens.shape[1]]) * self.spec.mask(tokens)

  def sample(
    self,
    num: int | tf.Tensor,
    seed: tf.Tensor,
    picker: Callable[..., pickers.Pick] | None = None,
    context: tf.Tensor | None = None,
    soft_feedback: bool = False,
    keep_history: bool = False,
  ) -> unrolling.Samples:
    """Generates sequences with the loop of `unrolling`.

    Args:
      num: int or int32 scalar tensor.
      seed: int32 `[2]`.
      picker: see `pickers`; None for a draw at temperature 1.
      context: see `contexts`.
      soft_feedback: feed the picker's points back rather than its tokens.
      keep_history: keep the states, for `state_at`.
    """
    latent, context = self.draw_inputs(num, seed, context)
    return self.decode(latent, seed, picker, context, soft_feedback, keep_history)

  def decode(
    self,
    latent: tf.Tensor,
    seed: tf.Tensor,
    picker: Callable[..., pickers.Pick] | None = None,
    context: tf.Tensor | None = None,
    soft_feedback: bool = False,
    keep_history: bool = False,
  ) -> unrolling.Samples:
    """Generates a sequence from each latent, float `[B, Z]`, and context, a row each, or None. Other arguments as of `sample`."""
    start = tf.fill([tf.shape(latent)[0]], self.spec.start_token)
    if soft_feedback:
      start = tf.one_hot(start, self.spec.vocab_size)
    samples = unrolling.unroll(
      self.step,
      picker or self.picker,
      start,
      self.initial_state(latent, context),
      self.spec.length,
      noise.fold(seed, "tokens"),
      self.spec.end_token,
      self.stacked if keep_history else None,
    )
    return samples._replace(latent=latent, context=context)

  def complete(
    self,
    tokens: tf.Tensor,
    count: int | tf.Tensor,
    seed: tf.Tensor,
    picker: Callable[..., pickers.Pick] | None = None,
    context: tf.Tensor | None = None,
  ) -> unrolling.Samples:
    """Generates the rest of sequences whose first tokens are given.

    Args:
      tokens: int32 `[B, n]`; n is T, or at most T and above every count.
      count: number of given tokens, int32 scalar or `[B]`.
      seed: int32 `[2]`.
      picker: see `pickers`; None for a draw at temperature 1.
      context: see `contexts`.

    Returns:
      Whole sequences. The log-probability of a given token is 0. A row with a given end token stays as it is.
    """
    num, width, length = tf.shape(tokens)[0], tokens.shape[1], self.spec.length
    latent, context = self.draw_inputs(num, seed, context)
    count = tf.broadcast_to(count, [num])
    state = self.state_at(self.prefill(tokens, latent, context), tf.minimum(count, width - 1))
    last = tf.gather(tf.concat([tf.fill([num, 1], self.spec.start_token), tokens], axis=1), count, batch_dims=1)
    rest = unrolling.unroll(
      self.step,
      picker or self.picker,
      tf.ensure_shape(last, [None]),
      state,
      tf.maximum(length - tf.reduce_min(count), 1),
      noise.fold(seed, "tokens"),
      self.spec.end_token,
    )
    log_probs = unrolling.splice(tf.zeros([num, length]), count, rest.log_probs)
    tokens = tf.pad(tokens, [[0, 0], [0, length - width]])
    return unrolling.Samples(unrolling.splice(tokens, count, rest.tokens), log_probs, latent=latent, context=context)

  def complete_all(
    self,
    tokens: tf.Tensor,
    count: tf.Tensor,
    seed: tf.Tensor,
    picker: Callable[..., pickers.Pick] | None = None,
    context: tf.Tensor | None = None,
  ) -> unrolling.Samples:
    """As `complete`, for any number of sequences in bounded memory, `rows_together` at a time.

    If nothing is given, every count being 0, the sequences are those of `write` with the same seed.

    Args:
      tokens, seed, picker: see `complete`.
      count: int32 `[B]`.
      context: see `contexts`.

    Returns:
      Samples with tokens, log-probabilities and context alone.
    """
    num, length = tf.shape(tokens)[0], self.spec.length
    context = self.contexts(num, seed, context)

    def complete_rows(i, first, size):
      rows = slice(first, first + size)
      samples = self.complete(tokens[rows], count[rows], noise.fold(seed, i), picker, sequences.rows(context, rows))
      return samples.tokens, samples.log_probs

    outputs = [(tf.int32, [length]), (tf.float32, [length])]
    return unrolling.Samples(*chunks.map_rows(complete_rows, num, self.rows_together, outputs), context=context)

  def _inputs(self, tokens):
    """Shifts tokens by one position, the start token first: int32 `[B, T]`."""
    return tf.concat([tf.fill([tf.shape(tokens)[0], 1], self.spec.start_token), tokens[:, :-1]], axis=1)

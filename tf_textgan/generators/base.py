"""What a generator is."""

import abc

import keras
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.losses import likelihood
from tf_textgan.sampling import chunks
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling

# Rows sampled together: the logits of more would no longer stay in a processor's cache.
_CHUNK = 512


class Generator(keras.Model):
  """Writes token sequences from a latent z.

  On a spec with categories a generator writes in the category that it is told. The category travels inside the latent, which is then z and the
  category as one-hot, float `[B, Z + C]`; without categories the latent is z.

  Attributes:
    spec: `sequences.Spec` of what it writes.
    config: the `Config` of its module.
    latent_size: numbers in z (Z); 0 when all the randomness is in the picks.
    picker: how it picks when not told otherwise.
    conditional: whether networks of this class can be told a category.
  """

  conditional = False

  def __init__(self, spec, config, picker):
    if spec.categories and not self.conditional:
      name = type(self).__module__.rsplit(".", 1)[-1]
      raise errors.UserError(f"the generator {name} cannot be told a category; expected another --generator, or text without categories")
    super().__init__(name="generator")  # A given name: it is part of its optimizers' variables' names, and so of checkpoints.
    self.spec = spec
    self.config = config
    self.latent_size = config.latent_size
    self.picker = picker
    self._discriminator = lambda: None

  def attach(self, discriminator):
    """Tells the generator with which discriminator it is trained, before it is used and before its optimizers are built: `algorithms.base` does it.

    Most generators have no use for it. One that reads the discriminator may make the variables whose sizes depend on it here, the first time.

    Args:
      discriminator: see `discriminators.base`; None if the algorithm has none.

    Raises:
      UserError: the generator needs another one.
    """
    # In a function: Keras would take the variables of a discriminator in an attribute for the generator's own.
    self._discriminator = lambda: discriminator

  @abc.abstractmethod
  def sample(self, num, seed, picker=None, keep_states=False):
    """Writes `num` sequences (an int or an int32 scalar tensor): `unrolling.Samples`."""

  def twin(self):
    """Another network of the same kind, sizes and weights, which then go their own way. Made under the current strategy and dtype policy."""
    twin = type(self)(self.spec, self.config)
    twin.attach(self._discriminator())
    twin.set_weights(self.get_weights())
    return twin

  def draw_categories(self, num, seed):
    """Draws categories, all equally probable: int32 `[num]`; None on a spec without categories."""
    count = len(self.spec.categories)
    if not count:
      return None
    return tf.cast(noise.uniform([num], noise.fold(seed, "categories")) * count, tf.int32)

  def draw_latent(self, num, seed, category=None):
    """Draws z from the standard normal distribution, and the category as `draw_categories(num, seed)` does.

    Args:
      num: int or int32 scalar tensor.
      seed: int32 `[2]`.
      category: int32, scalar or `[num]`, in place of a draw, such as the labels of a real batch.

    Returns:
      float32 `[num, Z + C]`.
    """
    count = len(self.spec.categories)
    if category is not None and not count:
      raise ValueError("this generator knows no categories")
    latent = noise.normal([num, self.latent_size], seed)
    if count:
      category = self.draw_categories(num, seed) if category is None else tf.broadcast_to(category, [num])
      latent = tf.concat([latent, tf.one_hot(category, count)], axis=1)
    return tf.ensure_shape(latent, [None, self.latent_size + count])

  def sample_latent(self, num, seed, category=None):
    """The latent from which `sample(num, seed)` writes, in a `category` if it is told one; see `draw_latent`."""
    return self.draw_latent(num, noise.fold(seed, "latent"), category)

  def split_latent(self, latent):
    """The two parts of a latent: z, float `[B, Z]`, and the category, one-hot float `[B, C]`."""
    return latent[:, : self.latent_size], latent[:, self.latent_size :]

  def write(self, num, seed, picker=None, category=None):
    """Writes any number of sequences in bounded memory, `_CHUNK` rows at a time.

    Args:
      num: int or int32 scalar tensor.
      seed: int32 `[2]`.
      picker: see `pickers`; None for the generator's own.
      category: int32, scalar or `[num]`; None for `draw_categories(num, seed)`.

    Returns:
      Tokens, int32 `[num, T]`, and log-probabilities of the sequences as they were drawn, float32 `[num]`.
    """
    num = tf.convert_to_tensor(num)
    category = self.draw_categories(num, seed) if category is None else tf.broadcast_to(category, [num])

    def write_rows(i, first, count):
      told = {} if category is None else {"category": category[first : first + count]}
      samples = self.sample(count, noise.fold(seed, i), picker, **told)
      return samples.tokens, tf.reduce_sum(samples.log_probs, axis=1)

    return tuple(chunks.map_rows(write_rows, num, _CHUNK, [(tf.int32, [self.spec.length]), (tf.float32, [])]))


class Autoregressive(Generator):
  """A generator that writes each token given those before it; its latent is the initial state."""

  def __init__(self, spec, config):
    super().__init__(spec, config, pickers.Categorical())

  @abc.abstractmethod
  def initial_state(self, latent):
    """Maps a latent `[B, Z + C]` to a state, a nest of tensors `[B, ...]`; a category stays in it, for every step to see."""

  @abc.abstractmethod
  def step(self, inputs, state):
    """Predicts the next token.

    Args:
      inputs: the last token, ids int32 `[B]` or points float `[B, V]`.
      state: as `initial_state` gives it.

    Returns:
      Logits `[B, V]` and the next state.
    """

  @abc.abstractmethod
  def outputs(self, tokens, latent, seed=None):
    """What the output layer sees at every position, given the true tokens before it.

    Args:
      tokens: int32 `[B, T]`.
      latent: float `[B, Z + C]`.
      seed: int32 `[2]` of the dropout in training; None for none.

    Returns:
      float `[B, T, H]`.
    """

  @abc.abstractmethod
  def output_layer(self):
    """The kernel `[H, V]` and the bias `[V]` that make logits of `outputs`."""

  @abc.abstractmethod
  def output_variables(self):
    """The variables that the logits, but for those of excluded tokens, are proportional to: a list."""

  def divide_logits(self, temperature):
    """Changes the weights such that it writes at temperature 1 what it has written at another (Guo et al., https://arxiv.org/abs/1706.04599).

    Args:
      temperature: a number above 0.
    """
    for variable in self.output_variables():
      variable.assign(variable / temperature)

  def call(self, tokens, latent):
    """Predicts every token from the true ones before it (teacher forcing): int32 `[B, T]`, `[B, Z + C]` to logits `[B, T, V]`."""
    outputs = self.outputs(tokens, latent)
    kernel, bias = self.output_layer()
    logits = likelihood.logits(tf.reshape(outputs, [-1, outputs.shape[-1]]), kernel, bias)
    return tf.reshape(logits, [-1, tokens.shape[1], self.spec.vocab_size])

  def log_probs(self, tokens, latent, seed=None, temperature=None):
    """Log-probability of each token given those before it and z; cheaper than by way of `call`, because the logits are not kept.

    Args:
      tokens: int32 `[B, T]`.
      latent: float `[B, Z + C]`. With Z > 0, the mean of log p(x | z) over z is at most log p(x).
      seed: int32 `[2]` of the dropout in training; None for none.
      temperature: a number above 0, or a scalar tensor: divides the logits, as `pickers.Categorical` does; None for 1.

    Returns:
      float32 `[B, T]`, nats; 0 on padding.
    """
    return self.log_probs_of(self.outputs(tokens, latent, seed), tokens, temperature)

  def log_probs_of(self, outputs, tokens, temperature=None):
    """As `log_probs`, from what `outputs` gave, float `[B, T, H]`."""
    kernel, bias = self.output_layer()
    if temperature is not None:  # On the layer rather than on the logits, of which there are more.
      kernel, bias = (x / tf.cast(temperature, x.dtype) for x in (kernel, bias))
    nll = likelihood.token_nll(tf.reshape(outputs, [-1, outputs.shape[-1]]), kernel, bias, tf.reshape(tokens, [-1]))
    return -tf.reshape(nll, [-1, tokens.shape[1]]) * self.spec.mask(tokens)

  def sample(self, num, seed, picker=None, keep_states=False, soft_feedback=False, category=None):
    """Writes sequences with the loop of `unrolling`.

    Args:
      num: int or int32 scalar tensor.
      seed: int32 `[2]`.
      picker: see `pickers`; None for a draw at temperature 1.
      keep_states: see `unrolling.unroll`.
      soft_feedback: feed the picker's points back rather than its tokens.
      category: int32, scalar or `[num]`; None draws one for each sequence. See `draw_latent`.

    Returns:
      `unrolling.Samples`.
    """
    state = self.initial_state(self.sample_latent(num, seed, category))
    start = tf.fill([num], self.spec.start_token)
    if soft_feedback:
      start = tf.one_hot(start, self.spec.vocab_size)
    return unrolling.unroll(
      self.step, picker or self.picker, start, state, self.spec.length, noise.fold(seed, "tokens"), self.spec.end_token, keep_states
    )

  def complete(self, tokens, given, seed):
    """Writes on after the first tokens of each row, from the latent that `sample` would have.

    Args:
      tokens: int32 `[B, T]`.
      given: how many of them stay, an int32 scalar tensor.
      seed: int32 `[2]`.

    Returns:
      `unrolling.Samples`; the log-probability of a given token is 0. A row whose end token was given is as it was.
    """
    num = tf.shape(tokens)[0]
    state = (tf.zeros([num], tf.int32), self.initial_state(self.sample_latent(num, seed)))
    step = unrolling.after_given(self.step, tokens, given)
    start = tf.fill([num], self.spec.start_token)
    return unrolling.unroll(step, self.picker, start, state, self.spec.length, noise.fold(seed, "tokens"), self.spec.end_token)

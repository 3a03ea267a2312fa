"""An LSTM language model: the default generator, and the baseline of text GANs."""

import dataclasses
from typing import Literal

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.generators import base
from tf_textgan.layers import biased
from tf_textgan.layers import lookup
from tf_textgan.losses import likelihood
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of SeqGAN's generator (https://arxiv.org/abs/1609.05473)."""

  # Size of a token's embedding.
  embedding_size: int = 32
  # Size of the hidden state.
  hidden_size: int = 32
  # Size of the latent z; 0 starts from the zero state, as in SeqGAN.
  latent_size: int = 0
  # Standard deviation of the initial weights.
  init_stddev: float = 0.1
  # Initial weights: "normal", all with `init_stddev`, as in SeqGAN's code, or "glorot", those of TensorFlow 1's LSTM cell: Glorot's, no biases but 1
  # for the forget gate; the embedding alone has `init_stddev`.
  initialization: Literal["normal", "glorot"] = "normal"
  # Dropout rate of the LSTM's inputs and outputs in maximum-likelihood training. The published generator has none.
  dropout: float = 0.0

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "hidden_size")
    checks.at_least(self, 0, "latent_size", "init_stddev")
    checks.at_most(self, checks.LARGEST_SIZE, "latent_size")
    checks.share(self, "dropout")


class Generator(base.Autoregressive):
  """Embedding, one LSTM layer, a linear map to logits. The initial state is a linear map and tanh of z.

  A category, as a one-hot, is concatenated to the embedding of every token.
  """

  conditional = True

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    seeds = iter(range(seed * 100, seed * 100 + 100))

    def normal():
      return keras.initializers.RandomNormal(0.0, config.init_stddev, seed=next(seeds))

    self.embedding = self.add_weight((spec.vocab_size, config.embedding_size), normal(), name="embedding")
    glorot = config.initialization == "glorot"
    inputs = config.embedding_size + len(spec.categories)
    # The cell has one matrix for inputs and outputs together.
    bound = (6.0 / (inputs + 5 * config.hidden_size)) ** 0.5

    def uniform():
      return keras.initializers.RandomUniform(-bound, bound, seed=next(seeds))

    self.lstm = biased.LSTM(
      config.hidden_size,
      kernel_initializer=uniform() if glorot else normal(),
      recurrent_initializer=uniform() if glorot else normal(),
      bias_initializer="zeros" if glorot else normal(),
      unit_forget_bias=glorot,  # SeqGAN's generator and oracle have none.
      return_sequences=True,
      seed=seed,  # Unused, but Keras makes it a variable, which should not differ between two runs.
      name="lstm",
    )
    self.lstm.build((None, None, inputs))
    initializer = keras.initializers.GlorotUniform(seed=next(seeds)) if glorot else normal()
    self.output_kernel = self.add_weight((config.hidden_size, spec.vocab_size), initializer, name="output_kernel")
    self.output_bias = self.add_weight((spec.vocab_size,), "zeros" if glorot else normal(), name="output_bias")
    self.latent_kernel = None
    if config.latent_size:
      self.latent_kernel = self.add_weight((config.latent_size, 2 * config.hidden_size), normal(), name="latent_kernel")
    # Added to the bias, so that excluding tokens costs nothing.
    self._excluded = spec.exclusion()
    self.hidden_size = config.hidden_size
    self.dropout = config.dropout
    self.built = True

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> list[tf.Tensor]:
    category = [tf.one_hot(context, len(self.spec.categories), dtype=self.compute_dtype)] if self.spec.categories else []
    if self.latent_kernel is None:
      zeros = tf.zeros([tf.shape(latent)[0], self.hidden_size], self.compute_dtype)
      return [zeros, zeros, *category]
    latent = tf.cast(latent, self.compute_dtype)
    return [*tf.split(tf.tanh(tf.matmul(latent, self._cast(self.latent_kernel))), 2, axis=-1), *category]

  def step(self, inputs: tf.Tensor, state: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
    output, state = self.next_state(inputs, state)
    return likelihood.logits(output, *self.output_layer()), state

  def next_state(self, inputs: tf.Tensor, state: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """As `step`, but returns the inputs of the output layer, `[B, H]`, in place of the logits."""
    cell_state, category = state[:2], state[2:]
    output, cell_state = self.lstm.cell(tf.concat([self._embed(inputs), *category], axis=-1), cell_state)
    return output, [*cell_state, *category]

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    inputs = self._drop(self._embed(self._inputs(tokens)), seed, "inputs")
    state = self.initial_state(latent, context)
    if self.spec.categories:
      inputs = tf.concat([inputs, tf.repeat(state[2][:, None], tokens.shape[1], axis=1)], axis=-1)
    outputs = self.lstm(inputs, initial_state=state[:2])
    return self._drop(outputs, seed, "outputs")

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    return self._cast(self.output_kernel), self._cast(self.output_bias) + tf.cast(self._excluded, self.compute_dtype)

  def output_variables(self) -> list[keras.Variable]:
    return [self.output_kernel, self.output_bias]

  def _drop(self, x, seed, purpose):
    if seed is None or not self.dropout:
      return x
    return noise.dropout(x, self.dropout, noise.fold(seed, purpose))

  def _embed(self, inputs):
    return lookup.embed(inputs, self._cast(self.embedding))

  def _cast(self, variable):
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)

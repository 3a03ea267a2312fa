"""An autoencoder: an encoder maps text to a code, a decoder generates text from a code, and a prior draws codes to generate from.

Its network is that of Zhao et al., "Adversarially Regularized Autoencoders", https://arxiv.org/abs/1706.04223:

  encoder:  c = W h_n + b, h_n the state of an LSTM after the last of the n tokens; on the sphere c / |c|
  decoder:  log p(x | c) = sum_t log p(x_t | x_1..x_{t-1}, c), an LSTM that reads the code beside every token
  prior:    c = g(z), z standard normal noise; or the code itself is

The code is the decoder's latent, so that `log_probs` is log p(x | c): its mean over codes of the prior is at most log p(x).
"""

from collections.abc import Callable
import dataclasses
from typing import Any
from typing import Literal

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.generators import base
from tf_textgan.layers import biased
from tf_textgan.layers import feedforward
from tf_textgan.layers import lookup
from tf_textgan.losses import likelihood
from tf_textgan.sampling import latents
from tf_textgan.sampling import noise

# Seeds of initial weights for each seed of a network: a residual prior of the most blocks has 2,001.
SEEDS = 10_000


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of ARAE's network for SNLI."""

  # Size of a token's embedding, in the encoder and in the decoder.
  embedding_size: int = 300
  # Size of the hidden states, of the encoder and of the decoder.
  hidden_size: int = 300
  # Size of the code.
  latent_size: int = 300
  # Codes: "sphere", of norm 1; "plain", any; "gaussian", a mean and a variance for each number, drawn in training (a variational autoencoder).
  code: Literal["sphere", "plain", "gaussian"] = "sphere"
  # What draws codes to generate from: a "perceptron" or "residual" blocks from noise, or "normal", the standard normal distribution, on the unit
  # sphere if the codes are.
  prior: Literal["perceptron", "residual", "normal"] = "perceptron"
  # Numbers in the noise that the prior's network reads.
  noise_size: int = 100
  # Numbers in the hidden layers of the prior's perceptron.
  prior_sizes: tuple[int, ...] = (300, 300)
  # Slope of the perceptron's rectifiers below 0.
  prior_slope: float = 0.0
  # Standard deviation of the perceptron's initial weights; 0 for Glorot's.
  prior_stddev: float = 0.02
  # Residual blocks of the prior, as wide as the code.
  prior_blocks: int = 60
  # Initial weights of the encoder and the decoder are uniform from minus this number to it.
  init_range: float = 0.1

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "hidden_size", "latent_size", "noise_size", "prior_sizes")
    checks.at_least(self, 0, "prior_slope", "prior_stddev", "prior_blocks", "init_range")
    checks.at_most(self, checks.MOST_PARTS, "prior_blocks")
    if not self.prior_sizes:
      raise errors.UserError("prior_sizes must have at least one size")


class Autoencoder(keras.layers.Layer):
  """Encoder and decoder, which are trained together; see the module."""

  def __init__(self, spec: sequences.Spec, config: Config, seed: int):
    """Creates the variables; `seed` to `seed + 9` determine their initial values."""
    super().__init__(name="autoencoder")
    self.spec = spec
    self.code = config.code
    seeds = iter(range(seed, seed + 10))

    def uniform():
      return keras.initializers.RandomUniform(-config.init_range, config.init_range, seed=next(seeds))

    def lstm(inputs, name):
      layer = biased.LSTM(
        config.hidden_size, kernel_initializer=uniform(), recurrent_initializer=uniform(), bias_initializer=uniform(), unit_forget_bias=False,
        return_sequences=True, seed=seed, name=name,  # The seed is unused, but Keras makes it a variable, which should not differ between two runs.
      )  # fmt: skip
      layer.build((None, None, inputs))
      return layer

    self.read_embedding = self.add_weight((spec.vocab_size, config.embedding_size), uniform(), name="read_embedding")
    self.encoder = lstm(config.embedding_size, "encoder")
    # The published code is the state itself; the map lets its size be another.
    outputs = config.latent_size * (2 if config.code == "gaussian" else 1)
    self.to_code = biased.Dense(outputs, kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)), name="to_code")
    self.to_code.build((None, config.hidden_size))
    self.embedding = self.add_weight((spec.vocab_size, config.embedding_size), uniform(), name="embedding")
    self.decoder = lstm(config.embedding_size + config.latent_size, "decoder")
    self.output_kernel = self.add_weight((config.hidden_size, spec.vocab_size), uniform(), name="output_kernel")
    self.output_bias = self.add_weight((spec.vocab_size,), "zeros", name="output_bias")
    self.built = True

  def codes(self, tokens: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Encodes int32 `[B, T]`.

    Returns:
      The codes, float32 `[B, Z]`, and None. Of Gaussian codes the means and the logarithms of the variances.
    """
    states = self.encoder(lookup.embed(tokens, self.cast(self.read_embedding)))
    last = tf.maximum(tf.cast(tf.reduce_sum(self.spec.mask(tokens), axis=1), tf.int32) - 1, 0)
    codes = tf.cast(self.to_code(tf.gather(states, last, batch_dims=1)), tf.float32)
    if self.code == "gaussian":
      return tuple(tf.split(codes, 2, axis=1))
    return (tf.math.l2_normalize(codes, axis=1) if self.code == "sphere" else codes), None

  def initial_state(self, latent: tf.Tensor) -> list[tf.Tensor]:
    """The decoder's state before the start token: output, cell state, and the code, which every step reads."""
    zeros = tf.zeros([tf.shape(latent)[0], self.decoder.units], self.compute_dtype)
    return [zeros, zeros, tf.cast(latent, self.compute_dtype)]

  def step(self, inputs: tf.Tensor, state: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Reads a token, ids int32 `[B]` or points float `[B, V]`; returns the inputs of the output layer, `[B, H]`, and the next state."""
    *cell_state, code = state
    embedded = lookup.embed(inputs, self.cast(self.embedding))
    output, cell_state = self.decoder.cell(tf.concat([embedded, code], axis=-1), cell_state)
    return output, [*cell_state, code]

  def outputs(self, inputs: tf.Tensor, latent: tf.Tensor) -> tf.Tensor:
    """Reads int32 `[B, T]`, the start token first; returns the inputs of the output layer, `[B, T, H]`."""
    *cell_state, code = self.initial_state(latent)
    embedded = lookup.embed(inputs, self.cast(self.embedding))
    code = tf.repeat(code[:, None], inputs.shape[1], axis=1)
    return self.decoder(tf.concat([embedded, code], axis=-1), initial_state=cell_state)

  def cast(self, variable: keras.Variable) -> tf.Tensor:
    """A variable in the type of the computations."""
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)


class Generator(base.Autoregressive, base.Encodes):
  """See the module.

  Attributes:
    autoencoder: encoder and decoder, a layer.
    prior_network: maps noise to codes, a layer with `train`, see `layers.feedforward`; None for a normal prior.
  """

  any_length = True

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    seed *= SEEDS
    self.autoencoder = Autoencoder(spec, config, seed)
    self.prior_network = None
    if config.prior == "perceptron":
      self.prior_network = feedforward.Perceptron(
        config.noise_size, config.prior_sizes, config.latent_size, seed + 10, "prior", config.prior_slope, config.prior_stddev, normalized=True
      )
    elif config.prior == "residual":
      self.prior_network = feedforward.Residual(config.noise_size, config.latent_size, config.prior_blocks, None, seed + 10, "prior")
    self._excluded = spec.exclusion()
    self.built = True

  def noise(self, num: int | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws what the prior's network reads, float32 `[num, noise_size]`."""
    return tf.ensure_shape(noise.normal([num, self.config.noise_size], seed), [None, self.config.noise_size])

  def prior(self, num: int | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws codes, float32 `[num, Z]`."""
    if self.prior_network is None:
      codes = super().prior(num, seed)
      return tf.math.l2_normalize(codes, axis=1) if self.config.code == "sphere" else codes
    return tf.cast(self.prior_network(self.noise(num, seed)), tf.float32)

  def encode(self, tokens: tf.Tensor) -> tf.Tensor:
    """See `base.Encodes`."""
    return self.autoencoder.codes(tokens)[0]

  @property
  def interpolation(self) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """See `base.Encodes`: a great circle between codes on the sphere, a line between others."""
    return latents.great_circle if self.config.code == "sphere" else latents.line

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> list[tf.Tensor]:
    del context  # It is not conditional.
    return self.autoencoder.initial_state(latent)

  def step(self, inputs: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
    output, state = self.autoencoder.step(inputs, state)
    return likelihood.logits(output, *self.output_layer()), state

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    del context, seed  # It is not conditional, and has no dropout.
    return self.autoencoder.outputs(self._inputs(tokens), latent)

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    layer = self.autoencoder
    return layer.cast(layer.output_kernel), layer.cast(layer.output_bias) + tf.cast(self._excluded, self.compute_dtype)

  def output_variables(self) -> list[keras.Variable]:
    return [self.autoencoder.output_kernel, self.autoencoder.output_bias]

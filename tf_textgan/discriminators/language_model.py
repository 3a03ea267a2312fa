"""DP-GAN's discriminator: a language model that gives generated text a high probability and real text a low one.

Xu et al., "Diversity-Promoting GAN: A Cross-Entropy Based Generative Adversarial Network for Diversified Text Generation",
https://arxiv.org/abs/1802.01345. It measures the novelty of each token; a classifier gives nearly the same score to all generated sentences.
"""

import dataclasses
import itertools
import math

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.layers import biased
from tf_textgan.losses import likelihood


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of SeqGAN's generator, as in other toolkits. The authors' code has an embedding of 128 and a hidden state of 256."""

  # Size of a token's embedding.
  embedding_size: int = 32
  # Size of the hidden state.
  hidden_size: int = 32
  # Standard deviation of the initial weights.
  init_stddev: float = 0.1
  # LSTM layers, each on the outputs of the one below.
  layers: int = 1

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "hidden_size", "layers")
    checks.at_most(self, checks.MOST_PARTS, "layers")
    checks.above_zero(self, "init_stddev")


class Discriminator(base.Discriminator, base.TokenLikelihoods):
  """Embedding, LSTM layers, a linear map to logits.

  Attributes:
    lstms: the layers, the lowest first.
  """

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    seeds = itertools.count(seed * 100)

    def normal():
      return keras.initializers.RandomNormal(0.0, config.init_stddev, seed=next(seeds))

    self.embedding = self.add_weight((spec.vocab_size, config.embedding_size), normal(), name="embedding")
    def layer(number, inputs):
      initial = {"kernel_initializer": normal(), "recurrent_initializer": normal()}
      # The seed is unused, but a variable: two runs should not differ in it.
      made = biased.LSTM(config.hidden_size, return_sequences=True, seed=seed, name=f"lstm_{number}", **initial)
      made.build((None, spec.length, inputs))
      return made

    self.lstms = [layer(i, config.hidden_size if i else config.embedding_size) for i in range(config.layers)]
    self.output_kernel = self.add_weight((config.hidden_size, spec.vocab_size), normal(), name="output_kernel")
    self.output_bias = self.add_weight((spec.vocab_size,), "zeros", name="output_bias")
    self.built = True

  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """The mean of `token_nll` over the tokens minus log V, so that a uniform model scores 0. Arguments as of the base class."""
    del context, seed  # There is no dropout.
    nll, count = self._nll(inputs)
    return tf.math.divide_no_nan(tf.reduce_sum(nll, axis=1), tf.reduce_sum(count, axis=1)) - math.log(self.spec.vocab_size)

  def token_nll(self, inputs: tf.Tensor, given: tf.Tensor | None = None) -> tf.Tensor:
    """See `base.TokenLikelihoods`. Logits of ids are not kept."""
    return self._nll(inputs, given)[0]

  def _nll(self, inputs, given=None):
    return self._nll_of_ids(inputs) if inputs.dtype.is_integer else self._nll_of_points(inputs, inputs if given is None else given)

  def _nll_of_ids(self, tokens):
    mask = self.spec.mask(tokens)
    nll = likelihood.token_nll(self._outputs(tokens), *self._output_layer(), tf.reshape(tokens, [-1]))
    return tf.reshape(nll, tf.shape(tokens)) * mask, mask

  def _nll_of_points(self, points, given):
    points = tf.cast(points, tf.float32)
    logits = tf.cast(likelihood.logits(self._outputs(given), *self._output_layer()), tf.float32)
    if self.spec.end_token is not None:
      points *= 1.0 - tf.one_hot(sequences.PAD, self.spec.vocab_size)
    return -tf.reduce_sum(points * tf.reshape(tf.nn.log_softmax(logits), tf.shape(points)), axis=2), tf.reduce_sum(points, axis=2)

  def _outputs(self, inputs):
    """The inputs of the output layer at each position, `[B * T, H]`."""
    embedded = base.embed(inputs, self._cast(self.embedding))
    start = tf.tile(self._cast(self.embedding)[None, self.spec.start_token : self.spec.start_token + 1], [tf.shape(inputs)[0], 1, 1])
    outputs = tf.concat([start, embedded[:, :-1]], axis=1)
    for layer in self.lstms:
      outputs = layer(outputs)
    return tf.reshape(outputs, [-1, self.config.hidden_size])

  def _output_layer(self):
    return self._cast(self.output_kernel), self._cast(self.output_bias)

  def _cast(self, variable):
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)

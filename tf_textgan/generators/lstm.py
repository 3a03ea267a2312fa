"""An LSTM language model: the default generator, and the baseline of text GANs."""

import dataclasses
import itertools
from typing import Literal

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.generators import base
from tf_textgan.layers import biased
from tf_textgan.layers import lookup
from tf_textgan.layers import source_reader
from tf_textgan.losses import likelihood
from tf_textgan.sampling import noise
from tf_textgan.sampling import unrolling


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
  # Dropout rate of the inputs and outputs of every LSTM layer in maximum-likelihood training. The published generator has none.
  dropout: float = 0.0
  # LSTM layers, each on the outputs of the one below.
  layers: int = 1
  # Use the embeddings as the weights of the output layer, behind a linear map from the hidden size to theirs (https://arxiv.org/abs/1611.01462).
  tied: bool = False

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "hidden_size", "layers")
    checks.at_most(self, checks.MOST_PARTS, "layers")
    checks.at_least(self, 0, "latent_size", "init_stddev")
    checks.at_most(self, checks.LARGEST_SIZE, "latent_size")
    checks.share(self, "dropout")


class Generator(base.Autoregressive):
  """Embedding, LSTM layers, a linear map to logits. The initial state of all layers is a linear map and tanh of z.

  A category, as a one-hot, is concatenated to the embedding of every token. A source is read by a `source_reader.SourceReader`: it begins all layers
  and the last one's outputs attend to it. The state is a list: output and cell state of each layer, the lowest first, then the category or what was
  read of the source.

  Attributes:
    lstms: the layers, the lowest first.
    output_kernel: `[H, V]`; None if the output is tied.
    output_projection: `[H, E]`; None unless the output is tied.
    reader: reads sources; None without.
  """

  conditional = True
  any_length = True
  reads_sources = True

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    seeds = itertools.count(seed * 100)

    def normal():
      return keras.initializers.RandomNormal(0.0, config.init_stddev, seed=next(seeds))

    self.embedding = self.add_weight((spec.vocab_size, config.embedding_size), normal(), name="embedding")
    glorot, units = config.initialization == "glorot", config.hidden_size

    def layer(number, inputs):
      # The cell has one matrix for inputs and outputs together.
      bound = (6.0 / (inputs + 5 * units)) ** 0.5
      kernel = lambda: keras.initializers.RandomUniform(-bound, bound, seed=next(seeds)) if glorot else normal()  # noqa: E731
      made = biased.LSTM(
        units,
        kernel_initializer=kernel(),
        recurrent_initializer=kernel(),
        bias_initializer="zeros" if glorot else normal(),
        unit_forget_bias=glorot,  # SeqGAN's generator and oracle have none.
        return_sequences=True,
        seed=seed,  # Unused, but Keras makes it a variable, which should not differ between two runs.
        name=f"lstm_{number}",
      )
      made.build((None, None, inputs))
      return made

    self.lstms = [layer(i, units if i else config.embedding_size + len(spec.categories)) for i in range(config.layers)]
    wide = lambda: keras.initializers.GlorotUniform(seed=next(seeds)) if glorot else normal()  # noqa: E731
    self.output_kernel = None if config.tied else self.add_weight((units, spec.vocab_size), wide(), name="output_kernel")
    self.output_projection = self.add_weight((units, config.embedding_size), wide(), name="output_projection") if config.tied else None
    self.output_bias = self.add_weight((spec.vocab_size,), "zeros" if glorot else normal(), name="output_bias")
    self.latent_kernel = None
    if config.latent_size:
      self.latent_kernel = self.add_weight((config.latent_size, 2 * config.layers * units), normal(), name="latent_kernel")
    self.reader = source_reader.SourceReader(config.embedding_size, units, 2 * config.layers * units, seeds) if spec.source_length else None
    # Added to the bias, so that excluding tokens costs nothing.
    self._excluded = spec.exclusion()
    self.dropout = config.dropout
    self.built = True

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> list[tf.Tensor]:
    return self._begin(latent, context, None)

  def _begin(self, latent, context, seed):
    kept, begun = [], []
    if self.spec.categories:
      kept = [tf.one_hot(context, len(self.spec.categories), dtype=self.compute_dtype)]
    if self.reader is not None:
      memory, summary = self.reader.read(self._drop(self._embed(context), seed, "source"), self.spec.mask(context) > 0.0)
      kept, begun = [*memory], [summary]
    parts = 2 * len(self.lstms)
    if self.latent_kernel is not None:
      begun.append(tf.matmul(tf.cast(latent, self.compute_dtype), self._cast(self.latent_kernel)))
    if not begun:
      return [tf.zeros([tf.shape(latent)[0], self.config.hidden_size], self.compute_dtype)] * parts + kept
    return [*tf.split(tf.tanh(tf.add_n(begun)), parts, axis=-1), *kept]

  def stacked(self, state: list[tf.Tensor]) -> list[tf.Tensor]:
    # What was read of a source is the same at all positions.
    return state if self.reader is None else state[: 2 * len(self.lstms)]

  def state_at(self, history: unrolling.History, positions: tf.Tensor, rows: tf.Tensor | None = None) -> list[tf.Tensor]:
    state = super().state_at(history, positions, rows)
    read = history.last[len(state) :]
    return [*state, *(part if rows is None else tf.gather(part, rows) for part in read)]

  def step(self, inputs: tf.Tensor, state: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
    output, state = self.next_state(inputs, state)
    if self.output_projection is None:
      return likelihood.logits(output, *self.output_layer()), state
    # Not `likelihood.logits`, which would copy the embeddings at every step.
    return tf.matmul(output, self._cast(self.embedding), transpose_b=True) + self._bias(), state

  def next_state(self, inputs: tf.Tensor, state: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """As `step`, but returns the inputs of the output layer, `[B, H]`, in place of the logits."""
    parts = 2 * len(self.lstms)
    cell_states, kept = state[:parts], state[parts:]
    category = kept if self.spec.categories else []
    output, cell_states = biased.step(self.lstms, tf.concat([self._embed(inputs), *category], axis=-1), cell_states)
    return self._project(output, kept), [*cell_states, *kept]

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    shown = self._drop(self._embed(self._inputs(tokens)), seed, "inputs")
    state = self._begin(latent, context, seed)
    if self.spec.categories:
      shown = tf.concat([shown, tf.repeat(state[-1][:, None], tokens.shape[1], axis=1)], axis=-1)
    for i, layer in enumerate(self.lstms):
      shown = layer(shown, initial_state=state[2 * i : 2 * i + 2])
      # The last layer's purpose has no number: its noise does not depend on the layers below.
      shown = self._drop(shown, seed, "outputs" if layer is self.lstms[-1] else f"outputs_{i}")
    return self._project(shown, state[2 * len(self.lstms) :])

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    kernel = tf.transpose(self._cast(self.embedding)) if self.output_projection is not None else self._cast(self.output_kernel)
    return kernel, self._bias()

  def output_variables(self) -> list[keras.Variable]:
    # Not the embedding, which inputs use too.
    return [self.output_kernel if self.output_projection is None else self.output_projection, self.output_bias]

  def _bias(self):
    return self._cast(self.output_bias) + tf.cast(self._excluded, self.compute_dtype)

  def _project(self, outputs, kept):
    """The inputs of the output layer, from the last layer's outputs, float `[B, ..., H]`, and what the state keeps beside those of the layers."""
    if self.reader is not None:
      outputs = self.reader.attend(outputs, source_reader.Memory(*kept))
    return outputs if self.output_projection is None else tf.matmul(outputs, self._cast(self.output_projection))

  def _drop(self, x, seed, purpose):
    if seed is None or not self.dropout:
      return x
    return noise.dropout(x, self.dropout, noise.fold(seed, purpose))

  def _embed(self, inputs):
    return lookup.embed(inputs, self._cast(self.embedding))

  def _cast(self, variable):
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)

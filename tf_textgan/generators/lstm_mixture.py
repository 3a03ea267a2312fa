"""SentiGAN's generator: one LSTM language model for each category, behind the interface of one generator.

Wang & Wan, "SentiGAN: Generating Sentimental Texts via Mixture Adversarial Networks", https://www.ijcai.org/proceedings/2018/0618.pdf. The networks
share no weights, not even the embedding. The context selects the network of each row.
"""

import dataclasses
from typing import Literal

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.generators import base
from tf_textgan.generators import lstm
from tf_textgan.losses import likelihood


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of each network, as in SentiGAN's code for reviews."""

  # Size of a token's embedding.
  embedding_size: int = 200
  # Size of the hidden state.
  hidden_size: int = 200
  # Size of the latent z; 0 starts from the zero state. The published code draws the whole initial state, with a standard deviation of 4.
  latent_size: int = 0
  # Standard deviation of the initial weights; with "glorot" those of the embedding alone.
  init_stddev: float = 0.1
  # Initial weights, see `lstm`: "glorot" as in SentiGAN's code, or "normal".
  initialization: Literal["normal", "glorot"] = "glorot"

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "hidden_size")
    checks.at_least(self, 0, "latent_size", "init_stddev")
    checks.at_most(self, checks.LARGEST_SIZE, "latent_size")


class Generator(base.Autoregressive):
  """See the module. Without categories it is one LSTM language model.

  If all rows have one category, call its network in `members`, which is cheapest. `log_probs` runs each network on its own rows only. `step`,
  `sample` and `call` take rows of any categories: all C networks run on all rows, and the category selects. The logits still come from one matrix
  product, with C times the arithmetic: separate products would need another pass over the logits to reorder them.

  Attributes:
    members: a `lstm.Generator` for each category, on the spec without categories.
  """

  conditional = True
  any_length = True

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    plain = dataclasses.replace(spec, categories=())
    sizes = lstm.Config(config.embedding_size, config.hidden_size, config.latent_size, config.init_stddev, config.initialization)
    count = max(1, len(spec.categories))
    self.members = [lstm.Generator(plain, sizes, seed * count + i) for i in range(count)]
    self.built = True

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> list[tf.Tensor]:
    category = self._onehot(latent, context)
    states = [member.initial_state(latent) for member in self.members]
    return [*self._select(states, category), category]

  def step(self, inputs: tf.Tensor, state: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
    *cell_state, category = state
    results = [member.next_state(inputs, cell_state) for member in self.members]
    outputs = self._side_by_side([output for output, _ in results], category)
    return likelihood.logits(outputs, *self.output_layer()), [*self._select([after for _, after in results], category), category]

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    category = self._onehot(latent, context)
    return self._side_by_side([member.outputs(tokens, latent, seed=seed) for member in self.members], category[:, None])

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    kernels = [tf.concat([kernel, bias[None]], axis=0) for kernel, bias in (member.output_layer() for member in self.members)]
    return tf.concat(kernels, axis=0), tf.zeros([self.spec.vocab_size], self.compute_dtype)

  def output_variables(self) -> list[keras.Variable]:
    return [variable for member in self.members for variable in member.output_variables()]

  def log_probs(
    self,
    tokens: tf.Tensor,
    latent: tf.Tensor,
    context: tf.Tensor | None = None,
    seed: tf.Tensor | None = None,
    temperature: float | tf.Tensor | None = None,
  ) -> tf.Tensor:
    if len(self.members) == 1:
      return self.members[0].log_probs(tokens, latent, seed=seed, temperature=temperature)
    log_probs = tf.zeros([tf.shape(tokens)[0], tokens.shape[1]])
    for i, member in enumerate(self.members):
      rows = tf.where(context == i)
      # Plus the first row, which is then dropped: Keras's LSTM cannot process an empty batch.
      some = tf.concat([rows[:, 0], [0]], axis=0)
      of_rows = member.log_probs(tf.gather(tokens, some), tf.gather(latent, some), seed=seed, temperature=temperature)[:-1]
      log_probs = tf.tensor_scatter_nd_update(log_probs, rows, of_rows)
    return log_probs

  def _onehot(self, latent, context):
    """One-hot categories `[B, C]`; without categories all rows have the same one."""
    if not self.spec.categories:
      return tf.ones([tf.shape(latent)[0], 1], self.compute_dtype)
    return tf.one_hot(context, len(self.spec.categories), dtype=self.compute_dtype)

  def _select(self, states, category):
    """Selects the state of each row's category from the networks' states, lists of `[B, H]`."""
    return [tf.add_n([part * category[:, i, None] for i, part in enumerate(parts)]) for parts in zip(*states)]

  def _side_by_side(self, outputs, category):
    """Concatenates the networks' outputs `[..., H]`, each with a 1 for its bias, zeroed for rows of other categories: `[..., C * (H + 1)]`."""
    wide = []
    for i, output in enumerate(outputs):
      mine = category[..., i, None] * tf.ones_like(output[..., :1])
      wide += [mine * output, mine]
    return tf.concat(wide, axis=-1)

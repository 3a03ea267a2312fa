"""One LSTM language model for each category, behind the interface of one generator: SentiGAN's.

Wang & Wan, "SentiGAN: Generating Sentimental Texts via Mixture Adversarial Networks", https://www.ijcai.org/proceedings/2018/0618.pdf. The networks
share nothing, not even the embedding. The context says which of them generates a row.
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan.generators import base
from tf_textgan.generators import lstm
from tf_textgan.losses import likelihood


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of each network, those of SentiGAN's code on reviews."""

  # Numbers in a token's embedding.
  embedding_size: int = 200
  # Numbers in the hidden state.
  hidden_size: int = 200
  # Numbers in the latent z; 0 starts from the zero state. The published code draws the state itself, as wide as it is, with a deviation of 4.
  latent_size: int = 0
  # Standard deviation of the initial weights.
  init_stddev: float = 0.1

  def __post_init__(self):
    checks.at_least(self, 1, "embedding_size", "hidden_size")
    checks.at_least(self, 0, "latent_size", "init_stddev")


class Generator(base.Autoregressive):
  """See the module. Without categories it is one LSTM language model.

  Whoever knows the category of all rows beforehand takes the network from `members`, which does the least work. `log_probs` gives each network its
  own rows only. `step`, `sample` and `call` take rows of any categories: all C networks run on all rows, and the category selects. The logits are
  still made in one pass, by a product of C times the arithmetic: to make them apart and bring them in order would be one pass more.

  Attributes:
    members: a `lstm.Generator` for each category, on the spec without categories.
  """

  conditional = True

  def __init__(self, spec, config, seed=0):
    """Args: spec: `sequences.Spec`; config: `Config`; seed: integer, for the initial weights."""
    super().__init__(spec, config, seed)
    plain = dataclasses.replace(spec, categories=())
    sizes = lstm.Config(config.embedding_size, config.hidden_size, config.latent_size, config.init_stddev)
    count = max(1, len(spec.categories))
    self.members = [lstm.Generator(plain, sizes, seed * count + i) for i in range(count)]
    self.built = True

  def initial_state(self, latent, context=None):
    category = self._onehot(latent, context)
    states = [member.initial_state(latent) for member in self.members]
    return [*self._select(states, category), category]

  def step(self, inputs, state):
    *cell_state, category = state
    results = [member.next_state(inputs, cell_state) for member in self.members]
    outputs = self._side_by_side([output for output, _ in results], category)
    return likelihood.logits(outputs, *self.output_layer()), [*self._select([after for _, after in results], category), category]

  def outputs(self, tokens, latent, context=None, seed=None):
    category = self._onehot(latent, context)
    return self._side_by_side([member.outputs(tokens, latent, seed=seed) for member in self.members], category[:, None])

  def output_layer(self):
    kernels = [tf.concat([kernel, bias[None]], axis=0) for kernel, bias in (member.output_layer() for member in self.members)]
    return tf.concat(kernels, axis=0), tf.zeros([self.spec.vocab_size], self.compute_dtype)

  def output_variables(self):
    return [variable for member in self.members for variable in member.output_variables()]

  def log_probs(self, tokens, latent, context=None, seed=None, temperature=None):
    if len(self.members) == 1:
      return self.members[0].log_probs(tokens, latent, seed=seed, temperature=temperature)
    log_probs = tf.zeros([tf.shape(tokens)[0], tokens.shape[1]])
    for i, member in enumerate(self.members):
      rows = tf.where(context == i)
      # And the first row, which is then left out: Keras's LSTM cannot do without any.
      some = tf.concat([rows[:, 0], [0]], axis=0)
      of_rows = member.log_probs(tf.gather(tokens, some), tf.gather(latent, some), seed=seed, temperature=temperature)[:-1]
      log_probs = tf.tensor_scatter_nd_update(log_probs, rows, of_rows)
    return log_probs

  def _onehot(self, latent, context):
    """The category as one-hot, `[B, C]`; without categories all rows are of one."""
    if not self.spec.categories:
      return tf.ones([tf.shape(latent)[0], 1], self.compute_dtype)
    return tf.one_hot(context, len(self.spec.categories), dtype=self.compute_dtype)

  def _select(self, states, category):
    """From the networks' states, lists of `[B, H]`, the state of each row's category."""
    return [tf.add_n([part * category[:, i, None] for i, part in enumerate(parts)]) for parts in zip(*states)]

  def _side_by_side(self, outputs, category):
    """Outputs `[..., H]` of each network, and a one for its bias, where the row is of its category, and zeros elsewhere: `[..., C * (H + 1)]`."""
    wide = []
    for i, output in enumerate(outputs):
      mine = category[..., i, None] * tf.ones_like(output[..., :1])
      wide += [mine * output, mine]
    return tf.concat(wide, axis=-1)

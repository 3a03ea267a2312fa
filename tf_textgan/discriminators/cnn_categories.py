"""SentiGAN's discriminator: the network of `cnn_highway` with a class for each category of real text and one for generated text.

Wang & Wan, https://www.ijcai.org/proceedings/2018/0618.pdf. With the probabilities D_1 .. D_k of the categories and D_{k+1} of generated text, the
score is the logit of "real", in any category:

  f(x) = log (D_1(x) + .. + D_k(x)) - log D_{k+1}(x).
"""

import dataclasses

import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.discriminators import cnn_highway


@dataclasses.dataclass(frozen=True)
class Config(cnn_highway.Config):
  """Sizes of SentiGAN's code, the same as SeqGAN's."""

  # Weight of the squared norm of the output layer, beside the mean cross-entropy; the published 0.2 is the weight of half the squared norm.
  output_l2: float = 0.1


class Discriminator(cnn_highway.Discriminator):
  """See the module. Without categories all real text is one class."""

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed, outputs=max(1, len(spec.categories)) + 1)

  def class_logits(self, inputs: tf.Tensor, *, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Returns the logits of the categories, in the order of the spec, then of generated text, float32 `[B, k + 1]`. Arguments as of `call`."""
    return self.score(self.features(inputs, seed=seed))

  def completions_class_logits(self, cache: list[tf.Tensor], tokens: tf.Tensor, rows: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """As `class_logits`, of completions, float32 `[R, k + 1]`. Arguments as of `score_completions`."""
    return self.score(self.features_of_completions(cache, tokens, rows, t))

  def _score_of(self, features):
    return real_score(self.score(features))


def real_score(class_logits: tf.Tensor) -> tf.Tensor:
  """The logit of "real", float `[B]`, from class logits `[B, k + 1]`."""
  return tf.reduce_logsumexp(class_logits[:, :-1], axis=1) - class_logits[:, -1]

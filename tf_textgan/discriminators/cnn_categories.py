"""SentiGAN's discriminator: the network of `cnn_highway` with an output for each category of real text and one for written text.

Wang & Wan, https://www.ijcai.org/proceedings/2018/0618.pdf. With the probabilities D_1 .. D_k of the categories and D_{k+1} of written text, the
score is the logit of "real", whatever the category:

  f(x) = log (D_1(x) + .. + D_k(x)) - log D_{k+1}(x).
"""

import dataclasses

import tensorflow as tf

from tf_textgan.discriminators import cnn_highway


@dataclasses.dataclass(frozen=True)
class Config(cnn_highway.Config):
  """Sizes of SentiGAN's code, which are SeqGAN's."""

  # Weight of the squared norm of the output layer; the published 0.2 is that of half of it.
  output_l2: float = 0.1


class Discriminator(cnn_highway.Discriminator):
  """See the module. Without categories all real text is of one."""

  def __init__(self, spec, config, seed=0):
    """Args: spec: `sequences.Spec`; config: `Config`; seed: integer, for the initial weights."""
    super().__init__(spec, config, seed, outputs=max(1, len(spec.categories)) + 1)

  def class_logits(self, inputs, *, seed=None):
    """Scores of the categories, in the order of the spec's, and of generated text, the last: arguments as of `call`, to float32 `[B, k + 1]`."""
    return self.score(self.features(inputs, seed=seed))

  def completions_class_logits(self, cache, tokens, rows, t):
    """As `class_logits`, of completions: arguments as of `score_completions`, to float32 `[R, k + 1]`."""
    return self.score(self.features_of_completions(cache, tokens, rows, t))

  def _score_of(self, features):
    return real_score(self.score(features))


def real_score(class_logits):
  """The logit of "real", float `[B]`, of class logits `[B, k + 1]`."""
  return tf.reduce_logsumexp(class_logits[:, :-1], axis=1) - class_logits[:, -1]

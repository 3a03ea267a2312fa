"""SentiGAN: a generator for each category of text, such as its sentiment, and one discriminator that tells the categories and written text apart.

Wang & Wan, "SentiGAN: Generating Sentimental Texts via Mixture Adversarial Networks", https://www.ijcai.org/proceedings/2018/0618.pdf.

D has a class for each category of real text and one more for written text. Generator c is punished where D does not take what follows from a token
for real text of its category, and it is the probability that is punished, not its logarithm:

  loss_c = sum_t G_c(x_t | x_1..x_{t-1}) V_c(x_t),   V_c(x_t) = mean_n (1 - D_c(x_1..x_t, rollout_n)),   V_c(x_T) = 1 - D_c(x_1..x_T).
"""

import dataclasses
import functools

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import likelihood
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import cnn_categories
from tf_textgan.generators import lstm_mixture
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise
from tf_textgan.sampling import rollouts


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The settings of the paper's code."""

  # RMSProp's learning rate for the penalties.
  generator_learning_rate: float = 1e-2
  # Largest norm of the gradient of all generators together.
  clip_norm: float = 5.0
  # Completions of each prefix (N).
  rollouts: int = 16
  # Rows completed together, which bounds the memory; 0 for as many as have some five megabytes of logits, about what a cache holds.
  rollout_chunk: int = 0
  # Generator steps in each round, in each of which every generator writes a batch. The published code has 2 on reviews.
  generator_steps_per_round: int = 1
  # Discriminator steps in each round, each on new samples. The code's 3 epochs over fixed samples are some 470 on the oracle task.
  discriminator_steps_per_round: int = 5
  # Maximum-likelihood steps at the end of each round. The published code has 2,000 on reviews and none on the oracle task.
  mle_steps_per_round: int = 0

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 0, "rollout_chunk", "mle_steps_per_round")
    checks.at_least(self, 1, "rollouts", "generator_steps_per_round", "discriminator_steps_per_round")


GENERATOR = ("lstm_mixture", lstm_mixture.Config())
DISCRIMINATOR = ("cnn_categories", cnn_categories.Config())
# What the generator must be.
GENERATOR_KIND = lstm_mixture.Generator
# What the discriminator must be.
DISCRIMINATOR_KIND = cnn_categories.Discriminator
# It learns to write in the categories of a corpus that has some.
CATEGORIES = True


class Algorithm(base.Algorithm):
  """See the module. Of a corpus without categories all text is of one."""

  rewarded = True

  def __init__(self, config, networks, seed=0):
    super().__init__(config, networks, seed)
    self.optimizers["mle_optimizer"] = base.adam(self.generator, config.mle_learning_rate)
    # TensorFlow 1's RMSProp, that of the published code, starts its averages at one, which makes its first hundred steps small; Keras's at zero.
    optimizer = keras.optimizers.RMSprop(config.generator_learning_rate, epsilon=1e-10)
    optimizer.build(self.generator.trainable_variables)
    self.optimizers["generator_optimizer"] = optimizer
    self.optimizers["discriminator_optimizer"] = base.adam(self.discriminator, config.discriminator_learning_rate)

  def phases(self, schedule):
    config = self.config
    # Rollouts of growing prefixes have no one shape for XLA.
    generator = base.Update("generator", self.generator_step, config.generator_steps_per_round, compilable=False)
    discriminator = base.Update("discriminator", self.discriminator_step)
    *before, rounds = base.usual_phases(schedule, self.mle_step, discriminator, generator, config.discriminator_steps_per_round)
    if config.mle_steps_per_round:
      rounds = rounds._replace(updates=(*rounds.updates, base.Update("mle", self.mle_step, config.mle_steps_per_round)))
    return [*before, rounds]

  def adversarial_reward(self, scores):
    return scores  # Probabilities D_c.

  def mle_step(self, real, seed, phase_fraction):
    """Raises the likelihood of the rows of a real batch under the generator of their category."""
    del phase_fraction
    return likelihood.step(self.generator, self.optimizers["mle_optimizer"], real, seed, self.config.clip_norm)

  def discriminator_step(self, real, seed, phase_fraction):
    """Teaches the discriminator the categories of a real batch, and to tell it from new samples in the same categories."""
    del phase_fraction
    discriminator = self.discriminator
    fake = self.generator.sample(tf.shape(real.tokens)[0], noise.fold(seed, "fake"), context=real.context).tokens
    # Without categories all real text is of the first class, and generated text of the second.
    categories = tf.zeros_like(real.tokens[:, 0]) if real.context is None else real.context
    generated = tf.fill(tf.shape(categories), len(self.generator.members))
    pairs, _ = vanilla.paired(real, fake)
    classes = tf.reshape(tf.stack([categories, generated], axis=1), [-1])
    with tf.GradientTape() as tape:
      logits = discriminator.class_logits(pairs, seed=noise.fold(seed, "dropout"))
      # Real and written text weigh the same, as in the published code; in the paper's formula each category weighs as much as all written text.
      loss = 2.0 * base.mean(tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits))
      total = loss + discriminator.regularization()
    norm = base.minimize(tape, total, discriminator, self.optimizers["discriminator_optimizer"])
    real_score = cnn_categories.real_score(logits)
    found = tf.argmax(logits[::2, :-1], axis=1, output_type=tf.int32)
    return {
      "loss": loss,
      # Real from written, and the categories of real text from one another, on the batch it trains on.
      "accuracy": base.mean(tf.cast((real_score > 0.0) == (classes < generated[0]), tf.float32)),
      "category_accuracy": base.mean(tf.cast(found == categories, tf.float32)),
      "gradient_norm": norm,
    }

  def generator_step(self, real, seed, phase_fraction):
    """Makes tokens less probable the less the discriminator takes what follows from them for real text of the generator's category.

    Every generator writes as many rows as the batch has.
    """
    del phase_fraction
    members = self.generator.members
    num = tf.shape(real.tokens)[0]
    seeds = [noise.fold(seed, i) for i in range(len(members))]
    samples = [member.sample(num, seed, keep_history=True) for member, seed in zip(members, seeds)]
    penalties = [self._penalties(i, generated, seeds[i]) for i, generated in enumerate(samples)]
    tokens = tf.concat([generated.tokens for generated in samples], axis=0)
    penalties, mask = tf.concat(penalties, axis=0), self.generator.spec.mask(tokens)
    with tf.GradientTape() as tape:
      # The same z as the sample's: the policy is conditioned on it.
      log_probs = tf.concat(
        [member.log_probs(generated.tokens, generated.latent) for member, generated in zip(members, samples)], axis=0
      )
      # The mean over all rows; the published code sums over the batch, which RMSProp does not notice.
      loss = base.mean(tf.reduce_sum(policy_gradient.penalty(log_probs, penalties) * mask, axis=1))
    norm = base.minimize(tape, loss, self.generator, self.optimizers["generator_optimizer"], self.config.clip_norm)
    return {
      "loss": loss,
      "penalty": base.mean(penalties, mask),
      "entropy": base.mean(-log_probs, mask),
      "gradient_norm": norm,
    }

  def _penalties(self, category, samples, seed):
    """The penalty of each token that the generator of a category has written, float32 `[B, T]`."""
    config, discriminator, member = self.config, self.discriminator, self.generator.members[category]
    penalty = lambda tokens, logits: 1.0 - self.reward(tokens, tf.nn.softmax(logits)[:, category])  # noqa: E731
    cache = discriminator.prefix_cache(samples.tokens)
    return rollouts.rewards(
      member.step,
      functools.partial(member.state_at, samples.history),
      lambda tokens: penalty(tokens, discriminator.class_logits(tokens)),
      samples.tokens,
      config.rollouts,
      noise.fold(seed, "rollouts"),
      member.spec.end_token,
      config.rollout_chunk or rollouts.cached_rows(member.spec.vocab_size),
      lambda tokens, *place: penalty(tokens, discriminator.completions_class_logits(cache, tokens, *place)),
    )

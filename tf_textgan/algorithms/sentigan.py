"""SentiGAN: a generator for each category of text, such as a sentiment, and one discriminator that classifies categories and generated text.

Wang & Wan, "SentiGAN: Generating Sentimental Texts via Mixture Adversarial Networks", https://www.ijcai.org/proceedings/2018/0618.pdf.

D has a class for each category of real text and one for generated text. The penalty of a token of generator c is the mean of 1 - D_c over its
completions; it multiplies the token's probability, not its logarithm:

  loss_c = sum_t G_c(x_t | x_1..x_{t-1}) V_c(x_t),   V_c(x_t) = mean_n (1 - D_c(x_1..x_t, rollout_n)),   V_c(x_T) = 1 - D_c(x_1..x_T).
"""

import dataclasses
import functools

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
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
  # Largest norm of the joint gradient of all generators.
  clip_norm: float = 5.0
  # Completions of each prefix (N).
  rollouts: int = 16
  # Completions generated at a time, which bounds the memory; 0 for about five megabytes of logits, which stay in a processor's cache, and at most
  # 65,536 tokens, whose activations take some 256 MB.
  rollout_chunk: int = 0
  # Generator steps in each round; every generator samples a batch in each. The published code has 2 on reviews.
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
# The kind of generator it trains.
GENERATOR_KIND = lstm_mixture.Generator
# The kind of discriminator it trains.
DISCRIMINATOR_KIND = cnn_categories.Discriminator
# It conditions on the categories of a labelled corpus.
CATEGORIES = True


class Algorithm(base.Algorithm):
  """See the module. A corpus without categories counts as one category."""

  rewarded = True

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    self.optimizers["mle_optimizer"] = base.adam(self.generator, config.mle_learning_rate)
    # The published code's RMSProp, TensorFlow 1's, starts its averages at 1, which makes the first hundred steps small; Keras's starts at 0.
    optimizer = keras.optimizers.RMSprop(config.generator_learning_rate, epsilon=1e-10)
    optimizer.build(self.generator.trainable_variables)
    self.optimizers["generator_optimizer"] = optimizer
    self.optimizers["discriminator_optimizer"] = base.adam(self.discriminator, config.discriminator_learning_rate)

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    config = self.config
    # Rollouts change their shapes with the prefix, which XLA does not allow.
    generator = base.Update("generator", self.generator_step, config.generator_steps_per_round, compilable=False)
    discriminator = base.Update("discriminator", self.discriminator_step)
    *before, rounds = base.usual_phases(schedule, self.mle_step, discriminator, generator, config.discriminator_steps_per_round)
    if config.mle_steps_per_round:
      rounds = rounds._replace(updates=(*rounds.updates, base.Update("mle", self.mle_step, config.mle_steps_per_round)))
    return [*before, rounds]

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    return scores  # Probabilities D_c.

  def mle_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the likelihood of each real row under the generator of its category."""
    del phase_fraction
    return likelihood.step(self.generator, self.optimizers["mle_optimizer"], real, seed, self.config.clip_norm)

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator to classify a real batch by category, and new samples in the same categories as generated."""
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
      # Real and generated text have the same total weight, as in the published code; in the paper's formula each category has as much weight as all
      # generated text.
      loss = 2.0 * base.mean(tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits))
      # The published weight of the penalty stands beside the mean cross-entropy.
      total = loss + 2.0 * discriminator.regularization()
    norm = base.minimize(tape, total, discriminator, self.optimizers["discriminator_optimizer"])
    real_score = cnn_categories.real_score(logits)
    predicted = tf.argmax(logits[::2, :-1], axis=1, output_type=tf.int32)
    return {
      "loss": loss,
      # Real against generated text, and the categories of real text, on the training batch.
      "accuracy": base.mean(tf.cast((real_score > 0.0) == (classes < generated[0]), tf.float32)),
      "category_accuracy": base.mean(tf.cast(predicted == categories, tf.float32)),
      "gradient_norm": norm,
    }

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Lowers the probability of tokens by the penalty of their completions. Every generator samples as many rows as the batch has."""
    del phase_fraction
    members = self.generator.members
    num = tf.shape(real.tokens)[0]
    seeds = [noise.fold(seed, i) for i in range(len(members))]
    samples = [member.sample(num, seed, keep_history=True) for member, seed in zip(members, seeds)]
    penalties = [self._penalties(i, sample, seeds[i]) for i, sample in enumerate(samples)]
    tokens = tf.concat([sample.tokens for sample in samples], axis=0)
    penalties, mask = tf.concat(penalties, axis=0), self.generator.spec.mask(tokens)
    with tf.GradientTape() as tape:
      # The samples' own z: the policy is conditioned on it.
      log_probs = tf.concat(
        [member.log_probs(sample.tokens, sample.latent) for member, sample in zip(members, samples)], axis=0
      )
      # The mean over all rows; the published code sums over the batch, which makes no difference to RMSProp.
      loss = base.mean(tf.reduce_sum(policy_gradient.penalty(log_probs, penalties) * mask, axis=1))
    norm = base.minimize(tape, loss, self.generator, self.optimizers["generator_optimizer"], self.config.clip_norm)
    return {
      "loss": loss,
      "penalty": base.mean(penalties, mask),
      "entropy": base.mean(-log_probs, mask),
      "gradient_norm": norm,
    }

  def _penalties(self, category, samples, seed):
    """The penalties of the tokens generated in a category, float32 `[B, T]`."""
    config, discriminator, member = self.config, self.discriminator, self.generator.members[category]
    cache, factors = discriminator.prefix_cache(samples.tokens), self.repetition_factors(samples.tokens)

    def penalty(tokens, logits, factors):
      return 1.0 - self.reward(tokens, tf.nn.softmax(logits)[:, category], factors)

    def penalty_of_completions(tokens, rows, shared):
      return penalty(tokens, discriminator.completions_class_logits(cache, tokens, rows, shared), tf.gather(factors, rows))

    return rollouts.rewards(
      member.step,
      functools.partial(member.state_at, samples.history),
      lambda tokens: penalty(tokens, discriminator.class_logits(tokens), factors),
      samples.tokens,
      config.rollouts,
      noise.fold(seed, "rollouts"),
      member.spec.end_token,
      config.rollout_chunk or rollouts.bounded_rows(member.spec.length, member.spec.vocab_size),
      penalty_of_completions,
    )


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("its code, reviews", "its code, oracle task")
PUBLISHED = {
  "mle_learning_rate": published.Setting(1e-2, 1e-2),
  "generator_learning_rate": published.Setting(1e-2, 1e-2),
  "generators' optimizer": published.Setting("RMSProp from 1", "RMSProp from 1", "RMSProp from 0, Keras's; the code's first hundred steps are small"),
  "discriminator_learning_rate": published.Setting(1e-4, 1e-4),
  "clip_norm": published.Setting(5.0, 5.0),
  "generator_embedding_size": published.Setting(200, 32),
  "generator_hidden_size": published.Setting(200, 32),
  "generator_latent_size": published.Setting("the initial state, N(0, 16)", 0),
  "generator_init_stddev": published.Setting(0.1, 0.1),
  "generator_initialization": published.Setting("glorot", "glorot", "forget gate 1"),
  "output bias": published.Setting("none", "none", "one, from 0"),
  **{name: published.Setting(setting.code, setting.code, setting.note) for name, setting in published.SEQGAN_DISCRIMINATOR.items()},
  "discriminator_widths": published.Setting((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15), (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)),
  "discriminator_filters": published.Setting("without the last 160", (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)),
  "discriminator_output_l2": published.Setting("0.2 / 2", "0.2 / 2", "the same penalty"),
  "discriminator_start": published.Setting(
    "N(0, 0.1^2), highway and gate Glorot's", "N(0, 0.1^2), highway and gate Glorot's", "the same distributions"
  ),
  "discriminator_outputs": published.Setting("2", "2", "one for each category and one, as in the paper; one generator for each category"),
  "batch_size": published.Setting(64, 64),
  "mle_steps": published.Setting(30_000, "120 epochs: 18,720", published.SHORT),
  "discriminator_steps": published.Setting("10 x 3 epochs", "10 x 3 epochs: 4,680", published.SHORT),
  "adversarial_steps": published.Setting(2_000, 350, published.SHORT),
  "generator_steps_per_round": published.Setting("2, and 2 on real text", 1),
  "discriminator_steps_per_round": published.Setting("3 epochs", "3 epochs: 468", "each on new samples"),
  "mle_steps_per_round": published.Setting(2_000, 0),
  "rollouts": published.Setting(16, 16),
  "rollout_chunk": published.Setting(note="a matter of speed"),
}

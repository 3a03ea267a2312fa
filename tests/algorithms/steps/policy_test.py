"""Tests of tf_textgan.algorithms.steps.policy, by SeqGAN, which adds nothing to it."""

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import seqgan
from tf_textgan.algorithms.steps import policy
from tf_textgan.conformance import tiny
from tf_textgan.generators import lstm
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise
from tf_textgan.sampling import rollouts

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
SEED = noise.seed(1)
START = tf.constant(0.0)


def _algorithm(spec=FIXED, stddev=0.1, latent_size=0, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, latent_size=latent_size, init_stddev=stddev))
  return seqgan.Algorithm(seqgan.Config(rollouts=4, **changes), {"generator": generator, "discriminator": judges.LikesToken(spec, 5)})


def _batch(num):
  return sequences.Batch(tf.zeros([num, 4], tf.int32))


def _advantages(name, returns, mask):
  """NumPy twin of `policy.ADVANTAGES`."""
  if name == "baseline":
    return returns - (returns * mask).sum(axis=0) / np.maximum(mask.sum(axis=0), 1)
  if name == "leave_one_out":
    own = returns * mask
    return returns - (own.sum(axis=0) - own) / np.maximum(mask.sum(axis=0) - mask, 1)
  if name == "normalized":
    mean = (returns * mask).sum() / mask.sum()
    return (returns - mean) / np.sqrt((np.square(returns - mean) * mask).sum() / mask.sum())
  return returns


@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
@pytest.mark.parametrize("advantage", policy.ADVANTAGES)
def test_the_loss_and_its_gradient_are_those_of_the_rewards(advantage, spec, monkeypatch):
  algorithm = _algorithm(spec, stddev=1.0, latent_size=3, advantage=advantage, entropy_weight=0.1)
  generator = algorithm.generator
  rewards = np.random.default_rng(0).normal(size=[8, 4]).astype(np.float32)
  samples = generator.sample(8, SEED)
  mask = spec.mask(samples.tokens).numpy()
  assert (mask == 0.0).any() or spec is FIXED
  # A token's return for the entropy: the surprise of it and of those after it.
  surprise = np.cumsum((-samples.log_probs.numpy() * mask)[:, ::-1], axis=1)[:, ::-1]
  returns = _advantages(advantage, rewards + 0.1 * surprise, mask)
  with tf.GradientTape() as tape:
    log_probs = generator.log_probs(samples.tokens, samples.latent)
    loss = -tf.reduce_sum(log_probs * returns * mask) / 8.0
  expected = [tf.convert_to_tensor(g) for g in tape.gradient(loss, generator.trainable_variables)]
  gradients = []

  def record(tape, loss, network, *_):
    gradients.extend(tf.convert_to_tensor(g) for g in tape.gradient(loss, network.trainable_variables))
    return tf.zeros([])

  monkeypatch.setattr(rollouts, "rewards", lambda *args: tf.constant(rewards))
  monkeypatch.setattr(base, "minimize", record)
  metrics = algorithm.generator_step(_batch(8), SEED, START)
  np.testing.assert_allclose(metrics["loss"], loss, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(metrics["reward"], np.sum(rewards * mask) / mask.sum(), rtol=1e-4)
  np.testing.assert_allclose(metrics["entropy"], -np.sum(log_probs) / mask.sum(), rtol=1e-4)
  for a, b in zip(gradients, expected, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_completions_are_rewarded_the_cheaper_way_and_whole_sequences_the_other():
  algorithm, seen = _algorithm(TEXT, stddev=1.0), []

  def judge(tokens):
    seen.append(tokens)

    def of_completions(completed, rows, t):
      # Each begins as the sequence that it completes.
      begun = tf.gather(tokens, rows)[:, : t + 1] == completed[:, : t + 1]
      return tf.where(tf.reduce_all(begun, axis=1), 3.0, -100.0)

    return policy.Judge(lambda tokens, rows: tf.ones(tf.shape(tokens)[:1]), of_completions)

  expected = algorithm.generator.sample(8, SEED).tokens
  metrics = algorithm.policy_step(judge, 8, SEED)
  (tokens,) = seen
  np.testing.assert_array_equal(tokens, expected)
  unfinished = ~np.cumsum(tokens.numpy() == 2, axis=1).astype(bool)
  unfinished[:, -1] = False
  mask = TEXT.mask(tokens).numpy()
  np.testing.assert_allclose(metrics["reward"], np.sum(np.where(unfinished, 3.0, 1.0) * mask) / mask.sum(), rtol=1e-5)


def test_rollouts_are_not_for_xla():
  *_, adversarial = _algorithm().phases(base.Schedule())
  assert [(update.name, update.compilable) for update in adversarial.updates] == [("generator", False), ("discriminator", True)]


@pytest.mark.parametrize(
  ("changes", "names"),
  [({}, set()), ({"rollout_policy_lag": 0.5}, {"rollout_policy"}), ({"kl_weight": 0.1}, {"reference_policy"})],
  ids=str,
)
def test_copies_are_there_when_needed_and_begin_as_the_generator_then_is(changes, names):
  algorithm = _algorithm(**changes)
  checkpointed = {name.split("/")[0] for name in algorithm.variables()}
  assert algorithm.modules.keys() == names == checkpointed - {*algorithm.networks, *algorithm.optimizers}
  before = algorithm.generator.get_weights()
  algorithm.generator.output_bias.assign_add(tf.range(7.0))
  for update, weights in (("discriminator", before), ("generator", algorithm.generator.get_weights())):
    algorithm.begin(update)
    for copy in algorithm.modules.values():
      for a, b in zip(copy.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_is_the_copy_that_completes(monkeypatch):
  algorithm, rewards, compute = _algorithm(rollout_policy_lag=0.8), [], rollouts.rewards
  tokens = algorithm.generator.sample(16, SEED).tokens.numpy()
  monkeypatch.setattr(rollouts, "rewards", lambda *args: rewards.append(compute(*args)) or rewards[-1])
  # Whatever came before, it goes on with fives.
  algorithm.modules["rollout_policy"].output_bias.assign(100.0 * np.eye(7)[5])
  algorithm.generator_step(_batch(16), SEED, START)
  fives = np.cumsum(tokens == 5, axis=1) + np.arange(3, -1, -1)
  np.testing.assert_allclose(rewards[0], 1.0 / (1.0 + np.exp(-8.0 * (fives / 4.0 - 0.5))), rtol=1e-5)


@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
def test_the_mean_update_is_the_gradient_of_the_expected_reward(spec):
  """Two tokens: with a reward for each of the sequences, the mean update over many samples against the exact gradient."""
  spec = sequences.Spec(spec.vocab_size, 2, spec.start_token, spec.end_token, spec.forbidden_tokens)
  judge = judges.LikesToken(spec, 5)
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=1.0))
  algorithm = seqgan.Algorithm(seqgan.Config(rollouts=8), {"generator": generator, "discriminator": judge})
  allowed = [t for t in range(7) if t not in spec.forbidden_tokens]
  everything = tf.constant([[a, b] if a != spec.end_token else [a, 0] for a in allowed for b in allowed])
  everything = tf.constant(np.unique(everything, axis=0))
  bias = generator.output_bias.value
  with tf.GradientTape() as tape:
    log_probs = tf.reduce_sum(generator.log_probs(everything, tf.zeros([len(everything), 0])), axis=1)
    expected_reward = tf.reduce_sum(tf.exp(log_probs) * tf.sigmoid(judge(everything)))
  exact = tape.gradient(expected_reward, bias).numpy()
  gradients = []

  def record(tape, loss, *_):
    gradients.append(-tape.gradient(loss, bias).numpy())
    return tf.zeros([])

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(base, "minimize", record)
    for i in range(20):
      algorithm.generator_step(sequences.Batch(tf.zeros([1000, 2], tf.int32)), noise.fold(SEED, i), START)
  mean, error = np.mean(gradients, axis=0), np.std(gradients, axis=0, ddof=1) / np.sqrt(len(gradients))
  assert np.abs(exact).max() > 10 * error.max()
  assert (np.abs(mean - exact) < 4.5 * error + 1e-6).all()


@pytest.mark.parametrize(
  "changes",
  [{"advantage": "baseline"}, pytest.param({"kl_weight": 0.1, "entropy_weight": 0.1, "policy_updates": 2}, marks=pytest.mark.slow)],
  ids=str,
)
def test_replicas_make_the_update_of_the_whole_batch(changes, two_replicas):
  weights = []
  for strategy in (tf.distribute.OneDeviceStrategy("CPU:0"), two_replicas):
    with strategy.scope():
      algorithm = _algorithm(TEXT, stddev=1.0, **changes)
    rows = 8 // strategy.num_replicas_in_sync
    step = tf.function(lambda: strategy.run(algorithm.generator_step, args=(_batch(rows), SEED, START)))  # noqa: B023
    step()
    weights.append(algorithm.generator.get_weights())
  for a, b in zip(*weights):
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
def test_a_copy_that_does_not_lag_yet_completes_as_the_generator_would(spec):
  own, copied = _algorithm(spec, stddev=1.0), _algorithm(spec, stddev=1.0, rollout_policy_lag=0.8)
  # As pretraining would, before the copy is made.
  for algorithm in (own, copied):
    algorithm.generator.output_bias.assign_add(tf.range(7.0))
    algorithm.begin("generator")
  metrics = [algorithm.generator_step(_batch(16), SEED, START) for algorithm in (own, copied)]
  for name in metrics[0]:
    np.testing.assert_allclose(metrics[0][name], metrics[1][name], rtol=1e-4, err_msg=name)


def test_the_copy_trails_the_generator():
  algorithm = _algorithm(rollout_policy_lag=0.8, generator_learning_rate=0.1)
  generator, copy = algorithm.generator, algorithm.modules["rollout_policy"]
  first = generator.get_weights()
  algorithm.generator_step(_batch(8), SEED, START)
  for old, new, trailing in zip(first, generator.get_weights(), copy.get_weights()):
    np.testing.assert_allclose(trailing, 0.8 * old + 0.2 * new, atol=1e-5)
  middle = copy.get_weights()
  algorithm.generator_step(_batch(8), SEED, tf.constant(0.5))
  for old, new, trailing in zip(middle, generator.get_weights(), copy.get_weights()):
    np.testing.assert_allclose(trailing, 0.8 * old + 0.2 * new, atol=1e-5)


def test_several_updates_raise_the_reward_of_the_same_samples_further():
  once, thrice = (_algorithm(policy_updates=n, generator_learning_rate=1e-3, advantage="baseline") for n in (1, 3))
  first = [w.copy() for w in once.generator.get_weights()]
  metrics = [algorithm.generator_step(_batch(16), SEED, START) for algorithm in (once, thrice)]
  # Rewards are those of the first sampling, and a first update with a ratio of one is that of REINFORCE.
  np.testing.assert_allclose(metrics[0]["reward"], metrics[1]["reward"], rtol=1e-6)
  moved = [sum(np.sum((a - b) ** 2) for a, b in zip(algorithm.generator.get_weights(), first)) for algorithm in (once, thrice)]
  assert moved[1] > 4.0 * moved[0] > 0.0


@pytest.mark.slow
def test_tokens_that_have_moved_by_the_clip_ratio_move_no_further():
  algorithm = _algorithm(policy_updates=20, clip_ratio=0.05, generator_learning_rate=1e-2, advantage="baseline", stddev=1.0)
  free = _algorithm(policy_updates=20, clip_ratio=1e6, generator_learning_rate=1e-2, advantage="baseline", stddev=1.0)
  tokens = algorithm.generator.sample(64, SEED).tokens
  log_probs = lambda a: tf.reduce_sum(a.generator.log_probs(tokens, tf.zeros([64, 0])), axis=1).numpy()  # noqa: E731
  before, moves = log_probs(algorithm), []
  for a in (algorithm, free):
    a.generator_step(_batch(64), SEED, START)
    moves.append(np.abs(log_probs(a) - before).mean())
  assert moves[0] < 0.5 * moves[1]


def test_the_divergence_is_from_the_generator_at_the_beginning_and_holds_it_back():
  free, held = (_algorithm(kl_weight=w, generator_learning_rate=0.03) for w in (1e-9, 5.0))
  for algorithm in (free, held):
    # As pretraining would, before the copy is made.
    algorithm.generator.output_bias.assign_add(tf.range(7.0) / 7.0)
    algorithm.begin("generator")
  pretrained = [w.copy() for w in free.generator.get_weights()]
  kl = []
  for algorithm in (free, held):
    step = tf.function(algorithm.generator_step)
    first = step(_batch(32), SEED, START)["kl"]
    np.testing.assert_allclose(first, 0.0, atol=1e-6)
    for i in range(10):
      metrics = step(_batch(32), noise.fold(SEED, i), tf.constant(0.5))
    kl.append(metrics["kl"].numpy())
    for a, b in zip(algorithm.modules["reference_policy"].get_weights(), pretrained):
      np.testing.assert_array_equal(a, b)
  assert 0.0 < kl[1] < 0.3 * kl[0]


@pytest.mark.slow
def test_the_entropy_bonus_spreads_the_samples():
  entropies = []
  for weight in (0.0, 0.5):
    algorithm = _algorithm(entropy_weight=weight, generator_learning_rate=0.03, advantage="baseline", stddev=1.0)
    step = tf.function(algorithm.generator_step)
    for i in range(30):
      metrics = step(_batch(32), noise.fold(SEED, i), START)
    entropies.append(metrics["entropy"].numpy())
  assert entropies[1] > entropies[0] + 0.3



def test_ratios_are_1_at_first_in_half_precision(monkeypatch):
  ratios, judge = [], judges.LikesToken(FIXED, 5)
  with tiny.half_precision():
    generator = lstm.Generator(FIXED, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=1.0))
  algorithm = seqgan.Algorithm(seqgan.Config(rollouts=4, policy_updates=2), {"generator": generator, "discriminator": judge})

  def record(log_probs, old_log_probs, advantages, epsilon):
    del advantages, epsilon
    ratios.append(np.exp(log_probs - old_log_probs))
    return log_probs

  monkeypatch.setattr(policy_gradient, "clipped_ratio", record)
  algorithm.generator_step(_batch(64), SEED, START)
  np.testing.assert_array_equal(ratios[0], 1.0)
  assert np.abs(ratios[1] - 1.0).max() > 1e-3

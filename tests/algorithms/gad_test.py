"""Tests of tf_textgan.algorithms.gad."""

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import gad
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import causal_transformer
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import lstm
from tf_textgan.generators import transformer
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
REAL = tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]])
SEED = noise.seed(1)
START, END = tf.constant(0.0), tf.constant(1.0)


def _algorithm(spec=FIXED, judge=None, stddev=0.5, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=stddev))
  return gad.Algorithm(gad.Config(**changes), {"generator": generator, "discriminator": judge or judges.LikesToken(spec, 5)})


def _norm(tape, loss, network):
  return tf.linalg.global_norm([tf.convert_to_tensor(g) for g in tape.gradient(loss, network.trainable_variables)])


def _log_probs(generator, tokens):
  return generator.log_probs(tf.constant(tokens), tf.zeros([len(tokens), 0]))


def test_a_token_that_is_liked_becomes_probable():
  algorithm = _algorithm(generator_learning_rate=0.1, group_size=4, demonstration_share=0.0, stddev=0.1)
  share = lambda: np.mean(algorithm.generator.sample(500, noise.seed(9)).tokens == 5)  # noqa: E731
  before = share()
  for i in range(8):
    algorithm.generator_step(sequences.Batch(tf.zeros([16, 4], tf.int32)), noise.fold(SEED, i), START)
  assert before < 0.3 and share() > 0.7


@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_a_first_update_is_reinforce_with_advantages_within_groups_and_demonstrations(ratio):
  algorithm = _algorithm(TEXT, group_size=4, policy_updates=1, demonstration_share=0.4, demonstration_advantage=3.0, ratio=ratio, kl_weight=0.1)
  generator = algorithm.generator
  tokens = generator.sample(12, SEED).tokens
  scores = algorithm.discriminator(tokens).numpy().reshape(3, 4)
  advantages = ((scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)).reshape(-1)
  with tf.GradientTape() as tape:
    samples, real = (tf.reduce_sum(_log_probs(generator, x), axis=1) for x in (tokens, REAL))
    # Half-way: half the share. The divergence is zero at first, and so is its gradient.
    loss = -0.8 * tf.reduce_mean(advantages * samples) - 0.2 * 3.0 * tf.reduce_mean(real)
  expected = _norm(tape, loss, generator)
  algorithm.modules["reference_policy"].set_weights(generator.get_weights())
  metrics = algorithm.generator_step(sequences.Batch(REAL), SEED, tf.constant(0.5))
  np.testing.assert_allclose(metrics["gradient_norm"], expected, rtol=1e-4)
  np.testing.assert_allclose(metrics["demonstration_share"], 0.2, rtol=1e-6)
  np.testing.assert_allclose(metrics["reward"], scores.mean(), rtol=1e-5)
  np.testing.assert_allclose(metrics["kl"], 0.0, atol=1e-6)


@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_the_loss_matches_a_slow_twin(ratio):
  algorithm = _algorithm(ratio=ratio, clip_ratio=0.3)
  random = np.random.default_rng(0)
  mask = (np.arange(4) < [[4], [2], [3], [1], [4]]).astype(np.float32)
  new, old = (random.normal(-1.0, 0.3, [5, 4]).astype(np.float32) * mask for _ in range(2))
  advantages = random.normal(size=[5, 1]).astype(np.float32)
  expected = []
  for row in range(5):
    ratios = np.exp(new[row] - old[row])[mask[row] > 0] if ratio == "token" else [np.exp(new[row].sum() - old[row].sum())]
    a = advantages[row, 0]
    expected.append(-sum(min(r * a, np.clip(r, 0.7, 1.3) * a) for r in ratios))
  np.testing.assert_allclose(algorithm._policy_losses(*map(tf.constant, (new, old, advantages, mask))), expected, rtol=1e-4)


def test_several_updates_go_further_until_the_ratio_is_clipped():
  settings = ((1e6, 5), (0.05, 5), (1e6, 1))
  far, near, once = (_algorithm(clip_ratio=c, policy_updates=n, generator_learning_rate=0.03, kl_weight=0.0) for c, n in settings)
  tokens = far.generator.sample(64, SEED).tokens.numpy()
  before, moves = _log_probs(far.generator, tokens).numpy(), []
  for algorithm in (far, near, once):
    algorithm.generator_step(sequences.Batch(tf.fill([8, 4], 5)), SEED, END)
    moves.append(np.abs(_log_probs(algorithm.generator, tokens) - before).mean())
  assert moves[0] > 2.0 * moves[1] and moves[0] > 2.0 * moves[2]


@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
def test_answers_begin_as_their_prompts_and_only_generated_tokens_count(spec):
  algorithm = _algorithm(spec, longest_prompt=9)
  sentences = np.repeat(REAL.numpy(), 2, axis=0)
  seen = set()
  for i in range(12):
    answers, mask, _ = algorithm._answers(sequences.Batch(tf.constant(sentences)), noise.seed(i))
    tokens, generated = answers.tokens.numpy(), mask.numpy()
    given = int(np.argmax(generated.any(axis=0))) if generated.any() else 3
    seen.add(given)
    np.testing.assert_array_equal(tokens[:, :given], sentences[:, :given])
    np.testing.assert_array_equal(generated, spec.mask(tokens).numpy() * (np.arange(4) >= given))
  # At least one token is left to generate.
  assert {0, 1, 2} <= seen <= {0, 1, 2, 3}


@pytest.mark.slow
def test_replicas_give_the_prompts_of_the_whole_batch(two_replicas):
  weights = []
  for strategy in (tf.distribute.OneDeviceStrategy("CPU:0"), two_replicas):
    with strategy.scope():
      algorithm = _algorithm(TEXT, longest_prompt=3, group_size=2)
    replicas = strategy.num_replicas_in_sync
    batch = np.split(np.concatenate([REAL, REAL[:1]]), replicas)
    share = lambda context, batch=batch: sequences.Batch(tf.constant(batch[context.replica_id_in_sync_group]))  # noqa: E731
    parts = strategy.experimental_distribute_values_from_function(share)
    step = tf.function(lambda parts, seed: strategy.run(algorithm.generator_step, args=(parts, seed, START)))  # noqa: B023
    for i in range(3):
      step(parts, noise.seed(i))
    weights.append(algorithm.generator.get_weights())
  for one, two in zip(*weights):
    np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.parametrize(("joint", "warmup"), [(True, ["mle", "discriminator"]), (False, ["mle"])])
def test_both_networks_are_warmed_up_in_the_same_rounds_unless_asked_not_to(joint, warmup):
  phases = _algorithm(joint_warmup=joint).phases(base.Schedule(discriminator_steps=3))
  assert [(phase.name, [update.name for update in phase.updates]) for phase in phases] == [
    ("mle", warmup), ("discriminator", ["discriminator"]), ("adversarial", ["generator", "discriminator"])
  ]  # fmt: skip
  assert [phase.steps for phase in phases] == [1500, 3, 100]


def test_in_the_warm_up_the_discriminator_begins_as_the_student_and_compares_answers_to_the_same_sources():
  spec = tiny.PAIR_SPEC
  generator = transformer.Generator(spec, tiny.shrink(transformer.Config(dropout=0.0)))
  as_student = tiny.shrink(causal_transformer.Config(dropout=0.0, from_generator=True))
  discriminator = causal_transformer.Discriminator(spec, as_student, 1)
  algorithm = gad.Algorithm(gad.Config(), {"generator": generator, "discriminator": discriminator})
  warmup, *_ = algorithm.phases(base.Schedule())
  for update in warmup.updates:
    algorithm.begin(update.name)
  np.testing.assert_array_equal(discriminator.embedding, generator.embedding)
  real = sequences.Batch(*map(tf.constant, tiny.pair_batch(8)))
  metrics = warmup.updates[0].train_step(real, SEED, START)
  assert np.isfinite(metrics["nll"]) and np.any(generator.embedding != discriminator.embedding)
  fake = generator.sample(8, noise.fold(SEED, "fake"), context=real.context).tokens
  scores = [discriminator(tokens, context=real.context).numpy() for tokens in (fake, real.tokens)]
  metrics = warmup.updates[1].train_step(real, SEED, START)
  np.testing.assert_allclose(metrics["loss"], np.mean(np.logaddexp(0.0, scores[0] - scores[1])), rtol=1e-5)


def test_without_demonstrations_real_targets_have_no_effect_on_the_generators_step():
  weights = []
  for real in (REAL, tf.reverse(REAL, [0])):
    algorithm = _algorithm(TEXT, group_size=2)
    metrics = algorithm.generator_step(sequences.Batch(real), SEED, START)
    weights.append(algorithm.generator.get_weights())
  assert "demonstration_share" not in metrics
  for one, other in zip(*weights, strict=True):
    np.testing.assert_array_equal(one, other)


def test_prompts_are_not_for_xla():
  phases = [_algorithm(longest_prompt=longest).phases(base.Schedule()) for longest in (0, 3)]
  assert [[update.compilable for update in adversarial.updates] for *_, adversarial in phases] == [[True, True], [False, False]]


def test_given_tokens_have_no_gradient():
  """The first update at the end of the phase, when only generated tokens are trained on."""
  algorithm = _algorithm(TEXT, longest_prompt=3, group_size=2, policy_updates=1, kl_weight=0.0)
  generator = algorithm.generator
  sentences = tf.repeat(REAL, 2, axis=0)
  seed = next(noise.seed(i) for i in range(20) if algorithm._answers(sequences.Batch(sentences), noise.seed(i))[1].numpy()[:, 0].sum() == 0)
  answers, generated, _ = algorithm._answers(sequences.Batch(sentences), seed)
  tokens = answers.tokens
  scores = algorithm.discriminator(tokens).numpy().reshape(3, 2)
  advantages = ((scores - scores.mean(axis=1, keepdims=True)) / np.maximum(scores.std(axis=1, keepdims=True), 1e-6)).reshape(-1, 1)
  with tf.GradientTape() as tape:
    loss = -tf.reduce_mean(tf.reduce_sum(advantages * _log_probs(generator, tokens) * generated, axis=1))
  expected = _norm(tape, loss, generator)
  metrics = algorithm.generator_step(sequences.Batch(REAL), seed, END)
  np.testing.assert_allclose(metrics["gradient_norm"], expected, rtol=1e-4, atol=1e-6)


def test_prompts_of_demonstrations_have_no_gradient():
  demonstrations = {"demonstration_share": 0.999, "demonstration_advantage": 1e4}
  algorithm = _algorithm(TEXT, longest_prompt=3, group_size=2, policy_updates=1, kl_weight=0.0, **demonstrations)
  generator = algorithm.generator
  sentences = tf.repeat(REAL, 2, axis=0)
  batch = sequences.Batch(sentences)
  seed, given = next((noise.seed(i), a) for i in range(20) if (a := int(4 - np.sum(algorithm._answers(batch, noise.seed(i))[2]))) == 2)
  with tf.GradientTape() as tape:
    # The answers' share of the loss is negligible beside such an advantage.
    loss = -0.999 * 1e4 * tf.reduce_mean(tf.reduce_sum(_log_probs(generator, REAL)[:, given:], axis=1))
  expected = _norm(tape, loss, generator)
  metrics = algorithm.generator_step(sequences.Batch(REAL), seed, START)
  np.testing.assert_allclose(metrics["gradient_norm"], expected, rtol=1e-4)


def test_demonstrations_raise_the_likelihood_of_real_text_while_they_last():
  judge = judges.LikesToken(TEXT, 5)
  judge.scale.assign(0.0)  # All answers have the same reward: only demonstrations move the generator.
  nll = []
  for progress in (START, END):
    changes = {"generator_learning_rate": 0.03, "clip_ratio": 10.0, "group_size": 2, "policy_updates": 5, "demonstration_share": 0.9}
    algorithm = _algorithm(TEXT, judge, **changes)
    before = -np.mean(_log_probs(algorithm.generator, REAL))
    algorithm.generator_step(sequences.Batch(REAL), SEED, progress)
    nll.append(before + np.mean(_log_probs(algorithm.generator, REAL)))
  assert nll[0] > 0.1 and abs(nll[1]) < 1e-4


def test_the_discriminator_compares_each_sentence_with_an_answer_to_its_prompt():
  discriminator = recurrent.Discriminator(TEXT, recurrent.Config(4, 5, dropout=0.0))
  algorithm = _algorithm(TEXT, discriminator, longest_prompt=2)
  fake = algorithm._answers(sequences.Batch(REAL), noise.fold(SEED, "fake"))[0].tokens
  real_scores, fake_scores = (discriminator(tokens).numpy().astype(np.float64) for tokens in (REAL, fake))
  metrics = algorithm.discriminator_step(sequences.Batch(REAL), SEED, START)
  np.testing.assert_allclose(metrics["loss"], np.mean(np.log1p(np.exp(fake_scores - real_scores))), rtol=1e-5)
  np.testing.assert_allclose(metrics["accuracy"], np.mean(real_scores > fake_scores))


def test_the_divergence_is_from_the_generator_at_the_beginning_and_holds_it_back():
  kl = []
  for weight in (1e-9, 5.0):
    algorithm = _algorithm(kl_weight=weight, generator_learning_rate=0.03, group_size=4, policy_updates=1, demonstration_share=0.0)
    algorithm.generator.output_bias.assign_add(tf.range(7.0) / 7.0)  # As pretraining would, before the copy is made.
    algorithm.begin("generator")
    pretrained = [w.copy() for w in algorithm.generator.get_weights()]
    for i in range(4):
      metrics = algorithm.generator_step(sequences.Batch(tf.zeros([8, 4], tf.int32)), noise.fold(SEED, i), tf.constant(0.1 * i))
    kl.append(metrics["kl"].numpy())
    for a, b in zip(algorithm.modules["reference_policy"].get_weights(), pretrained):
      np.testing.assert_array_equal(a, b)
  assert 0.0 < kl[1] < 0.5 * kl[0]


@pytest.mark.parametrize("changes", [{"group_size": 1}, {"policy_updates": 0}, {"demonstration_share": 1.0}, {"clip_ratio": 0.0}], ids=str)
def test_impossible_settings_are_refused(changes):
  with pytest.raises(errors.UserError, match=next(iter(changes))):
    gad.Config(**changes)

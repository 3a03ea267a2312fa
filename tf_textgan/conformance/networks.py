"""Laws of every generator and every discriminator. A new file is found by its name."""

import copy
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.algorithms import base
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.generators import base as generator_base
from tf_textgan.sampling import blanks
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

SEED = noise.seed(1)
NUM = 50

_each_generator = pytest.mark.parametrize("name", tiny.GENERATORS)
_ENCODING = [name for name in tiny.GENERATORS if issubclass(registry.load("tf_textgan.generators", name).Generator, generator_base.Encodes)]
_each_encoding = pytest.mark.parametrize("name", _ENCODING)
_FILLING = [name for name in tiny.GENERATORS if issubclass(registry.load("tf_textgan.generators", name).Generator, generator_base.Fills)]
_each_filling = pytest.mark.parametrize("name", _FILLING)
_each_discriminator = pytest.mark.parametrize("name", tiny.DISCRIMINATORS)
_BLANKS = [n for n in tiny.DISCRIMINATORS if issubclass(registry.load("tf_textgan.discriminators", n).Discriminator, discriminator_base.BlankScores)]
_each_that_scores_blanks = pytest.mark.parametrize("name", _BLANKS)
_each_network = pytest.mark.parametrize(
  ("kind", "name"), [("generator", n) for n in tiny.GENERATORS] + [("discriminator", n) for n in tiny.DISCRIMINATORS]
)
_each_spec = pytest.mark.parametrize("spec", tiny.SPECS.values(), ids=list(tiny.SPECS))


def _autoregressive(name, spec):
  generator = tiny.network("generator", name, None, spec)
  if not isinstance(generator, generator_base.Autoregressive):
    pytest.skip(f"{name} is not autoregressive")
  return generator


@_each_generator
@_each_spec
@pytest.mark.parametrize("picker", [None, pickers.Categorical(0.8, 5, 0.9), pickers.GumbelSoftmax(0.7)], ids=["own", "categorical", "gumbel_softmax"])
def test_samples_are_sequences_of_the_spec(name, spec, picker):
  generator = tiny.network("generator", name, None, spec)
  assert isinstance(generator, generator_base.Generator)
  samples = generator.sample(NUM, SEED, picker)
  tokens, log_probs = samples.tokens.numpy(), samples.log_probs.numpy()
  assert tokens.shape == log_probs.shape == (NUM, spec.length) and tokens.dtype == np.int32
  assert np.isfinite(log_probs).all() and (log_probs <= 0).all()
  assert tokens.min() >= 0 and tokens.max() < spec.vocab_size
  if spec.end_token is not None:
    after = np.cumsum((tokens == spec.end_token) | (tokens == 0), axis=1) - ((tokens == spec.end_token) | (tokens == 0)) > 0
    assert (tokens[after] == 0).all() and (log_probs[after] == 0).all()
    assert not np.isin(tokens, [t for t in spec.forbidden_tokens if t != 0]).any()
  if picker is not None and picker.relaxed:
    np.testing.assert_allclose(tf.reduce_sum(samples.points, axis=-1), 1.0, atol=1e-4)
    assert samples.points.shape == [NUM, spec.length, spec.vocab_size]


@_each_generator
def test_samples_are_a_function_of_the_seed_in_eager_mode_and_compiled(name):
  generator = tiny.network("generator", name, None, tiny.SPECS["text"])
  compiled = tf.function(generator.sample, autograph=False)
  first, again, other = generator.sample(NUM, SEED).tokens, compiled(tf.constant(NUM), SEED).tokens, generator.sample(NUM, noise.seed(2)).tokens
  np.testing.assert_array_equal(first, again)
  assert np.any(first != other)


@_each_generator
def test_the_relaxed_sample_passes_a_gradient_to_every_weight(name):
  generator = tiny.network("generator", name, None, tiny.SPECS["fixed"])
  soft = {"soft_feedback": True} if isinstance(generator, generator_base.Autoregressive) else {}
  with tf.GradientTape() as tape:
    points = generator.sample(NUM, SEED, pickers.GumbelSoftmax(), **soft).points
    value = tf.reduce_sum(points * tf.random.stateless_normal(tf.shape(points), SEED))
    if isinstance(generator, generator_base.Encodes):  # What encodes is trained by what it makes the decoder say of a real sequence.
      real = tf.constant(tiny.batch(generator.spec, NUM))
      value += tf.reduce_sum(generator.log_probs(real, generator.encode(real)))
  for variable, gradient in zip(generator.trainable_variables, tape.gradient(value, generator.trainable_variables)):
    assert gradient is not None and np.abs(tf.convert_to_tensor(gradient)).max() > 0, variable.path


@_each_generator
@_each_spec
def test_teacher_forcing_equals_single_steps(name, spec):
  generator = _autoregressive(name, spec)
  tokens = tf.constant(tiny.batch(spec, NUM))
  latent = generator.prior(NUM, SEED)
  np.testing.assert_allclose(generator(tokens, latent), _stepped(generator, tokens, latent), rtol=1e-5, atol=1e-5)


@_each_generator
def test_log_probs_of_samples_equal_teacher_forcing(name):
  spec = tiny.SPECS["text"]
  generator = _autoregressive(name, spec)
  samples = generator.sample(NUM, SEED)
  logits = generator(samples.tokens, samples.latent)
  log_probs = tf.gather(tf.nn.log_softmax(logits), samples.tokens, batch_dims=2) * spec.mask(samples.tokens)
  np.testing.assert_allclose(samples.log_probs, log_probs, atol=1e-4)


@_each_generator
def test_its_likelihood_is_what_it_says(name):
  spec = tiny.SPECS["text"]
  generator = tiny.network("generator", name, None, spec)
  assert generator.likelihood in ("exact", "bound", None)
  if generator.likelihood is None:
    assert not hasattr(generator, "log_probs")
    return
  _spread(generator)
  tokens = tf.constant(tiny.batch(spec, NUM))
  first, second = (generator.log_probs(tokens, generator.prior(NUM, noise.seed(i)), generator.contexts(NUM, SEED)) for i in range(2))
  # Exact log-probabilities do not depend on z; a bound does.
  assert np.any(first != second) == (generator.likelihood == "bound")


@_each_generator
@_each_spec
def test_a_state_at_a_position_is_the_state_after_so_many_inputs(name, spec):
  generator = _autoregressive(name, spec)
  samples = generator.sample(NUM, SEED, keep_history=True)
  read = generator.prefill(samples.tokens, samples.latent, samples.context)
  states, inputs = [generator.initial_state(samples.latent, samples.context)], tf.fill([NUM], spec.start_token)
  for t in range(spec.length):
    states.append(generator.step(inputs, states[-1])[1])
    inputs = samples.tokens[:, t]
  # Some rows in any order, each with its own position; sequences that have ended have none.
  rows = tf.constant(np.random.default_rng(0).integers(0, NUM, 40), tf.int32)
  size = tf.cast(tf.reduce_sum(spec.mask(samples.tokens), axis=1), tf.int32)
  positions = tf.gather(size, rows) * tf.constant(np.random.default_rng(1).integers(0, 4, 40), tf.int32) // 4
  expected = [tf.stack([x[position, row] for position, row in zip(positions, rows)]) for x in map(tf.stack, zip(*map(tf.nest.flatten, states)))]
  expected = tf.nest.pack_sequence_as(states[0], expected)
  for history in (samples.history, read):
    # What follows from a state counts: it may hold things that are never read, as a cache of all positions does.
    found, true, inputs = generator.state_at(history, positions, rows), expected, tf.gather(samples.tokens, rows)[:, 0]
    tf.nest.assert_same_structure(found, true)
    for t in range(2):
      (logits, found), (true_logits, true) = generator.step(inputs, found), generator.step(inputs, true)
      # The last position has no second step.
      inside = (positions + t < spec.length).numpy()
      np.testing.assert_allclose(logits.numpy()[inside], true_logits.numpy()[inside], atol=1e-5)
      inputs = tf.argmax(true_logits, axis=1, output_type=tf.int32)
  for x, y in zip(tf.nest.flatten(read.last), tf.nest.flatten(states[-1]), strict=True):
    np.testing.assert_allclose(x, y, atol=1e-5)


@_each_generator
def test_each_sequence_is_completed_from_its_own_position(name):
  spec = tiny.SPECS["text"]
  generator = _autoregressive(name, spec)
  tokens = tf.constant(tiny.batch(spec, NUM))
  count = tf.constant(np.arange(NUM) % (spec.length + 1), tf.int32)
  completed = generator.complete(tokens, count, SEED)
  given = np.arange(spec.length) < count.numpy()[:, None]
  np.testing.assert_array_equal(completed.tokens.numpy()[given], tokens.numpy()[given])
  # Generated tokens have the log-probability of teacher forcing, given tokens 0; padding follows the end token.
  log_probs = generator.log_probs(completed.tokens, completed.latent, completed.context)
  np.testing.assert_allclose(completed.log_probs, np.where(given, 0.0, log_probs), atol=1e-4)
  mask = spec.mask(completed.tokens).numpy()
  assert (mask[:, :-1] >= mask[:, 1:]).all() and completed.tokens.dtype == tf.int32


@_each_generator
@_each_spec
def test_all_sequences_are_completed_as_they_are_written(name, spec):
  """In chunks; where nothing is given, with the noise of `write`."""
  generator = _autoregressive(name, spec)
  num = generator.rows_together + 3
  nothing = tf.zeros([num, 1], tf.int32), tf.zeros([num], tf.int32)
  completed, written = generator.complete_all(*nothing, SEED), generator.write(num, SEED)
  np.testing.assert_array_equal(completed.tokens, written.tokens)
  np.testing.assert_allclose(tf.reduce_sum(completed.log_probs, axis=1), written.log_probs, atol=1e-4)
  tokens, count = tf.constant(tiny.batch(spec, num))[:, :4], tf.constant(np.arange(num) % 4, tf.int32)
  completed = generator.complete_all(tokens, count, SEED).tokens.numpy()
  given = np.arange(4) < count.numpy()[:, None]
  np.testing.assert_array_equal(completed[:, :4][given], tokens.numpy()[given])
  assert completed.shape == (num, spec.length)


@_each_generator
@_each_spec
def test_a_generator_of_any_length_writes_longer_sequences(name, spec):
  generator = _autoregressive(name, spec)
  if not generator.any_length:
    pytest.skip(f"{name} is for sequences of one length")
  _spread(generator)
  longer = generator.resized(spec.length + 3)
  samples = longer.sample(NUM, SEED)
  assert longer.spec.length == spec.length + 3 and samples.tokens.shape == [NUM, spec.length + 3]
  # The beginning is as likely as before, and what was drawn has the likelihood of teacher forcing.
  log_probs = longer.log_probs(samples.tokens, samples.latent)
  np.testing.assert_allclose(samples.log_probs, log_probs, atol=1e-4)
  np.testing.assert_allclose(generator.log_probs(samples.tokens[:, : spec.length], samples.latent), log_probs[:, : spec.length], atol=1e-4)


@_each_encoding
@_each_spec
def test_a_generator_that_encodes_gives_a_latent_for_every_sequence_and_decodes_it(name, spec):
  generator = tiny.network("generator", name, None, spec)
  tokens = tf.constant(tiny.batch(spec, NUM))
  codes = generator.encode(tokens)
  assert codes.shape == [NUM, generator.latent_size] and codes.dtype == tf.float32 and np.isfinite(codes).all()
  assert generator.likelihood == "bound" and np.std(codes, axis=0).max() > 0
  np.testing.assert_allclose(tf.concat([generator.encode(tokens[:7]), generator.encode(tokens[7:])], axis=0), codes, atol=1e-5)
  decoded = generator.decode(codes, SEED)
  np.testing.assert_array_equal(decoded.latent, codes)
  np.testing.assert_allclose(decoded.log_probs, generator.log_probs(decoded.tokens, codes), atol=1e-4)
  between = generator.interpolation(codes[0], codes[1], tf.constant([0.0, 0.5, 1.0]))
  np.testing.assert_allclose(between.numpy()[[0, 2]], codes[:2], atol=1e-4)


def _with_blanks(spec):
  """Sequences and masks, some of them all blank: int32 and bool `[NUM, T]` tensors."""
  tokens = tf.constant(tiny.batch(spec, NUM))
  counts = tf.cast(tf.reduce_sum(spec.mask(tokens), axis=1), tf.int32)
  present = blanks.random(counts, spec.length, 0.5, SEED)
  return tokens, tf.where(tf.range(NUM)[:, None] < 5, False, present)


@_each_filling
@_each_spec
def test_a_generator_that_fills_keeps_what_is_given_and_knows_the_likelihood(name, spec):
  generator = tiny.network("generator", name, None, spec)
  _spread(generator)
  tokens, present = _with_blanks(spec)
  filled = tf.function(generator.fill, autograph=False)(tokens, present, SEED)
  np.testing.assert_array_equal(tf.boolean_mask(filled.tokens, present), tf.boolean_mask(tokens, present))
  np.testing.assert_allclose(filled.log_probs, generator.blank_log_probs(filled.tokens, present), atol=1e-3)
  # The tokens that a blank had are not read, and given tokens have no log-probability.
  other = tf.where(present, tokens, (tokens + 1) % spec.vocab_size)
  np.testing.assert_array_equal(generator.fill(other, present, SEED).tokens, filled.tokens)
  assert np.all(tf.boolean_mask(filled.log_probs, present) == 0)
  # A sequence ends where it is given, or where nothing is given any more; padding follows its end.
  closed = ~present.numpy() & ~blanks.open_ends(present).numpy()
  mask = spec.mask(filled.tokens).numpy()
  assert not np.any(filled.tokens.numpy()[closed] == spec.end_token) and (mask[:, :-1] >= mask[:, 1:]).all()
  # What follows a blank changes what fills it.
  changed = tf.concat([tokens[:, :-1], (tokens[:, -1:] + 1) % 3 + 3], axis=1)
  first = tf.tile([[False, *[True] * (spec.length - 1)]], [NUM, 1])
  assert np.abs(generator.blank_log_probs(changed, first) - generator.blank_log_probs(tokens, first)).max() > 1e-4


@_each_filling
def test_with_nothing_given_filling_is_sampling(name):
  spec = tiny.SPECS["text"]
  generator = tiny.network("generator", name, None, spec)
  tokens = tf.constant(tiny.batch(spec, NUM))
  nothing = tf.zeros_like(tokens, tf.bool)
  np.testing.assert_allclose(generator.blank_log_probs(tokens, nothing), generator.log_probs(tokens, generator.prior(NUM, SEED)), atol=1e-4)
  np.testing.assert_array_equal(generator.fill(tokens, nothing, SEED).tokens, generator.sample(NUM, SEED).tokens)
  written = generator.fill_all(tokens, nothing, SEED)
  np.testing.assert_allclose(written.log_probs, tf.reduce_sum(generator.blank_log_probs(written.tokens, nothing), axis=1), atol=1e-3)


@_each_that_scores_blanks
@_each_spec
def test_a_discriminator_that_scores_blanks_knows_them_and_reads_from_left_to_right(name, spec):
  discriminator = tiny.network("discriminator", name, None, spec)
  _spread(discriminator)
  tokens, present = _with_blanks(spec)
  scores, before = discriminator.read(tokens, present)
  assert scores.shape == [NUM, spec.length] and scores.dtype == tf.float32 and before.shape == [NUM, spec.length, discriminator.feature_size]
  nothing = discriminator.read(tokens, tf.zeros_like(present)).scores
  np.testing.assert_array_equal(nothing[:5], scores[:5])
  assert np.abs(nothing[5:] - scores[5:]).max() > 1e-3
  # Other tokens in blanks change the scores from there on, and the features after it.
  other = tf.where(present, tokens, (tokens + 1) % spec.vocab_size)
  first = np.argmin(present, axis=1)
  for row, t in enumerate(first):
    if not present[row, t]:
      again, again_before = discriminator.read(other[row : row + 1], present[row : row + 1])
      np.testing.assert_allclose(again[0, :t], scores[row, :t], atol=1e-4)
      np.testing.assert_allclose(again_before[0, : t + 1], before[row, : t + 1], atol=1e-4)
      assert np.abs(again[0, t] - scores[row, t]) > 1e-6


@_each_generator
@_each_spec
def test_dividing_the_logits_is_a_temperature(name, spec):
  generator = _autoregressive(name, spec)
  _shake(generator)
  tokens, latent = tf.constant(tiny.batch(spec, NUM)), generator.prior(NUM, SEED)
  before = generator.log_probs(tokens, latent)
  expected = generator.log_probs(tokens, latent, temperature=1.3)
  assert np.abs(before - expected).max() > 0.01
  generator.divide_logits(1.3)
  np.testing.assert_allclose(generator.log_probs(tokens, latent), expected, rtol=1e-4, atol=1e-4)


@_each_generator
def test_a_generator_reads_sources_or_refuses_a_spec_with_sources(name):
  spec = tiny.PAIR_SPEC
  if not registry.load("tf_textgan.generators", name).Generator.reads_sources:
    with pytest.raises(errors.UserError, match=f"the generator {name.rpartition('.')[2]} reads no sources of pairs"):
      tiny.network("generator", name, None, spec)
    return
  generator = tiny.network("generator", name, None, spec)
  _shake(generator)
  sources = tf.constant(tiny.pair_batch(NUM).context)
  samples = generator.sample(NUM, SEED, context=sources, keep_history=True)
  np.testing.assert_array_equal(samples.context, sources)
  latent, logits = samples.latent, generator(samples.tokens, samples.latent, sources)
  log_probs = generator.log_probs(samples.tokens, latent, sources)
  np.testing.assert_allclose(samples.log_probs, log_probs, rtol=1e-4, atol=1e-4)
  # Every step depends on the source, but not on its padding.
  elsewhere = generator.log_probs(samples.tokens, latent, tf.reverse(sources, [0])).numpy()
  assert np.abs(elsewhere - log_probs).max(axis=0, where=samples.tokens.numpy() != 0, initial=0.0).min() > 1e-4
  np.testing.assert_allclose(generator.log_probs(samples.tokens, latent, tf.pad(sources, [[0, 0], [0, 3]])), log_probs, rtol=1e-4, atol=1e-4)
  # Single steps, and states of the sample and of given tokens.
  np.testing.assert_allclose(logits, _stepped(generator, samples.tokens, latent, sources), rtol=1e-4, atol=1e-4)
  positions, rows = tf.constant([3, 1, 5]), tf.constant([2, 0, 1])
  for history in (samples.history, generator.prefill(samples.tokens, latent, sources)):
    last = tf.gather_nd(samples.tokens, tf.stack([rows, positions - 1], axis=1))
    logits_t, _ = generator.step(last, generator.state_at(history, positions, rows))
    np.testing.assert_allclose(logits_t, tf.gather_nd(logits, tf.stack([rows, positions], axis=1)), rtol=1e-4, atol=1e-4)
  with tf.GradientTape() as tape:
    points = generator.sample(NUM, SEED, pickers.GumbelSoftmax(), soft_feedback=True, context=sources).points
    loss = tf.reduce_sum(points * points)
  assert all(gradient is not None for gradient in tape.gradient(loss, generator.trainable_variables))


@_each_discriminator
def test_a_discriminator_reads_sources_or_refuses_a_spec_with_sources(name):
  spec, (tokens, sources) = tiny.PAIR_SPEC, map(tf.constant, tiny.pair_batch(NUM))
  if not registry.load("tf_textgan.discriminators", name).Discriminator.reads_sources:
    with pytest.raises(errors.UserError, match=f"the discriminator {name.rpartition('.')[2]} reads no sources of pairs"):
      tiny.network("discriminator", name, None, spec)
    return
  discriminator = tiny.network("discriminator", name, None, spec)
  scores = discriminator(tokens, context=sources)
  np.testing.assert_allclose(discriminator(tf.one_hot(tokens, spec.vocab_size), context=sources), scores, atol=1e-5)
  np.testing.assert_allclose(discriminator(tokens, context=tf.pad(sources, [[0, 0], [0, 3]])), scores, atol=1e-5)
  assert np.abs(discriminator(tokens, context=tf.reverse(sources, [0])) - scores).min() > 1e-6
  if isinstance(discriminator, discriminator_base.PointScores):
    # The last prefix is the whole sequence.
    points = discriminator.prefixes(tokens, tf.one_hot(tokens, spec.vocab_size), context=sources)
    np.testing.assert_allclose(points[:, -1], scores, atol=1e-5)
  if isinstance(discriminator, discriminator_base.PrefixScores):
    assert np.all(discriminator.token_scores(tokens, context=sources).numpy()[spec.mask(tokens).numpy() == 0.0] == 0.0)


@_each_generator
def test_a_generator_is_conditioned_on_a_category_or_refuses_a_spec_with_categories(name):
  spec = tiny.LABELLED_SPEC
  if not registry.load("tf_textgan.generators", name).Generator.conditional:
    with pytest.raises(errors.UserError, match=f"the generator {name} cannot be conditioned on a category"):
      tiny.network("generator", name, None, spec)
    return
  generator = tiny.network("generator", name, None, spec)
  _shake(generator)
  categories = tf.constant(np.arange(NUM) % 3)
  samples = generator.sample(NUM, SEED, context=categories)
  np.testing.assert_array_equal(samples.tokens, generator.sample(NUM, SEED, context=categories).tokens)
  np.testing.assert_array_equal(samples.context, categories)
  latent = samples.latent
  log_probs = generator.log_probs(samples.tokens, latent, categories)
  np.testing.assert_allclose(samples.log_probs, log_probs, atol=1e-4)
  # Every step depends on the category, from the first token to the last.
  elsewhere = generator.log_probs(samples.tokens, latent, (categories + 1) % 3).numpy()
  not_padding = samples.tokens.numpy() != 0
  assert np.abs(elsewhere - log_probs).min(axis=0, where=not_padding, initial=1.0).max() > 1e-4
  # Without a given category, each sequence draws one.
  drawn = generator.sample(NUM, SEED)
  np.testing.assert_allclose(drawn.log_probs, generator.log_probs(drawn.tokens, drawn.latent, drawn.context), atol=1e-4)
  # Single steps, and the relaxed sample's gradient.
  stepped = _stepped(generator, samples.tokens, latent, categories)
  np.testing.assert_allclose(generator(samples.tokens, latent, categories), stepped, rtol=1e-4, atol=1e-4)
  with tf.GradientTape() as tape:
    points = generator.sample(NUM, SEED, pickers.GumbelSoftmax(), soft_feedback=True, context=categories).points
    value = tf.reduce_sum(points * tf.random.stateless_normal(tf.shape(points), SEED))
  assert all(np.abs(tf.convert_to_tensor(gradient)).max() > 0 for gradient in tape.gradient(value, generator.trainable_variables))


@_each_discriminator
@_each_spec
def test_ids_and_their_one_hot_points_score_equally(name, spec):
  discriminator = tiny.network("discriminator", name, None, spec)
  assert isinstance(discriminator, discriminator_base.Discriminator)
  tokens = tf.constant(tiny.batch(spec, NUM))
  scores = discriminator(tokens)
  assert scores.shape == [NUM] and scores.dtype == tf.float32
  assert np.isfinite(scores).all() and np.std(scores) > 0
  np.testing.assert_allclose(discriminator(tf.one_hot(tokens, spec.vocab_size)), scores, atol=1e-4)
  np.testing.assert_allclose(tf.function(discriminator, autograph=False)(tokens), scores, atol=1e-5)


@_each_discriminator
def test_scores_do_not_depend_on_the_rest_of_the_batch(name):
  spec = tiny.SPECS["text"]
  discriminator = tiny.network("discriminator", name, None, spec)
  tokens = tf.constant(tiny.batch(spec, NUM))
  np.testing.assert_allclose(tf.concat([discriminator(tokens[:7]), discriminator(tokens[7:])], axis=0), discriminator(tokens), atol=1e-5)


@_each_discriminator
def test_dropout_is_a_function_of_the_seed_and_off_without_one(name):
  spec = tiny.SPECS["fixed"]
  discriminator = tiny.network("discriminator", name, None, spec)
  tokens = tf.constant(tiny.batch(spec, NUM))
  np.testing.assert_array_equal(discriminator(tokens), discriminator(tokens))
  np.testing.assert_array_equal(discriminator(tokens, seed=SEED), discriminator(tokens, seed=SEED))
  if getattr(discriminator, "dropout", 0):
    assert np.any(discriminator(tokens, seed=SEED) != discriminator(tokens))
    assert np.any(discriminator(tokens, seed=SEED) != discriminator(tokens, seed=noise.seed(2)))


@_each_discriminator
def test_the_score_passes_a_gradient_to_points_and_every_weight(name):
  spec = tiny.SPECS["text"]
  discriminator = tiny.network("discriminator", name, None, spec)
  points = tf.one_hot(tiny.batch(spec, NUM), spec.vocab_size)
  with tf.GradientTape() as tape:
    tape.watch(points)
    value = tf.reduce_sum(tf.square(discriminator(points)))
  gradients = tape.gradient(value, [points, *discriminator.trainable_variables])
  assert all(g is not None and np.abs(tf.convert_to_tensor(g)).max() > 0 for g in gradients)
  assert discriminator.regularization().shape == []


@_each_network
def test_initial_weights_follow_from_the_seed(kind, name):
  spec = tiny.SPECS["fixed"]
  first, again, other = (tiny.network(kind, name, None, spec, seed).get_weights() for seed in (1, 1, 2))
  assert all(np.array_equal(a, b) for a, b in zip(first, again))
  assert any(np.any(a != b) for a, b in zip(first, other))
  # Weights of the same shape have different random numbers.
  random = [w for w in first if w.std() > 0]
  assert not any(a.shape == b.shape and np.array_equal(a, b) for i, a in enumerate(random) for b in random[:i])


def _stepped(generator, tokens, latent, context=None):
  """The logits `[B, T, V]` of single steps over tokens `[B, T]`."""
  state, inputs, logits = generator.initial_state(latent, context), tf.fill([len(tokens)], generator.spec.start_token), []
  for t in range(generator.spec.length):
    logits_t, state = generator.step(inputs, state)
    logits.append(logits_t)
    inputs = tokens[:, t]
  return tf.stack(logits, axis=1)


def _shake(network):
  """Adds random numbers as large as trained weights to the initial ones."""
  for i, weight in enumerate(network.trainable_variables):
    weight.assign_add(np.random.default_rng(i).normal(0.0, 0.5, weight.shape))


def _spread(network):
  """Assigns random weights as large as trained ones."""
  for i, weight in enumerate(network.trainable_variables):
    weight.assign(np.random.default_rng(i).normal(0.0, 0.5, weight.shape))


def _outputs(network, spec):
  """Generated tokens and their log-probabilities, or scores: a list of arrays."""
  if isinstance(network, generator_base.Generator):
    samples = network.sample(NUM, SEED)
    return [samples.tokens.numpy(), samples.log_probs.numpy()]
  return [network(tf.constant(tiny.batch(spec, NUM))).numpy()]


def _assert_same_outputs(first, second, spec):
  for a, b in zip(_outputs(first, spec), _outputs(second, spec), strict=True):
    np.testing.assert_array_equal(a, b)


@_each_network
def test_keras_saves_loads_clones_and_copies_it(kind, name, tmp_path):
  """Loads it twice in one process."""
  spec = tiny.SPECS["text"]
  network = tiny.network(kind, name, None, spec, seed=3)
  _spread(network)
  network.save(tmp_path / "network.keras")
  loaded = keras.models.load_model(tmp_path / "network.keras")
  for copied in (loaded, keras.models.load_model(tmp_path / "network.keras"), copy.deepcopy(network), copy.deepcopy(loaded)):
    assert copied is not network and type(copied) is type(network)
    assert (copied.spec, copied.config, copied.seed) == (spec, network.config, 3)
    _assert_same_outputs(copied, network, spec)
    assert list(base.variables_of(copied, kind)) == list(base.variables_of(network, kind))
  # Their weights are independent.
  for weight in loaded.trainable_variables:
    weight.assign(weight * 2.0)
  assert any(np.any(a != b) for a, b in zip(_outputs(loaded, spec), _outputs(network, spec), strict=True))
  # A clone has the initial weights of the seed.
  clone = keras.models.clone_model(network)
  for a, b in zip(clone.get_weights(), tiny.network(kind, name, None, spec, seed=3).get_weights(), strict=True):
    np.testing.assert_array_equal(a, b)
  clone.set_weights(network.get_weights())
  if kind == "discriminator":
    _assert_same_outputs(clone, network, spec)


@_each_network
def test_a_weights_file_restores_the_outputs(kind, name, tmp_path):
  spec = tiny.SPECS["text"]
  network, other = (tiny.network(kind, name, None, spec, seed) for seed in (1, 2))
  _spread(network)
  network.save_weights(tmp_path / "network.weights.h5")
  other.load_weights(tmp_path / "network.weights.h5")
  _assert_same_outputs(other, network, spec)


@_each_network
def test_the_config_keeps_precision_and_trainable(kind, name):
  spec = tiny.SPECS["text"]
  before = keras.config.dtype_policy()
  with tiny.half_precision():
    network = tiny.network(kind, name, None, spec)
  network.trainable = False
  loaded = type(network).from_config(json.loads(json.dumps(network.get_config())))
  assert loaded.compute_dtype == "bfloat16" and keras.config.dtype_policy() == before
  assert not loaded.trainable_variables and len(loaded.variables) == len(network.variables)
  _assert_same_outputs(loaded, network, spec)

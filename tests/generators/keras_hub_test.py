"""Tests of tf_textgan.generators.keras_hub and layers.hub_decoder, on tiny presets with random weights."""

import copy
import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny_presets
from tf_textgan import errors
from tf_textgan import presets
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.algorithms import base as algorithms
from tf_textgan.algorithms import mle
from tf_textgan.conformance import fields
from tf_textgan.conformance import networks
from tf_textgan.conformance import tiny
from tf_textgan.data.tokenizers import keras_hub as tokenizers
from tf_textgan.discriminators import keras_hub as discriminators
from tf_textgan.generators import base
from tf_textgan.generators import keras_hub
from tf_textgan.layers import transformer
from tf_textgan.sampling import noise
from tf_textgan.sampling import rollouts

SEED = noise.seed(1)

_each = pytest.mark.parametrize("kind", [kind if kind != "opt" else pytest.param(kind, marks=pytest.mark.slow) for kind in tiny_presets.DECODERS])
# One with positions that are learned, and one with rotary ones and groups of heads.
_two = pytest.mark.parametrize("kind", ["gpt2", "llama"])


def _spec(folder, length=7):
  return tokenizers.read(f"keras_hub:{folder}").spec(length)


def _generator(folder, spec=None, **changes):
  return keras_hub.Generator(spec or _spec(folder), keras_hub.Config(folder, **changes), seed=1)


@pytest.fixture
def specs(monkeypatch, preset_folder, kind):
  """The laws' specs, of the preset's vocabulary; the laws' name of the generator."""
  folder = preset_folder(kind)
  text = dataclasses.replace(_spec(folder), length=6)
  monkeypatch.setitem(tiny.SPECS, "text", text)
  monkeypatch.setitem(tiny.SPECS, "fixed", sequences.Spec(text.vocab_size, 6, start_token=1))
  return f"keras_hub:{folder}"


@_each
def test_the_laws_of_autoregressive_generators(specs, kind):
  for spec in tiny.SPECS.values():
    networks.test_samples_are_sequences_of_the_spec(specs, spec, None)
    networks.test_teacher_forcing_equals_single_steps(specs, spec)
    networks.test_a_state_at_a_position_is_the_state_after_so_many_inputs(specs, spec)
  networks.test_samples_are_a_function_of_the_seed_in_eager_mode_and_compiled(specs)
  networks.test_log_probs_of_samples_equal_teacher_forcing(specs)
  networks.test_its_likelihood_is_what_it_says(specs)
  networks.test_each_sequence_is_completed_from_its_own_position(specs)
  networks.test_a_generator_is_conditioned_on_a_category_or_refuses_a_spec_with_categories("keras_hub")


@_two
def test_the_laws_of_relaxed_samples_temperatures_and_weights(specs, kind, tmp_path):
  networks.test_the_relaxed_sample_passes_a_gradient_to_every_weight(specs)
  networks.test_dividing_the_logits_is_a_temperature(specs, tiny.SPECS["text"])
  networks.test_a_weights_file_restores_the_outputs("generator", specs, tmp_path)
  networks.test_the_config_keeps_precision_and_trainable("generator", specs)


@_two
def test_keras_loads_and_copies_it_if_the_preset_may_be_read(preset_folder, kind, tmp_path):
  """A file of Keras may name any folder, so that Keras must be told to trust it."""
  generator = _generator(preset_folder(kind), lora_rank=2)
  for i, weight in enumerate(generator.trainable_variables):
    weight.assign(np.random.default_rng(i).normal(0.0, 0.5, weight.shape))
  generator.save(tmp_path / "network.keras")
  with pytest.raises(errors.UserError, match="Requested the loading of a [a-z]+ file outside of the model archive$"):
    keras.models.load_model(tmp_path / "network.keras")
  loaded = keras.models.load_model(tmp_path / "network.keras", safe_mode=False)
  for copied in (loaded, copy.deepcopy(generator), generator.clone()):
    assert copied.config == generator.config and copied is not generator
    np.testing.assert_array_equal(copied.sample(20, SEED).log_probs, generator.sample(20, SEED).log_probs)


@_each
def test_logits_are_those_of_kerashubs_language_model(preset_folder, kind):
  """By its own cached decoding, too, which `generate` of KerasHub uses."""
  folder = preset_folder(kind)
  generator, models = _generator(folder, _spec(folder, 5)), tiny_presets.package().models
  names = {"gpt2": "GPT2", "opt": "OPT", "llama": "Llama", "gemma": "Gemma"}[kind]
  model = getattr(models, f"{names}CausalLM")(models.Backbone.from_preset(folder))
  tokenizer = tokenizers.read(f"keras_hub:{folder}")
  tokens = tokenizer.encode(tiny_presets.SENTENCES[:3], 5)
  logits = generator(tf.constant(tokens), tf.zeros([3, 0])).numpy()
  ids = np.concatenate([np.full([3, 1], tokenizer.special[0]), tokens[:, :-1] - 4], axis=1)
  assert ids.min() >= 0  # No special token among them.
  expected = model({"token_ids": ids, "padding_mask": np.ones_like(ids)}).numpy()
  decoded = model.call_with_cache(ids, model._build_cache(ids)[1], 0)[0].numpy()
  allowed = [i for i in range(4, tokenizer.size) if i not in tokenizer.spec(5).forbidden_tokens]
  for theirs in (expected, decoded):
    np.testing.assert_allclose(logits[:, :, allowed], theirs[:, :, np.array(allowed) - 4], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(logits[:, :, 2], theirs[:, :, tokenizer.special[1]], rtol=1e-4, atol=1e-4)
  assert (logits[:, :, list(tokenizer.spec(5).forbidden_tokens)] < -1e8).all()


def test_a_gpt2_that_transformers_has_saved(tmp_path):
  safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed; pip install .[keras-hub]")
  folder = tiny_presets.write(tmp_path / "own", "gpt2", intermediate_dim=64)
  generator, layers = _generator(folder), {}
  backbone = generator.backbone
  layers["wte.weight"], layers["wpe.weight"] = backbone.token_embedding.embeddings, backbone.position_embedding.position_embeddings
  layers["ln_f.weight"], layers["ln_f.bias"] = backbone.layer_norm.gamma, backbone.layer_norm.beta
  for i, block in enumerate(backbone.transformer_layers):
    attention = block._self_attention_layer
    for name, norm in (("ln_1", block._self_attention_layer_norm), ("ln_2", block._feedforward_layer_norm)):
      layers[f"h.{i}.{name}.weight"], layers[f"h.{i}.{name}.bias"] = norm.gamma, norm.beta
    parts = [attention.query_dense, attention.key_dense, attention.value_dense]
    layers[f"h.{i}.attn.c_attn.weight"] = np.concatenate([np.reshape(part.kernel, [16, 16]) for part in parts], axis=1)
    layers[f"h.{i}.attn.c_attn.bias"] = np.concatenate([np.reshape(part.bias, [16]) for part in parts])
    dense = {"attn.c_proj": attention.output_dense, "mlp.c_fc": block._feedforward_intermediate_dense, "mlp.c_proj": block._feedforward_output_dense}
    for name, layer in dense.items():
      layers[f"h.{i}.{name}.weight"], layers[f"h.{i}.{name}.bias"] = np.reshape(layer.kernel, [-1, layer.kernel.shape[-1]]), layer.bias
  theirs = tmp_path / "theirs"
  theirs.mkdir()
  safetensors.save_file({name: np.array(value) for name, value in layers.items()}, str(theirs / "model.safetensors"))
  size = backbone.vocabulary_size
  config = {"model_type": "gpt2", "vocab_size": size, "n_layer": 2, "n_head": 4, "n_embd": 16, "n_positions": 40, "resid_pdrop": 0.1}
  (theirs / "config.json").write_text(json.dumps(config))
  (theirs / "vocab.json").write_bytes((tmp_path / "own/assets/tokenizer/vocabulary.json").read_bytes())
  (theirs / "merges.txt").write_bytes((tmp_path / "own/assets/tokenizer/merges.txt").read_bytes())
  assert tokenizers.read(f"keras_hub:{theirs}") == tokenizers.read(f"keras_hub:{folder}")
  tokens = generator.sample(9, SEED).tokens
  np.testing.assert_allclose(_generator(str(theirs)).log_probs(tokens, tf.zeros([9, 0])), generator.log_probs(tokens, tf.zeros([9, 0])), atol=1e-5)


@_two
def test_low_ranks_alone_are_trained(preset_folder, kind):
  plain, low = _generator(preset_folder(kind)), _generator(preset_folder(kind), lora_rank=2)
  tokens, latent = plain.sample(8, SEED).tokens, tf.zeros([8, 0])
  # They begin as no change.
  np.testing.assert_allclose(low.log_probs(tokens, latent), plain.log_probs(tokens, latent), atol=1e-5)
  assert {variable.name for variable in low.trainable_variables} == {"lora_kernel_a", "lora_kernel_b"}
  assert len(low.trainable_variables) == 2 * 2 * 2  # Two blocks, queries and values, two matrices.
  before = {id(variable): variable.numpy() for variable in low.variables}
  algorithm = mle.Algorithm(mle.Config(mle_learning_rate=1e-2), {"generator": low})
  step = tf.function(algorithm.mle_step)
  losses = [step(sequences.Batch(tokens), noise.seed(i), tf.constant(0.0))["nll"] for i in range(12)]
  assert losses[-1] < losses[0] - 0.02
  moved = {variable.name for variable in low.variables if np.any(before[id(variable)] != variable.numpy())}
  assert moved == {"lora_kernel_a", "lora_kernel_b"}
  # Single steps have the changed weights, too.
  samples = low.sample(8, SEED)
  np.testing.assert_allclose(samples.log_probs, low.log_probs(samples.tokens, latent), atol=1e-5)
  again, other = (keras_hub.Generator(low.spec, low.config, seed) for seed in (1, 2))
  assert np.array_equal(again.trainable_variables[0], _generator(preset_folder(kind), lora_rank=2).trainable_variables[0])
  assert np.any(again.trainable_variables[0] != other.trainable_variables[0])


@_two
def test_all_weights_are_trained_without_low_ranks(preset_folder, kind):
  generator = _generator(preset_folder(kind))
  names = {variable.path for variable in generator.trainable_variables}
  assert names == {variable.path for variable in generator.backbone.trainable_variables}
  with tf.GradientTape() as tape:
    loss = tf.reduce_sum(generator.log_probs(generator.sample(8, SEED).tokens, tf.zeros([8, 0])))
  for variable, gradient in zip(generator.trainable_variables, tape.gradient(loss, generator.trainable_variables)):
    assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, variable.path


@_each
def test_dropout_is_a_function_of_the_seed_and_off_without_one(preset_folder, kind):
  plain, dropping = _generator(preset_folder(kind)), _generator(preset_folder(kind), dropout=0.5)
  tokens, latent = plain.sample(20, SEED).tokens, tf.zeros([20, 0])
  np.testing.assert_array_equal(plain.outputs(tokens, latent), dropping.outputs(tokens, latent))
  np.testing.assert_array_equal(plain.outputs(tokens, latent), plain.outputs(tokens, latent, seed=SEED))
  dropped = dropping.outputs(tokens, latent, seed=SEED)
  np.testing.assert_array_equal(dropped, dropping.outputs(tokens, latent, seed=SEED))
  assert np.any(dropped != dropping.outputs(tokens, latent, seed=noise.seed(2))) and np.any(dropped != plain.outputs(tokens, latent))


@_two
def test_rollouts_go_on_from_states_of_different_positions(preset_folder, kind):
  """The mean reward of completions is its expectation, by the probabilities of teacher forcing."""
  folder = preset_folder(kind)
  spec = _spec(folder, 3)
  generator = _generator(folder, spec)
  tokens = generator.sample(2, SEED).tokens
  reward = lambda ids: tf.cast(ids[:, 2] % 7, tf.float32)  # noqa: E731
  history = generator.prefill(tokens, tf.zeros([2, 0]))
  state_at = lambda positions, rows: generator.state_at(history, positions, rows)  # noqa: E731
  found = tf.function(lambda: rollouts.rewards(generator.step, state_at, reward, tokens, 3000, SEED, chunk=2000))()
  probs = tf.nn.softmax(generator(tokens, tf.zeros([2, 0])))[:, 2]
  expected = tf.reduce_sum(probs * reward(tf.tile(tf.range(spec.vocab_size)[:, None], [1, 3])), axis=1)
  np.testing.assert_allclose(found[:, 1], expected, atol=0.2)


def test_bfloat16_keeps_float32_weights(preset_folder):
  with tiny.half_precision():
    generator = _generator(preset_folder("llama"))
  samples = generator.sample(30, SEED)
  assert {variable.dtype for variable in generator.trainable_variables} == {"float32"} and generator.compute_dtype == "bfloat16"
  single = _generator(preset_folder("llama")).log_probs(samples.tokens, samples.latent)
  np.testing.assert_allclose(generator.log_probs(samples.tokens, samples.latent), single, atol=0.3)
  assert np.mean(np.abs(samples.log_probs - single)) < 0.05


def test_large_caches_are_made_for_fewer_sequences_together(preset_folder, monkeypatch):
  generator = _generator(preset_folder("llama"))
  assert generator.rows_together == 512
  # A sequence has 7 tokens, 2 blocks, keys and values of 2 groups of 4.
  monkeypatch.setattr(transformer, "_CACHED", 7 * 2 * 2 * 2 * 4 * 10)
  assert generator.rows_together == 10
  np.testing.assert_array_equal(generator.write(15, SEED).tokens[:10], generator.sample(10, noise.fold(SEED, 0)).tokens)


_TRAINABLE = [name for name in tiny.ALGORITHMS if registry.load("tf_textgan.algorithms", name).GENERATOR_KIND is base.Autoregressive]
_QUICK = ("seqgan", "gsgan")


@pytest.mark.parametrize("name", [name if name in _QUICK else pytest.param(name, marks=pytest.mark.slow) for name in _TRAINABLE])
def test_every_algorithm_of_token_by_token_generators_trains_it(preset_folder, name):
  module, folder = registry.load("tf_textgan.algorithms", name), preset_folder("gpt2")
  spec = _spec(folder, 6)
  networks = {"generator": _generator(folder, spec)}
  if module.DISCRIMINATOR:
    networks["discriminator"] = tiny.network("discriminator", *module.DISCRIMINATOR, spec)
  algorithm = module.Algorithm(tiny.shrink(module.Config()), networks, 1)
  real = sequences.Batch(tf.constant(tokenizers.read(f"keras_hub:{folder}").encode(tiny_presets.SENTENCES[:4] * 2, 6)))
  for update in tiny.updates(algorithm).values():
    algorithm.begin(update.name)
    before = algorithm.generator.get_weights()
    metrics = tf.function(update.train_step)(real, SEED, tf.constant(0.5))
    assert all(np.isfinite(value) for value in metrics.values()), metrics
    moved = any(np.any(a != b) for a, b in zip(before, algorithm.generator.get_weights()))
    assert moved or update.name not in ("mle", "generator")
  assert isinstance(algorithm, algorithms.Algorithm)


@pytest.mark.parametrize("lora_rank", [0, 2])
def test_two_replicas_compute_what_one_does(preset_folder, lora_rank, two_replicas):
  folder = preset_folder("gpt2")
  tokens = _generator(folder).sample(8, SEED).tokens

  def trained(strategy):
    with strategy.scope():
      algorithm = mle.Algorithm(mle.Config(), {"generator": _generator(folder, lora_rank=lora_rank)})
    replicas = strategy.num_replicas_in_sync
    share = lambda context: sequences.Batch(tf.split(tokens, replicas)[context.replica_id_in_sync_group])  # noqa: E731
    parts = strategy.experimental_distribute_values_from_function(share)
    tf.function(lambda batch: strategy.run(algorithm.mle_step, (batch, SEED, tf.constant(0.0))))(parts)
    # A bias of keys changes no score, so that its gradient is rounding alone, which Adam makes large.
    return [variable.numpy() for variable in algorithm.generator.weights if not variable.path.endswith("key/bias")]

  for a, b in zip(trained(tf.distribute.OneDeviceStrategy("CPU:0")), trained(two_replicas), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
  ("kind", "changes", "message"),
  [
    ("bert", {}, "expected a causal language model: it is KerasHub's BertBackbone, none of GPT2Backbone, OPTBackbone, LlamaBackbone, GemmaBackbone$"),
    ("gemma", {"final_logit_soft_cap": 30.0}, "expected a causal language model: it is a Gemma 2, whose logits are capped, and not a first Gemma$"),
  ],
)
def test_other_architectures_are_refused(preset_folder, tmp_path, kind, changes, message):
  folder = tiny_presets.write(tmp_path, kind, **changes) if changes else preset_folder(kind)
  with pytest.raises(errors.UserError, match=message):
    _generator(folder)


def test_settings_out_of_range_and_no_preset_are_refused(preset_folder):
  for changes, message in (({"lora_rank": -1}, "lora_rank must be at least 0, not -1$"), ({"dropout": 1.0}, "dropout must be at least 0 and below")):
    with pytest.raises(errors.UserError, match=message):
      keras_hub.Config(**changes)
  with pytest.raises(errors.UserError, match=f"^the generator keras_hub is made of a model of KerasHub: expected {presets.SPELLING}$"):
    keras_hub.Generator(tiny.SPECS["text"], keras_hub.Config())
  with pytest.raises(errors.UserError, match="token ids, but the run's tokenizer has 5; expected the preset's own tokenizer$"):
    _generator(preset_folder("gpt2"), tiny.SPECS["text"])
  assert keras.config.dtype_policy().name == "float32"
  assert not [name for kind in (keras_hub, discriminators) for name in fields.uncommented_fields(kind.Config)]

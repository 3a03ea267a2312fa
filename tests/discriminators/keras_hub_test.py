"""Tests of tf_textgan.discriminators.keras_hub, on tiny presets with random weights."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny_presets
from tf_textgan import errors
from tf_textgan import presets
from tf_textgan import sequences
from tf_textgan.algorithms import gad
from tf_textgan.conformance import networks
from tf_textgan.conformance import tiny
from tf_textgan.data.tokenizers import keras_hub as tokenizers
from tf_textgan.discriminators import keras_hub
from tf_textgan.generators import keras_hub as generators
from tf_textgan.sampling import noise

SEED = noise.seed(1)
KINDS = (*tiny_presets.ENCODERS, *tiny_presets.DECODERS)

_QUICK = ("bert", "llama")
_each = pytest.mark.parametrize("kind", [kind if kind in _QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS])


@pytest.fixture
def tokenizer(preset_folder, kind):
  return tokenizers.read(f"keras_hub:{preset_folder(kind)}")


@_each
def test_the_laws_of_discriminators(preset_folder, tokenizer, kind, monkeypatch, tmp_path):
  name, text = f"keras_hub:{preset_folder(kind)}", tokenizer.spec(6)
  monkeypatch.setitem(tiny.SPECS, "text", text)
  monkeypatch.setitem(tiny.SPECS, "fixed", sequences.Spec(text.vocab_size, 6, start_token=1))
  for spec in tiny.SPECS.values():
    networks.test_ids_and_their_one_hot_points_score_equally(name, spec)
  networks.test_scores_do_not_depend_on_the_rest_of_the_batch(name)
  networks.test_dropout_is_a_function_of_the_seed_and_off_without_one(name)
  networks.test_the_score_passes_a_gradient_to_points_and_every_weight(name)
  networks.test_a_weights_file_restores_the_outputs("discriminator", name, tmp_path)
  networks.test_the_config_keeps_precision_and_trainable("discriminator", name)


@_each
def test_the_score_is_of_the_mean_of_kerashubs_outputs(preset_folder, tokenizer, kind):
  folder = preset_folder(kind)
  discriminator = keras_hub.Discriminator(tokenizer.spec(20), keras_hub.Config(folder), seed=1)
  backbone = tiny_presets.package().models.Backbone.from_preset(folder)
  tokens = tokenizer.encode(tiny_presets.SENTENCES[:2], 20)
  scores = discriminator(tf.constant(tokens)).numpy()
  for row, score in zip(tokens, scores):
    start, end, _ = tokenizer.special
    ids = np.array([[start, *(token - 4 for token in row if token > 2), end]])
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids), "segment_ids": np.zeros_like(ids)}
    outputs = backbone({name: inputs[name] for name in backbone.input})
    outputs = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
    mean = np.mean(outputs, axis=1, where=(np.arange(ids.shape[1]) > 0)[None, :, None])
    np.testing.assert_allclose(score, (mean @ discriminator.score.kernel.numpy())[0, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_low_ranks_and_the_score_alone_are_trained(preset_folder, tokenizer, kind):
  discriminator = keras_hub.Discriminator(tokenizer.spec(7), keras_hub.Config(preset_folder(kind), lora_rank=2), seed=1)
  assert {variable.name for variable in discriminator.trainable_variables} == {"lora_kernel_a", "lora_kernel_b", "kernel", "bias"}
  assert {variable.path for variable in discriminator.trainable_variables if "lora" not in variable.name} == {"score/kernel", "score/bias"}
  plain = keras_hub.Discriminator(tokenizer.spec(7), keras_hub.Config(preset_folder(kind)), seed=1)
  tokens = tf.constant(tokenizer.encode(tiny_presets.SENTENCES[:3], 7))
  np.testing.assert_allclose(discriminator(tokens), plain(tokens), atol=1e-5)


def test_it_judges_the_samples_of_a_generator_of_the_same_preset(preset_folder):
  folder = preset_folder("gpt2")
  tokenizer = tokenizers.read(f"keras_hub:{folder}")
  made = {
    "generator": generators.Generator(tokenizer.spec(6), generators.Config(folder, lora_rank=2)),
    "discriminator": keras_hub.Discriminator(tokenizer.spec(6), keras_hub.Config(folder)),
  }
  algorithm = gad.Algorithm(tiny.shrink(gad.Config()), made, 1)
  real = sequences.Batch(tf.constant(tokenizer.encode(tiny_presets.SENTENCES[:4] * 2, 6)))
  for update in tiny.updates(algorithm).values():
    algorithm.begin(update.name)
    before = [network.get_weights() for network in made.values()]
    metrics = tf.function(update.train_step)(real, SEED, tf.constant(0.5))
    assert all(np.isfinite(value) for value in metrics.values()), metrics
    moved = [any(np.any(a != b) for a, b in zip(old, network.get_weights())) for old, network in zip(before, made.values())]
    assert moved == [update.name != "discriminator", update.name == "discriminator"]


def test_other_models_and_settings_are_refused(preset_folder, tmp_path):
  models = tiny_presets.package().models
  folder = preset_folder("bert")
  spec = tokenizers.read(f"keras_hub:{folder}").spec(7)
  with pytest.raises(errors.UserError, match=f"^the discriminator keras_hub is made of a model of KerasHub: expected {presets.SPELLING}$"):
    keras_hub.Discriminator(spec, keras_hub.Config())
  with pytest.raises(errors.UserError, match="has 40 positions, but the run needs 41; expected a smaller --max_length$"):
    keras_hub.Discriminator(dataclasses.replace(spec, length=40), keras_hub.Config(folder))
  with pytest.raises(errors.UserError, match="lora_rank must be at least 0, not -1$"):
    keras_hub.Config(lora_rank=-1)
  sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 16}
  with pytest.raises(ValueError, match="^its inputs are decoder_padding_mask, decoder_token_ids, encoder_padding_mask, encoder_token_ids$"):
    keras_hub._parted(models.BartBackbone(vocabulary_size=11, **sizes))

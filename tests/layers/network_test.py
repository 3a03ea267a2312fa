"""Tests of tf_textgan.layers.network: networks as Keras models; every generator and discriminator is saved in tests/conformance."""

import copy
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import shell
from tests.algorithms import judges
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import ensemble as ensemble_lib
from tf_textgan.discriminators import generator_lstm
from tf_textgan.generators import ensemble as combined
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

SPEC = tiny.SPECS["text"]
SEED = noise.seed(1)
TOKENS = tf.constant(tiny.batch(SPEC, 8))


def _generator(seed=0, **changes):
  return lstm.Generator(SPEC, lstm.Config(**{"embedding_size": 4, "hidden_size": 5, "init_stddev": 0.5, **changes}), seed)


def test_the_configuration_is_plain():
  spec, config = tiny.LABELLED_SPEC, lstm.Config(embedding_size=4, hidden_size=5)
  assert lstm.Generator(spec, config, 7).get_config() == {
    "name": "generator",
    "trainable": True,
    "dtype": "float32",
    "spec": {
      "vocab_size": 9, "length": 6, "start_token": 1, "end_token": 2, "forbidden_tokens": [0, 1], "categories": ["a", "b", "c"], "source_length": 0,
    },  # fmt: skip
    "config": {
      "embedding_size": 4, "hidden_size": 5, "latent_size": 0, "init_stddev": 0.1, "initialization": "normal", "dropout": 0.0, "layers": 1,
      "tied": False,
    },  # fmt: skip
    "seed": 7,
    "attachment": None,
  }
  assert keras.saving.get_registered_name(lstm.Generator) == "tf_textgan>generators.lstm.Generator"


def test_an_ensemble_of_discriminators_is_saved_with_its_members(tmp_path):
  ensemble = ensemble_lib.make(generator_lstm.Discriminator, SPEC, generator_lstm.Config(head_size=4), size=2)
  ensemble.attach({"generator": _generator()})
  ensemble.begin()
  ensemble.save(tmp_path / "ensemble.keras")
  for copied in (keras.models.load_model(tmp_path / "ensemble.keras"), copy.deepcopy(ensemble)):
    np.testing.assert_array_equal(copied.training_scores(TOKENS)[0], ensemble.training_scores(TOKENS)[0])
    # It can go on with a generator.
    copied.attach({"generator": _generator(1)})
    np.testing.assert_array_equal(copied(TOKENS), ensemble(TOKENS))


def test_combined_generators_are_saved_with_their_members(tmp_path):
  generator = combined.Generator([_generator(1, latent_size=3), _generator(2)])
  generator.save(tmp_path / "combined.keras")
  loaded = keras.models.load_model(tmp_path / "combined.keras")
  assert [member.seed for member in loaded.members] == [1, 2]
  np.testing.assert_array_equal(loaded.sample(20, SEED).tokens, generator.sample(20, SEED).tokens)


def test_a_network_without_a_config_says_what_to_override():
  with pytest.raises(NotImplementedError, match="tests.algorithms.judges.LikesToken has no Config; override get_config and from_config"):
    judges.LikesToken(SPEC, 3).get_config()


def test_a_file_is_read_in_a_fresh_process_that_has_imported_the_module(tmp_path):
  generator = _generator()
  generator.save(tmp_path / "generator.keras")
  program = (
    "import sys, keras\nfrom tf_textgan.generators import lstm\nfrom tf_textgan.sampling import noise\n"
    "print(keras.models.load_model(sys.argv[1]).sample(5, noise.seed(1)).tokens.numpy().tolist())"
  )
  fresh = subprocess.run(
    [sys.executable, "-c", program, tmp_path / "generator.keras"], capture_output=True, text=True, env=shell.environment(), timeout=120
  )
  assert fresh.stdout.strip() == str(generator.sample(5, SEED).tokens.numpy().tolist()), fresh.stderr


@keras.saving.register_keras_serializable("network_test")
class _Likelihood(keras.layers.Layer):
  """A user's own layer: tokens to the log-probability of each sequence."""

  def __init__(self, generator, **options):
    super().__init__(**options)
    self.generator = generator

  def call(self, tokens):
    return tf.reduce_sum(self.generator.log_probs(tokens, tf.zeros([tf.shape(tokens)[0], 0])), axis=1)

  def get_config(self):
    return super().get_config() | {"generator": keras.saving.serialize_keras_object(self.generator)}

  @classmethod
  def from_config(cls, config):
    return cls(keras.saving.deserialize_keras_object(config.pop("generator")), **config)


def test_a_generator_in_a_layer_of_the_users_is_fitted_and_saved(tmp_path):
  tokens = keras.Input([SPEC.length], dtype="int32")
  model = keras.Model(tokens, _Likelihood(_generator())(tokens))
  model.compile(keras.optimizers.Adam(0.01), loss=lambda _, log_prob: -log_prob)
  before = model.predict(TOKENS, verbose=0).mean()
  model.fit(TOKENS, tf.zeros([8]), epochs=5, shuffle=False, verbose=0)
  scores = model.predict(TOKENS, verbose=0)
  assert scores.mean() > before + 0.1
  model.save(tmp_path / "model.keras")
  loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
  np.testing.assert_array_equal(loaded.predict(TOKENS, verbose=0), scores)

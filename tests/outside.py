"""Parts from outside the library as a user writes them: a package in a folder, with a module for each kind."""

import pathlib
import sys

_MODULES = {
  "generator": '''
"""An LSTM with a setting more."""
import dataclasses
from tf_textgan.generators import lstm

@dataclasses.dataclass(frozen=True)
class Config(lstm.Config):
  """Sizes."""

  # How the generator is painted.
  colour: str = "red"

class Generator(lstm.Generator):
  """See the module."""
''',
  "discriminator": '''
"""Mean embedding, scored."""
import dataclasses
import keras
import tensorflow as tf
from tf_textgan.discriminators import base

@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes."""

  # Numbers in a token's embedding.
  embedding_size: int = 8

class Discriminator(base.Discriminator):
  """See the module."""

  def __init__(self, spec, config, seed=0):
    super().__init__(spec, config, seed)
    shape = (spec.vocab_size, config.embedding_size)
    self.embedding = self.add_weight(shape, keras.initializers.RandomUniform(-1.0, 1.0, seed=seed), name="embedding")
    self.positions = self.add_weight((spec.length,), keras.initializers.RandomUniform(0.5, 1.0, seed=seed + 1), name="positions")
    self.built = True

  def call(self, inputs, context=None, seed=None):
    embedded = base.embed(inputs, tf.convert_to_tensor(self.embedding))
    return tf.reduce_sum(tf.reduce_sum(embedded, axis=2) * self.positions, axis=1)
''',
  "algorithm": '''
"""Maximum likelihood with a setting more."""
import dataclasses
from {package} import generator
from tf_textgan.algorithms import mle

@dataclasses.dataclass(frozen=True)
class Config(mle.Config):
  """Settings."""

  # A number that does nothing.
  luck: float = 0.5

GENERATOR = ("{package}.generator", generator.Config(hidden_size=9))
DISCRIMINATOR = None
GENERATOR_KIND = mle.GENERATOR_KIND

class Algorithm(mle.Algorithm):
  """See the module."""
''',
  "dataset": '''
"""Three words in every order, many times."""
import dataclasses
import itertools
from tf_textgan.data import corpus
from tf_textgan.data import text_config

@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes."""

  # How often every sentence occurs.
  copies: int = 10

def load(config, data_dir=None, tokenizer=None, length=None):
  """See the module."""
  sentences = [" ".join(words) for words in itertools.permutations("abc")] * config.copies
  return corpus.encode("permutations", {split: sentences for split in corpus.SPLITS}, text_config.TextConfig(), tokenizer=tokenizer, length=length)
''',
  "tokenizer": '''
"""Bytes. TensorFlow has no operation that reads them back as text, so there is no twin in a graph."""
import dataclasses
import numpy as np
from tf_textgan.data.tokenizers import base

@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Tokenizer):
  """See the module."""

  lowercase: bool
  size: int = 260

  @classmethod
  def build(cls, sentences, config):
    return cls(config.lowercase)

  def tokenize(self, sentence):
    return [byte + 4 for byte in (sentence.lower() if self.lowercase else sentence).encode()]

  def decode(self, tokens):
    rows = np.asarray(tokens).tolist()
    return [bytes(i - 4 for i in (row + [base.EOS])[: (row + [base.EOS]).index(base.EOS)] if i >= 4).decode(errors="replace") for row in rows]

  def to_json(self):
    return {"lowercase": self.lowercase}

  @classmethod
  def from_json(cls, fields):
    return cls(fields["lowercase"])
''',
  "encoder": '''
"""The number of letters and of words."""
from tf_textgan.encoders import base

class Encoder(base.Encoder):
  """See the module."""

  def __init__(self, scale="1"):
    super().__init__("lengths", 2)
    self.scale = float(scale)

  def encode(self, sentences):
    return [[self.scale * len(sentence), self.scale * len(sentence.split())] for sentence in sentences]
''',
  "reward": '''
"""Whether sentences are polite."""

def politeness(sentences):
  return [float("please" in sentence.split()) for sentence in sentences]
''',
  "builder": '''
"""A TFDS dataset."""
import tensorflow_datasets as tfds

class {builder}(tfds.core.GeneratorBasedBuilder):
  """Forty sentences."""

  VERSION = tfds.core.Version("1.0.0")

  def _info(self):
    return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({{"text": tfds.features.Text()}}), disable_shuffling=True)

  def _split_generators(self, dl_manager):
    return {{"train": self._generate_examples()}}

  def _generate_examples(self):
    for i in range(40):
      yield i, {{"text": f"a {{'xyz'[i % 3]}} b"}}
''',
}


def write(folder, package):
  """Writes a package of a user's parts into a folder.

  Returns:
    Kind to dotted name; the kinds are generator, discriminator, algorithm, dataset, tokenizer, encoder, reward and builder.
  """
  place = pathlib.Path(folder) / package
  place.mkdir()
  builder = package.title().replace("_", "")
  for kind, source in _MODULES.items():
    if kind in ("algorithm", "builder"):
      source = source.format(package=package, builder=builder)
    (place / f"{kind}.py").write_text(source.lstrip(), encoding="utf-8")
  return {kind: f"{package}.{kind}" for kind in _MODULES}


def forget(package):
  """Drops a package's modules, as a new process has none."""
  for name in imported(package):
    del sys.modules[name]


def imported(package):
  """Names of a package's modules that this process has imported."""
  return [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]

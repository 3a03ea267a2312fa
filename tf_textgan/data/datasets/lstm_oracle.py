"""SeqGAN's synthetic task: sequences drawn from an LSTM with random parameters, with exact log-probabilities."""

import dataclasses
import hashlib
import typing

import numpy as np
import tensorflow_datasets as tfds

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import files
from tf_textgan import sequences
from tf_textgan.data import corpus
from tf_textgan.data import oracle
from tf_textgan.data import prepare
from tf_textgan.data.tokenizers import integer


@dataclasses.dataclass(frozen=True)
class Config:
  """The oracle and the size of its corpus."""

  # tokens in a sequence; published results use 20 and 40
  length: int = 20
  # number of different tokens
  vocab_size: int = 5000
  # training sequences
  num_train: int = 10000
  # validation sequences; 2,000 measure a model's likelihood to within .01 nats per token
  num_validation: int = 2000
  # test sequences
  num_test: int = 10000
  # seed of the oracle's parameters and of the sequences drawn from it
  oracle_seed: int = 0
  # .npz file with the oracle's parameters; empty for random ones
  oracle_file: str = ""


@dataclasses.dataclass
class _BuilderConfig(tfds.core.BuilderConfig):
  settings: Config = dataclasses.field(default_factory=Config)


class LstmOracle(tfds.core.GeneratorBasedBuilder):
  """Draws the sequences once and stores them."""

  VERSION = tfds.core.Version("1.0.0")
  RELEASE_NOTES: typing.ClassVar = {"1.0.0": "Initial release."}

  def _info(self):
    settings = _settings(self)
    return tfds.core.DatasetInfo(
        builder=self,
        description="Token sequences drawn from an LSTM with N(0, 1) parameters, the synthetic benchmark of text GANs.",
        features=tfds.features.FeaturesDict({"tokens": tfds.features.Tensor(shape=(settings.length,), dtype=np.int32)}),
        homepage="https://arxiv.org/abs/1609.05473",
        citation="""@inproceedings{yu2017seqgan,
  title={{SeqGAN}: Sequence Generative Adversarial Nets with Policy Gradient},
  author={Yu, Lantao and Zhang, Weinan and Wang, Jun and Yu, Yong},
  booktitle={AAAI Conference on Artificial Intelligence},
  year={2017}}""",
        disable_shuffling=True)

  def _split_generators(self, dl_manager):
    settings = _settings(self)
    sizes = zip(corpus.SPLITS, (settings.num_train, settings.num_validation, settings.num_test))
    return {split: self._generate_examples(settings, num, stream) for stream, (split, num) in enumerate(sizes)}

  def _generate_examples(self, settings, num, stream):
    """Yields `num` sequences; every split has its own random stream."""
    truth = _oracle(settings)
    for start in range(0, num, 2048):
      for i, tokens in enumerate(truth.sample(min(2048, num - start), seed=(settings.oracle_seed, stream, start))):
        yield start + i, {"tokens": tokens}


def load(
    config: Config, data_dir: str | None = None, tokenizer: integer.Tokenizer | None = None, length: int | None = None,
) -> corpus.Corpus:
  """Prepares and reads the corpus.

  Args:
    config: a `Config`.
    data_dir: where TFDS keeps prepared datasets; None for its default.
    tokenizer: a resumed run's tokenizer, which must equal the config's; None otherwise.
    length: a resumed run's sequence length, which must equal the config's; None otherwise.

  Returns:
    A `corpus.Corpus` with its `truth`.

  Raises:
    UserError: an oracle file that does not fit, a size out of range, or a tokenizer or length other than the config's.
  """
  for name, least in (("length", 1), ("vocab_size", 2), ("num_train", 2), ("num_validation", 1), ("num_test", 1)):
    if getattr(config, name) < least:
      raise errors.UserError(f"{name} must be at least {least}, not {getattr(config, name)}")
  for name, most in (("length", sequences.LONGEST), ("vocab_size", sequences.LARGEST_VOCABULARY)):
    if getattr(config, name) > most:
      raise errors.UserError(f"{name} must be at most {most}, not {getattr(config, name)}")
  checks.seed(config, "oracle_seed")
  wanted = integer.Tokenizer(config.vocab_size)
  if (tokenizer or wanted) != wanted or (length or config.length) != config.length:
    raise errors.UserError(
        f"the oracle has {config.vocab_size} tokens and sequences of {config.length}, but the saved tokenizer is {tokenizer} and the "
        f"saved length {length}")
  truth = _oracle(config)  # First: a wrong file then has its own message.
  builder_config = _BuilderConfig(name=_config_name(config), settings=config)
  builder = prepare.prepare(lambda: LstmOracle(data_dir=data_dir, config=builder_config))
  tokens = {split: np.concatenate(list(prepare.read(builder, split, lambda example: example["tokens"]))) for split in corpus.SPLITS}
  return corpus.Corpus("lstm_oracle", wanted.spec(config.length), wanted, tokens, truth)


def _settings(builder):
  return builder.builder_config.settings if builder.builder_config else Config()


def _oracle(config):
  if config.oracle_file:
    parameters = oracle.read_parameters(config.oracle_file, config.vocab_size)
  else:
    parameters = oracle.random_parameters(config.vocab_size, config.oracle_seed)
  return oracle.LstmOracle(parameters, config.length)


def _config_name(config):
  """A name that contains everything the sequences depend on."""
  source = "random"
  if config.oracle_file:
    with files.open_regular(config.oracle_file) as file:
      source = hashlib.file_digest(file, "sha256").hexdigest()[:12]
  sizes = "-".join(map(str, (config.num_train, config.num_validation, config.num_test)))
  return f"{source}-seed{config.oracle_seed}-length{config.length}-vocab{config.vocab_size}-{sizes}"

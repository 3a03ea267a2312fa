"""EMNLP 2017 WMT News: some 270,000 sentences of at most 51 words, as distributed with Texygen, already split into words.

Texygen and TextGAN-PyTorch lower-case the sentences, ScratchGAN and "Language GANs Falling Short" keep the capitals, as the default does here.
The download has no validation file: the last lines of the training file are held out instead.

The checksums of the downloaded files are not recorded here. After a download,
`tfds build tf_textgan/data/datasets/emnlp_news.py --register_checksums` adds them to `checksums.tsv`, and later downloads are compared with them.
"""

import dataclasses
import glob
import os
import typing

import tensorflow_datasets as tfds

from tf_textgan import errors
from tf_textgan.data import corpus
from tf_textgan.data import prepare
from tf_textgan.data import text_config
from tf_textgan.data import text_files
from tf_textgan.data.tokenizers import base as tokenizers

_SOURCE = "https://raw.githubusercontent.com/geek-ai/Texygen/master/data/"
URLS = {"train": _SOURCE + "emnlp_news.txt", "test": _SOURCE + "testdata/test_emnlp.txt"}


@dataclasses.dataclass(frozen=True)
class Config:
  """Source of the sentences, held-out lines, vocabulary and length."""

  # folder with emnlp_news_train*.txt, emnlp_news_test.txt and optionally emnlp_news_valid.txt; empty to download them
  data_folder: str = ""
  # lines held out from the end of the training file if there is no validation file
  num_validation: int = 10000
  # lower-case the text
  lowercase: bool = False
  # words seen fewer times in the training split become <unk>
  min_count: int = 1
  # maximum size of the vocabulary, with its 4 special tokens; 0 keeps all
  max_vocab_size: int = 0
  # maximum number of tokens in a sequence, the end token included; longer sentences are dropped; 0 for the longest sentence
  max_length: int = 0


@dataclasses.dataclass
class _BuilderConfig(tfds.core.BuilderConfig):
  paths: dict[str, tuple[str, ...]] | None = None


class EmnlpNews(tfds.core.GeneratorBasedBuilder):
  """Stores the sentences of the published files, in order."""

  VERSION = tfds.core.Version("1.0.0")
  RELEASE_NOTES: typing.ClassVar = {"1.0.0": "Initial release."}

  def _info(self):
    return tfds.core.DatasetInfo(
        builder=self,
        description="News sentences of the EMNLP 2017 conference on machine translation (WMT17), chosen by the authors of Texygen.",
        features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
        homepage="https://github.com/geek-ai/Texygen",
        citation="""@inproceedings{guo2018long,
  title={Long Text Generation via Adversarial Training with Leaked Information},
  author={Guo, Jiaxian and Lu, Sidi and Cai, Han and Zhang, Weinan and Yu, Yong and Wang, Jun},
  booktitle={AAAI Conference on Artificial Intelligence},
  year={2018}}""",
        disable_shuffling=True)

  def _split_generators(self, dl_manager):
    paths = self.builder_config.paths if self.builder_config else None
    paths = paths or {split: (path,) for split, path in dl_manager.download(URLS).items()}
    return {split: self._generate_examples(some) for split, some in paths.items()}

  def _generate_examples(self, paths):
    """Yields the sentences of some files."""
    number = 0
    for path in paths:
      for line in text_files.lines(path):
        yield number, {"text": line}
        number += 1


def load(
    config: Config, data_dir: str | None = None, tokenizer: tokenizers.Tokenizer | None = None, length: int | None = None,
) -> corpus.Corpus:
  """Prepares and reads the corpus.

  Args:
    config: a `Config`.
    data_dir: where TFDS keeps prepared datasets; None for its default.
    tokenizer: an existing tokenizer to encode with.
    length: the sequence length that goes with it.

  Returns:
    A `corpus.Corpus`.

  Raises:
    UserError: a file is missing or cannot be downloaded, or too many lines would be held out.
  """
  options = text_config.TextConfig(
      lowercase=config.lowercase, min_count=config.min_count, max_vocab_size=config.max_vocab_size, max_length=config.max_length)
  text_config.check(options)
  paths = _find(config.data_folder) if config.data_folder else None
  name = text_files.fingerprint(path for some in paths.values() for path in some) if paths else "texygen"
  builder_config = _BuilderConfig(name=name, paths=paths)
  builder = prepare.prepare(
      lambda: EmnlpNews(data_dir=data_dir, config=builder_config), hint="check the network, or pass --data_folder with its files")
  splits = {split: split for split in ("train", "validation", "test")}
  if "validation" not in builder.info.splits:
    num = builder.info.splits["train"].num_examples
    if not 1 <= config.num_validation <= num - 2:
      raise errors.UserError(
          f"num_validation must be from 1 to {num - 2}, because there are {num} training lines, not {config.num_validation}")
    kept = num - config.num_validation
    splits |= {"train": f"train[:{kept}]", "validation": f"train[{kept}:]"}
  return text_config.encode("emnlp_news", builder, splits, options, tokenizer=tokenizer, length=length)


def _find(folder):
  """The files of each split in a folder."""
  train = sorted(glob.glob(os.path.join(glob.escape(folder), "emnlp_news_train*.txt")))
  if not train:
    raise errors.UserError(f"there is no file emnlp_news_train*.txt in the data_folder {folder}")
  paths = {"train": tuple(train), "test": (os.path.join(folder, "emnlp_news_test.txt"),)}
  validation = os.path.join(folder, "emnlp_news_valid.txt")
  if os.path.exists(validation):
    paths["validation"] = (validation,)
  for path in train + list(paths["test"]):
    text_files.check(path)
  return paths

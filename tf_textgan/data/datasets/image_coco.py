"""Image COCO captions: 10,000 training and 10,000 test sentences, the common benchmark of text GANs, as distributed with Texygen.

Published results train on all 10,000 lines and have no validation set, so checkpoints were chosen on the test set. Here the last
1,000 lines are held out by default; `num_validation=0` gives the published protocol.
"""

import dataclasses
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
URLS = {"train": _SOURCE + "image_coco.txt", "test": _SOURCE + "testdata/test_coco.txt"}
FILES = {"train": "image_coco_train.txt", "test": "image_coco_test.txt"}


@dataclasses.dataclass(frozen=True)
class Config:
  """Source of the captions, held-out lines, vocabulary and length."""

  # folder with image_coco_train.txt and image_coco_test.txt; empty to download them
  data_folder: str = ""
  # lines held out from the end of the training file; 0 trains on all, as published, and validates on the test file
  num_validation: int = 1000
  # words seen fewer times in the training split become <unk>
  min_count: int = 1
  # maximum number of tokens in a sequence, the end token included; longer captions are dropped; 0 for the longest caption
  max_length: int = 0


@dataclasses.dataclass
class _BuilderConfig(tfds.core.BuilderConfig):
  paths: dict[str, str] | None = None


class ImageCoco(tfds.core.GeneratorBasedBuilder):
  """Stores the captions of the two published files, in order."""

  VERSION = tfds.core.Version("1.1.0")
  RELEASE_NOTES: typing.ClassVar = {"1.0.0": "Initial release.", "1.1.0": "Captions as they stand in the files: the tokenizer splits them."}

  def _info(self):
    return tfds.core.DatasetInfo(
        builder=self,
        description="Captions of COCO images: 10,000 to train on and 10,000 to test on, chosen by the authors of Texygen.",
        features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
        homepage="https://github.com/geek-ai/Texygen",
        citation="""@article{chen2015microsoft,
  title={Microsoft {COCO} Captions: Data Collection and Evaluation Server},
  author={Chen, Xinlei and Fang, Hao and Lin, Tsung-Yi and Vedantam, Ramakrishna and Gupta, Saurabh and Dollar, Piotr and
    Zitnick, C Lawrence},
  journal={arXiv:1504.00325},
  year={2015}}""",
        disable_shuffling=True)

  def _split_generators(self, dl_manager):
    paths = self.builder_config.paths if self.builder_config else None
    paths = paths or dl_manager.download(URLS)
    return {split: self._generate_examples(path) for split, path in paths.items()}

  def _generate_examples(self, path):
    """Yields the captions of one file."""
    for number, line in enumerate(text_files.lines(path)):
      yield number, {"text": line}


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
  # As published: lower-cased, and split into words by NLTK's rules.
  options = text_config.TextConfig(tokenizer="nltk", lowercase=True, min_count=config.min_count, max_length=config.max_length)
  text_config.check(options)
  paths = {split: os.path.join(config.data_folder, name) for split, name in FILES.items()} if config.data_folder else None
  name = "texygen"
  if paths:
    for path in paths.values():
      text_files.check(path)
    name = text_files.fingerprint(paths.values())
  builder_config = _BuilderConfig(name=name, paths=paths)
  builder = prepare.prepare(
      lambda: ImageCoco(data_dir=data_dir, config=builder_config), hint="check the network, or pass --data_folder with its files")
  num = builder.info.splits["train"].num_examples
  if not 0 <= config.num_validation <= num - 2:
    raise errors.UserError(
        f"num_validation must be from 0 to {num - 2}, because there are {num} training lines, not {config.num_validation}")
  kept = num - config.num_validation
  splits = {"train": f"train[:{kept}]", "validation": f"train[{kept}:]" if config.num_validation else "test", "test": "test"}
  return text_config.encode("image_coco", builder, splits, options, tokenizer=tokenizer, length=length)

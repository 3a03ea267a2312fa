"""Folders of presets as KerasHub saves them: tiny models with random weights, and tokenizers learned from a few sentences."""

import io
import pathlib

import keras
import pytest

from tf_textgan.data import subwords

SENTENCES = ["the cat sees the dog", "a dog sees the cat", "the bird sees 12 cats", "don't you see the bird?", "a naïve cat 😀"] * 5

DECODERS = ("gpt2", "opt", "llama", "gemma")
ENCODERS = ("bert", "roberta", "distil_bert")

_SIZES = {"num_layers": 2, "hidden_dim": 16, "intermediate_dim": 24}
_LEARNED = {**_SIZES, "num_heads": 4, "max_sequence_length": 40}
_GROUPED = {**_SIZES, "num_query_heads": 4, "num_key_value_heads": 2}


def package():
  """KerasHub; the test is skipped without it."""
  return pytest.importorskip("keras_hub", reason="KerasHub is not installed; pip install .[keras-hub]")


def write(folder: pathlib.Path, kind: str, size: int = 300, **changes) -> str:
  """Saves a model and its tokenizer in a folder, which is returned as a string.

  Args:
    folder: path.
    kind: one of `DECODERS` and `ENCODERS`.
    size: tokens of the tokenizer, about.
    **changes: of the model's sizes.
  """
  models = package().models
  tokenizer, names = _tokenizer(models, kind, size)
  sizes = {**(_GROUPED if kind in ("llama", "gemma") else _LEARNED), **({"head_dim": 6} if kind == "gemma" else {}), **changes}
  keras.utils.set_random_seed(sum(map(ord, kind)))
  sizes = {"vocabulary_size": tokenizer.vocabulary_size(), **sizes}
  backbone = getattr(models, f"{names}Backbone")(**sizes)
  for variable in backbone.trainable_variables:
    # As large as trained ones, so that every part counts.
    noise = keras.random.normal(variable.shape, stddev=0.3)
    variable.assign(variable + noise)
  backbone.save_to_preset(str(folder))
  tokenizer.save_to_preset(str(folder))
  return str(folder)


def _tokenizer(models, kind, size):
  """A tokenizer of KerasHub, and the name that its class begins with."""
  names = {"gpt2": "GPT2", "opt": "OPT", "llama": "Llama", "gemma": "Gemma", "bert": "Bert", "roberta": "Roberta", "distil_bert": "DistilBert"}[kind]
  cls = getattr(models, f"{names}Tokenizer")
  if kind in ("llama", "gemma"):
    return cls(proto=_sentence_piece(kind, size)), names
  if kind in ("bert", "distil_bert"):
    words = sorted({word for sentence in SENTENCES for word in sentence.lower().replace("?", " ?").replace("'", " ' ").split()})
    return cls(vocabulary=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, "##s", "##e", "c", "z"], lowercase=True), names
  special = {"gpt2": ["<|endoftext|>"], "opt": ["<pad>", "</s>"], "roberta": ["<s>", "<pad>", "</s>", "<mask>"]}[kind]
  pieces, merges = subwords.learn_merges(SENTENCES, size - len(special), 2)
  # GPT-2's own stands at the end.
  order = [*pieces, *special] if kind == "gpt2" else [*special, *pieces]
  return cls(vocabulary={piece: token for token, piece in enumerate(order)}, merges=[" ".join(pair) for pair in merges]), names


def _sentence_piece(kind, size):
  import sentencepiece

  model = io.BytesIO()
  special = {"llama": {"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1}, "gemma": {"pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3}}[kind]
  names = {} if kind == "llama" else {"pad_piece": "<pad>", "eos_piece": "<eos>", "bos_piece": "<bos>"}
  sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(SENTENCES), model_writer=model, vocab_size=size, model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
    remove_extra_whitespaces=False, add_dummy_prefix=kind == "llama", minloglevel=2, hard_vocab_limit=False, **special, **names,
  )  # fmt: skip
  return model.getvalue()

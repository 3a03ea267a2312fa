"""Small folders of sentence encoders, and what they should give: a tokenizer, ONNX graphs, and a BERT of transformers with its NumPy twin."""

import json
import pathlib

import numpy as np

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "man", "on", "horse", "##s", "."]
# Ids of "a man on horses ." and of "Man", between the start and the end token.
SENTENCE, IDS = "a man on horses .", [2, 5, 6, 7, 8, 9, 10, 3]
SHORT, SHORT_IDS = "Man", [2, 6, 3]

# all-MiniLM-L6-v2's, with the names of version 2 of sentence-transformers.
MODULES = [{"path": path, "type": f"sentence_transformers.models.{path[2:] or 'Transformer'}"} for path in ("", "1_Pooling", "2_Normalize")]


def write_json(folder: pathlib.Path, name: str, value) -> None:
  """Writes a JSON file; its folder is made."""
  path = folder / name
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(json.dumps(value))


def write_tokenizer(folder: pathlib.Path, tokenizers, truncation: int | None = None, padding: int | None = None, special: bool = True) -> None:
  """Writes a tokenizer.json of BERT's kind with the vocabulary WORDS.

  Args:
    folder: path.
    tokenizers: the package.
    truncation: most tokens; None for no limit.
    padding: tokens that every sentence is padded to; None for none.
    special: whether it adds [CLS] and [SEP].
  """
  tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
  tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
  tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
  if special:
    tokenizer.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
  if truncation:
    tokenizer.enable_truncation(truncation)
  if padding:
    tokenizer.enable_padding(length=padding)
  folder.mkdir(parents=True, exist_ok=True)
  tokenizer.save(str(folder / "tokenizer.json"))


def table(size: int = 4) -> np.ndarray:
  """Embeddings of WORDS in the graphs and the BERT, float32 [11, size]."""
  return np.random.default_rng(0).normal(size=[len(WORDS), size]).astype(np.float32)


def write_onnx(folder: pathlib.Path, onnx, outputs=("last_hidden_state",), inputs=("input_ids", "attention_mask", "token_type_ids"), dtype="INT64"):
  """Writes a model.onnx whose state of a token is its row of `table()`, plus the number of tokens of its sentence if the model has an attention mask.

  Args:
    folder: path.
    onnx: the package.
    outputs: names: a name with `pool` or `sentence` gives twice the state of the first token, [B, E]; `ids` the ids; others the states, [B, T, E].
    inputs: names.
    dtype: of the inputs.
  """
  make, kind = onnx.helper, getattr(onnx.TensorProto, dtype)
  nodes = [make.make_node("Gather", ["table", "input_ids"], ["rows"])]
  if "attention_mask" in inputs:
    nodes += [
      make.make_node("Cast", ["attention_mask"], ["mask"], to=onnx.TensorProto.FLOAT),
      make.make_node("ReduceSum", ["mask", "last"], ["count"]),
      make.make_node("Unsqueeze", ["count", "last"], ["counts"]),
      make.make_node("Add", ["rows", "counts"], ["states"]),
    ]
  else:
    nodes.append(make.make_node("Identity", ["rows"], ["states"]))
  nodes += [make.make_node("Gather", ["states", "zero"], ["first"], axis=1), make.make_node("Add", ["first", "first"], ["twice"])]
  values = []
  for name in outputs:
    source, shape = ("twice", "BE") if "pool" in name or "sentence" in name else ("input_ids", "BT") if name == "ids" else ("states", "BTE")
    nodes.append(make.make_node("Identity", [source], [name]))
    values.append(make.make_tensor_value_info(name, kind if name == "ids" else onnx.TensorProto.FLOAT, [*shape]))
  constants = {"table": table(), "last": np.array([-1]), "zero": np.array(0)}
  graph = make.make_graph(
    nodes,
    "tiny",
    [make.make_tensor_value_info(name, kind, ["B", "T"]) for name in inputs],
    values,
    [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
  )
  model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
  folder.mkdir(parents=True, exist_ok=True)
  onnx.save(model, folder / "model.onnx")


def write_bert(folder: pathlib.Path, safetensors_numpy, **changes) -> dict[str, np.ndarray]:
  """Writes config.json, model.safetensors, tokenizer_config.json and vocab.txt of a BERT of one layer, as transformers does.

  Args:
    folder: path.
    safetensors_numpy: the module safetensors.numpy.
    **changes: other entries of config.json.

  Returns:
    The weights by name.
  """
  generator = np.random.default_rng(1)
  layer = "encoder.layer.0."
  dense = {"attention.self.query": (8, 8), "attention.self.key": (8, 8), "attention.self.value": (8, 8), "attention.output.dense": (8, 8)}
  dense |= {"intermediate.dense": (16, 8), "output.dense": (8, 16)}
  shapes = {"embeddings.word_embeddings.weight": (len(WORDS), 8), "embeddings.position_embeddings.weight": (12, 8)}
  shapes |= {"embeddings.token_type_embeddings.weight": (2, 8), "pooler.dense.weight": (8, 8), "pooler.dense.bias": (8,)}
  shapes |= {f"{layer}{name}.weight": shape for name, shape in dense.items()} | {f"{layer}{name}.bias": shape[:1] for name, shape in dense.items()}
  for name in ("embeddings", f"{layer}attention.output", f"{layer}output"):
    shapes |= {f"{name}.LayerNorm.weight": (8,), f"{name}.LayerNorm.bias": (8,)}
  weights = {name: generator.normal(scale=0.5, size=shape).astype(np.float32) for name, shape in shapes.items()}
  config = {"model_type": "bert", "architectures": ["BertModel"], "vocab_size": len(WORDS), "hidden_size": 8, "num_hidden_layers": 1}
  config |= {"num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 12, "type_vocab_size": 2, "hidden_act": "gelu"}
  folder.mkdir(parents=True, exist_ok=True)
  write_json(folder, "config.json", config | changes)
  write_json(folder, "tokenizer_config.json", {"do_lower_case": True})
  (folder / "vocab.txt").write_text("".join(word + "\n" for word in WORDS))
  safetensors_numpy.save_file(weights, str(folder / "model.safetensors"))
  return weights


def bert_states(weights: dict[str, np.ndarray], ids: list[int]) -> np.ndarray:
  """States of one sentence by the BERT of `write_bert`, [T, 8], with GELU approximated as KerasHub does."""

  def norm(x, name):
    scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return scaled * weights[f"{name}.LayerNorm.weight"] + weights[f"{name}.LayerNorm.bias"]

  def dense(x, name):
    return x @ weights[f"encoder.layer.0.{name}.weight"].T + weights[f"encoder.layer.0.{name}.bias"]

  x = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][: len(ids)]
  x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings")
  query, key, value = (dense(x, f"attention.self.{name}").reshape(-1, 2, 4) for name in ("query", "key", "value"))
  scores = np.exp(np.einsum("qhd,khd->hqk", query, key) / 2.0)
  attended = np.einsum("hqk,khd->qhd", scores / scores.sum(-1, keepdims=True), value).reshape(-1, 8)
  x = norm(x + dense(attended, "attention.output.dense"), "encoder.layer.0.attention.output")
  inner = dense(x, "intermediate.dense")
  inner = inner / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * inner**3)))
  return norm(x + dense(inner, "output.dense"), "encoder.layer.0.output")

"""The discriminators' gains by the nearness of captions to the training captions, step by step; see captions.md."""

import numpy as np
import tensorflow as tf

from tf_textgan import runs
from tf_textgan.data import pipeline
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.metrics import classification
from tf_textgan.sampling import noise

folder = "runs/coco_steps_0"
run = runs.load(folder)
tokens, special = run.corpus().tokens, set(range(len(tokenizers.SPECIAL_TOKENS)))


def words(rows):
  return [set(row) - special for row in rows.tolist()]


known = words(tokens["train"])
near = {split: np.array([max(len(w & k) / len(w | k) for k in known) for w in words(tokens[split])]) for split in ("validation", "test")}
print({split: values.mean() for split, values in near.items()})
written = np.concatenate([run.algorithm.generator.write(2000, noise.seed(i))[0].numpy() for i in range(5)])

for step in range(100, 1001, 100):
  ratio = tf.function(runs.load(folder, step).algorithm.log_ratio, autograph=False)
  scores = {name: np.concatenate([ratio(batch).numpy() for batch in pipeline.padded_batches(rows, 256)])
            for name, rows in (*((split, tokens[split]) for split in near), ("written", written))}
  for split in near:
    for low, high in (-1, 1), (-1, .35), (.35, .5), (.5, 1):
      part = scores[split][(near[split] > low) & (near[split] <= high)]
      print(step, split, low, high, classification.density_ratio_gain(part, scores["written"]))

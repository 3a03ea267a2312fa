"""How much more probable news are under several language models together than under one of them; see news.md."""

import numpy as np
import tensorflow as tf

from tf_textgan import runs
from tf_textgan.data import pipeline
from tf_textgan.sampling import noise

models = [runs.load(f"runs/emnlp_regularized_{seed}") for seed in range(3)]
tokens = models[0].corpus().tokens["validation"][:2000]

def log_probs(generator):
  def latent(num):
    return generator.draw_latent(num, noise.seed(0))

  score = tf.function(lambda batch: generator.log_probs(batch, latent(tf.shape(batch)[0]), temperature=1.05), autograph=False)
  return np.concatenate([score(batch).numpy() for batch in pipeline.padded_batches(tokens, 128)])

alone = np.stack([log_probs(run.algorithm.generator) for run in models])
for chosen in [0, 1], [0, 2], [1, 2], [0, 1, 2]:
  together = np.logaddexp.reduce(alone[chosen]) - np.log(len(chosen))
  gain = (together - alone[chosen].mean(axis=0)).sum(axis=1)
  print(chosen, -together.sum(axis=1).mean(), gain.mean(), 1.96 * gain.std() / len(gain) ** .5)

"""Benchmark cases. Steps: vocabulary 5,000, length 20 and batch size 64 unless `resize` is called, LSTMs of size 32. Metrics: 10,000 sentences.

A case is a function that makes a step, its number of floating-point operations, and its units of work (see `measure.record`).
"""

from collections.abc import Callable
import dataclasses

import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import arae
from tf_textgan.algorithms import base
from tf_textgan.algorithms import catgan
from tf_textgan.algorithms import coldgan
from tf_textgan.algorithms import cot
from tf_textgan.algorithms import ddo
from tf_textgan.algorithms import dgsan
from tf_textgan.algorithms import dpgan
from tf_textgan.algorithms import fmgan
from tf_textgan.algorithms import gad
from tf_textgan.algorithms import gsgan
from tf_textgan.algorithms import iqlearn
from tf_textgan.algorithms import irlgan
from tf_textgan.algorithms import jsdgan
from tf_textgan.algorithms import latentgan
from tf_textgan.algorithms import leakgan
from tf_textgan.algorithms import maligan
from tf_textgan.algorithms import maskgan
from tf_textgan.algorithms import mle
from tf_textgan.algorithms import mmd
from tf_textgan.algorithms import organ
from tf_textgan.algorithms import rankgan
from tf_textgan.algorithms import relgan
from tf_textgan.algorithms import scratchgan
from tf_textgan.algorithms import selfgan
from tf_textgan.algorithms import sentigan
from tf_textgan.algorithms import seqgan
from tf_textgan.algorithms import textgan
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import cnn_categories
from tf_textgan.discriminators import cnn_highway
from tf_textgan.discriminators import generator_lstm
from tf_textgan.discriminators import infilling as infilling_discriminator
from tf_textgan.discriminators import language_model
from tf_textgan.discriminators import multi_representation
from tf_textgan.discriminators import recurrent
from tf_textgan.discriminators import token_lstm
from tf_textgan.discriminators import transformer as transformer_discriminator
from tf_textgan.generators import autoencoder
from tf_textgan.generators import guided
from tf_textgan.generators import infilling
from tf_textgan.generators import lstm
from tf_textgan.generators import lstm_mixture
from tf_textgan.generators import manager_worker
from tf_textgan.generators import relational_memory
from tf_textgan.generators import tied_lstm
from tf_textgan.generators import transformer
from tf_textgan.metrics import bleu
from tf_textgan.metrics import kneser_ney
from tf_textgan.sampling import guidance
from tf_textgan.sampling import noise

# Makes a step, its floating-point operations, and its units of work.
Case = tuple[Callable[[], object], float, float]

# Sizes of the steps before `resize`.
VOCAB_SIZE = 5000
LENGTH = 20
BATCH_SIZE = 64
_SPEC = sequences.Spec(vocab_size=VOCAB_SIZE, length=LENGTH, start_token=0)
_BATCH = BATCH_SIZE
_SAMPLED = 1024
# Discriminator of the 2023 PyTorch toolkit, for comparison. Our highway layer has the published two matrices, theirs has one.
_PEER = cnn_highway.Config(widths=(2, 3, 4, 5), filters=(200, 200, 200, 200))
_PUBLISHED = cnn_highway.Config()


def resize(vocab_size: int, length: int, batch_size: int) -> None:
  """Sets the sizes of the steps in this process; call it before making a case."""
  global _SPEC, _BATCH
  _SPEC, _BATCH = dataclasses.replace(_SPEC, vocab_size=vocab_size, length=length), batch_size


def _token_flops(config):
  """Counts the operations of one forward step of the LSTM generator, per row."""
  return 2 * (config.embedding_size + config.hidden_size) * 4 * config.hidden_size + 2 * config.hidden_size * _SPEC.vocab_size


def _cnn_flops(config):
  """Counts the operations of one forward pass of the convolutional discriminator, per row."""
  pairs = [(width, filters) for width, filters in zip(config.widths, config.filters) if width <= _SPEC.length]
  features = sum(filters for _, filters in pairs)
  convolutions = sum(2 * (_SPEC.length - width + 1) * width * config.embedding_size * filters for width, filters in pairs)
  return convolutions + 4 * features**2 + 2 * features


def _real():
  tokens = np.random.default_rng(0).integers(0, _SPEC.vocab_size, [_BATCH, _SPEC.length])
  return sequences.Batch(tf.constant(tokens, tf.int32))


def _stepper(train_step, real=None):
  """Compiles a train step on a fixed batch, with a new seed at each call."""
  real, step, seed = _real() if real is None else real, tf.function(train_step, autograph=False), tf.Variable(0)

  def call():
    seed.assign_add(1)
    metrics = step(real, noise.fold(noise.seed(0), seed), tf.constant(0.5))
    return {name: value.numpy() for name, value in metrics.items()}

  return call


def mle_step() -> Case:
  """One maximum-likelihood step."""
  config = lstm.Config()
  algorithm = mle.Algorithm(mle.Config(), {"generator": lstm.Generator(_SPEC, config)})
  return _stepper(algorithm.mle_step), 3 * _BATCH * _SPEC.length * _token_flops(config), 1


def iqlearn_step() -> Case:
  """One IQLearn step: a maximum-likelihood step whose loss also reads the logits' values."""
  algorithm = iqlearn.Algorithm(iqlearn.Config(), {"generator": lstm.Generator(_SPEC, lstm.Config())})
  return _stepper(algorithm.mle_step), 3 * _BATCH * _SPEC.length * _token_flops(lstm.Config()), 1


def sample_64() -> Case:
  """Sampling of 64 sequences, measured on 1,024 at a time."""
  config = lstm.Config()
  generator = lstm.Generator(_SPEC, config)
  write, seed = tf.function(generator.write, autograph=False), tf.Variable(0)

  def call():
    seed.assign_add(1)
    return write(tf.constant(_SAMPLED), noise.fold(noise.seed(0), seed)).tokens.numpy()

  return call, _SAMPLED * _SPEC.length * _token_flops(config), _SAMPLED / 64


def _in_bfloat16(case):
  """Runs a case with `--precision mixed_bfloat16`."""

  def run():
    with tiny.half_precision():
      return case()

  return run


def _seqgan(discriminator_config):
  discriminator = cnn_highway.Discriminator(_SPEC, discriminator_config)
  return seqgan.Algorithm(seqgan.Config(), {"generator": lstm.Generator(_SPEC, lstm.Config()), "discriminator": discriminator})


def organ_generator_step() -> Case:
  """One ORGAN generator step: SeqGAN's, with an objective that is read from the tokens and a count of repeats."""
  networks = {"generator": lstm.Generator(_SPEC, lstm.Config()), "discriminator": cnn_highway.Discriminator(_SPEC, _PEER)}
  algorithm = organ.Algorithm(organ.Config(), networks)
  algorithm.extra_rewards.append(lambda tokens: tf.reduce_mean(tf.cast(tokens % 2, tf.float32), axis=1))
  return _stepper(algorithm.generator_step), _rollouts_flops(_PEER, algorithm.config.rollouts), 1


def _irlgan():
  sizes = irlgan.DISCRIMINATOR[1]
  networks = {"generator": lstm.Generator(_SPEC, lstm.Config()), "discriminator": token_lstm.Discriminator(_SPEC, sizes)}
  read = 2 * (sizes.embedding_size + sizes.hidden_size) * 4 * sizes.hidden_size * _SPEC.length
  return irlgan.Algorithm(irlgan.Config(), networks), read


def irlgan_generator_step() -> Case:
  """One generator step of inverse reinforcement learning: a sample, 8 completions of every prefix and their rewards, two updates."""
  algorithm, read = _irlgan()
  token, length, num = _token_flops(lstm.Config()), _SPEC.length, algorithm.config.rollouts
  written = _BATCH * (length + num * (length * (length - 1) // 2)) * token
  scored = _BATCH * (num * (length - 1) + 2) * read
  return _stepper(algorithm.generator_step), written + scored + 2 * 3 * _BATCH * length * token, 1


def irlgan_discriminator_step() -> Case:
  """One step of the reward network on a real batch and a new sample."""
  algorithm, read = _irlgan()
  return _stepper(algorithm.discriminator_step), _BATCH * (_SPEC.length * _token_flops(lstm.Config()) + (1 + 2 * 3) * read), 1


def _rollouts_flops(discriminator_config, rollouts):
  token, length = _token_flops(lstm.Config()), _SPEC.length
  sampled = _BATCH * length * token + _BATCH * rollouts * (length * (length - 1) // 2) * token
  scored = (_BATCH * rollouts * (length - 1) + _BATCH) * _cnn_flops(discriminator_config)
  learned = 3 * _BATCH * length * token
  return sampled + scored + learned


def _classifier_flops(discriminator_config):
  return _BATCH * _SPEC.length * _token_flops(lstm.Config()) + 3 * 2 * _BATCH * _cnn_flops(discriminator_config)


def _seqgan_generator(discriminator_config):
  algorithm = _seqgan(discriminator_config)
  return _stepper(algorithm.generator_step), _rollouts_flops(discriminator_config, algorithm.config.rollouts), 1


def _seqgan_discriminator(discriminator_config):
  return _stepper(_seqgan(discriminator_config).discriminator_step), _classifier_flops(discriminator_config), 1


def generator_lstm_step(log_prob: bool = False) -> Case:
  """One SeqGAN discriminator step of a discriminator initialized from the generator; `log_prob` adds a pass of the language model."""
  sizes = lstm.Config()
  generator = lstm.Generator(_SPEC, sizes)
  discriminator = generator_lstm.Discriminator(_SPEC, generator_lstm.Config(log_prob=log_prob))
  algorithm = seqgan.Algorithm(seqgan.Config(), {"generator": generator, "discriminator": discriminator})
  algorithm.begin("discriminator")
  gates = 2 * (sizes.embedding_size + sizes.hidden_size) * 4 * sizes.hidden_size
  read = (3 * gates + log_prob * _token_flops(sizes)) * _SPEC.length
  return _stepper(algorithm.discriminator_step), _BATCH * (_SPEC.length * _token_flops(sizes) + 2 * read), 1


def _rankgan():
  networks = {"generator": lstm.Generator(_SPEC, lstm.Config()), "discriminator": cnn_highway.Discriminator(_SPEC, _PEER)}
  return rankgan.Algorithm(rankgan.Config(), networks)


def rankgan_generator_step() -> Case:
  """One RankGAN generator step: SeqGAN's, plus features of a batch of real sentences. The cosines are not counted."""
  algorithm = _rankgan()
  return _stepper(algorithm.generator_step), _rollouts_flops(_PEER, algorithm.config.rollouts) + _BATCH * _cnn_flops(_PEER), 1


def rankgan_discriminator_step() -> Case:
  """One step of the ranker."""
  return _stepper(_rankgan().discriminator_step), _classifier_flops(_PEER), 1


def maligan_generator_step() -> Case:
  """One MaliGAN generator step."""
  networks = {"generator": lstm.Generator(_SPEC, lstm.Config()), "discriminator": cnn_highway.Discriminator(_SPEC, _PEER)}
  algorithm = maligan.Algorithm(maligan.Config(), networks)
  return _stepper(algorithm.generator_step), _BATCH * (_SPEC.length * 4 * _token_flops(lstm.Config()) + _cnn_flops(_PEER)), 1


def mmd_generator_step(real_side: str = "batch") -> Case:
  """One MMD step with 8 samples for each real sentence: samples, features of both sides, the kernel or its approximation, policy gradient."""
  generator = lstm.Config()
  algorithm = mmd.Algorithm(mmd.Config(real_side=real_side), {"generator": lstm.Generator(_SPEC, generator)})
  samples = _BATCH * algorithm.config.group_size * algorithm.config.draws
  gates = 2 * (generator.embedding_size + generator.hidden_size) * 4 * generator.hidden_size
  across = algorithm.config.frequencies if real_side == "all" else (_BATCH + algorithm.config.draws) * _SPEC.length
  compared = samples * _SPEC.length * 2 * generator.hidden_size * across
  return _stepper(algorithm.generator_step), samples * _SPEC.length * (4 * _token_flops(generator) + gates) + compared, 1


def ddo_generator_step() -> Case:
  """One DDO step: samples of the copy, the copy's likelihood of them and of a real batch, and the generator's with its gradient."""
  algorithm = ddo.Algorithm(ddo.Config(), {"generator": lstm.Generator(_SPEC, lstm.Config())})
  return _stepper(algorithm.generator_step), _BATCH * _SPEC.length * (1 + 2 + 2 * 3) * _token_flops(lstm.Config()), 1


def dgsan_generator_step() -> Case:
  """One DGSAN step: DDO's work with a loss for each token."""
  algorithm = dgsan.Algorithm(dgsan.Config(), {"generator": lstm.Generator(_SPEC, lstm.Config())})
  return _stepper(algorithm.generator_step), _BATCH * _SPEC.length * (1 + 2 + 2 * 3) * _token_flops(lstm.Config()), 1


def jsdgan_generator_step() -> Case:
  """One JSDGAN step: a maximum-likelihood step with a weight for each sentence."""
  algorithm = jsdgan.Algorithm(jsdgan.Config(), {"generator": lstm.Generator(_SPEC, lstm.Config())})
  return _stepper(algorithm.generator_step), 3 * _BATCH * _SPEC.length * _token_flops(lstm.Config()), 1


def _cot():
  algorithm = cot.Algorithm(cot.Config(), {"generator": lstm.Generator(_SPEC, lstm.Config())})
  return algorithm, _token_flops(algorithm.mediator.config)


def cot_generator_step() -> Case:
  """One CoT generator step: a sample, the mediator's distributions after every prefix, and the generator's with their gradient."""
  algorithm, of_mediator = _cot()
  return _stepper(algorithm.generator_step), _BATCH * _SPEC.length * (4 * _token_flops(lstm.Config()) + of_mediator), 1


def cot_mediator_step() -> Case:
  """One CoT mediator step: a sample, and maximum likelihood on it and on a real batch."""
  algorithm, of_mediator = _cot()
  return _stepper(algorithm.mediator_step), _BATCH * _SPEC.length * (_token_flops(lstm.Config()) + 2 * 3 * of_mediator), 1


def _candidates_flops(candidates):
  """Counts the operations of sampling and scoring several candidates per sentence of a batch."""
  return _BATCH * candidates * (_SPEC.length * _token_flops(lstm.Config()) + _cnn_flops(_PEER))


def resampling_64() -> Case:
  """Guided sampling of 64 sequences, each chosen from 16 candidates by the discriminator."""
  algorithm = _seqgan(_PEER)
  write, seed = tf.function(guided.Generator(algorithm.generator, algorithm, guidance.Resampling(16)).write, autograph=False), tf.Variable(0)

  def call():
    seed.assign_add(1)
    return write(tf.constant(_BATCH), noise.fold(noise.seed(0), seed)).tokens.numpy()

  return call, _candidates_flops(16), 1


def selfgan_generator_step() -> Case:
  """One SelfGAN generator step: 16 scored candidates per sentence, and a maximum-likelihood step on the chosen ones."""
  networks = {"generator": lstm.Generator(_SPEC, lstm.Config()), "discriminator": cnn_highway.Discriminator(_SPEC, _PEER)}
  algorithm = selfgan.Algorithm(selfgan.Config(), networks)
  flops = _candidates_flops(algorithm.config.candidates) + 3 * _BATCH * _SPEC.length * _token_flops(lstm.Config())
  return _stepper(algorithm.generator_step), flops, 1


def _dpgan():
  discriminator = language_model.Discriminator(_SPEC, language_model.Config())
  return dpgan.Algorithm(dpgan.Config(), {"generator": lstm.Generator(_SPEC, lstm.Config()), "discriminator": discriminator})


def dpgan_generator_step() -> Case:
  """One DP-GAN generator step: sampling, likelihood under the discriminator, policy gradient."""
  # The discriminator has the size of the generator.
  return _stepper(_dpgan().generator_step), _BATCH * _SPEC.length * 5 * _token_flops(lstm.Config()), 1


def dpgan_discriminator_step() -> Case:
  """One DP-GAN discriminator step."""
  return _stepper(_dpgan().discriminator_step), _BATCH * _SPEC.length * (1 + 2 * 3) * _token_flops(lstm.Config()), 1


def _gsgan():
  networks = {"generator": lstm.Generator(_SPEC, lstm.Config(latent_size=32)), "discriminator": recurrent.Discriminator(_SPEC, recurrent.Config())}
  return gsgan.Algorithm(gsgan.Config(), networks)


def _gsgan_flops(generator_passes):
  generator, discriminator = lstm.Config(), recurrent.Config()
  # Soft inputs multiply a `[V]` row with the embedding, in the generator and in the discriminator.
  write = _token_flops(generator) + 2 * _SPEC.vocab_size * generator.embedding_size
  embed = 2 * _SPEC.vocab_size * discriminator.embedding_size
  read = 2 * (discriminator.embedding_size + discriminator.hidden_size) * 4 * discriminator.hidden_size
  return _BATCH * _SPEC.length * (generator_passes * write + 3 * (embed + read))


def gsgan_generator_step() -> Case:
  """One Gumbel-softmax generator step."""
  return _stepper(_gsgan().generator_step), _gsgan_flops(3), 1


def gsgan_discriminator_step() -> Case:
  """One discriminator step on relaxed samples."""
  return _stepper(_gsgan().discriminator_step), _gsgan_flops(1), 1


def _relgan():
  generator, discriminator = relational_memory.Generator(_SPEC, relational_memory.Config()), multi_representation.Config()
  networks = {"generator": generator, "discriminator": multi_representation.Discriminator(_SPEC, discriminator)}
  return relgan.Algorithm(relgan.Config(), networks)


def _memory_flops():
  """Counts the operations of one forward step of the relational memory with one slot, per row: attention, network, gates, logits."""
  config = relational_memory.Config()
  size = config.heads * config.head_size
  read = 2 * config.embedding_size * 5 * size
  return read + 2 * size * (3 + config.layers + 2) * size + 2 * size * _SPEC.vocab_size


def _views_flops():
  """Counts the operations of one forward pass of RelGAN's discriminator without its embedding, per row."""
  config = multi_representation.Config()
  features = sum(config.filters)
  convolutions = sum(2 * (_SPEC.length - width + 1) * width * filters for width, filters in zip(config.widths, config.filters))
  return config.embedding_size * (convolutions + 4 * features**2 + 2 * (features + 1) * config.feature_size)


def _relgan_generator_flops():
  # Three passes of the generator; of the discriminator one on real rows, and two on generated rows, whose gradient is taken for the points only.
  embed = 2 * _SPEC.vocab_size * multi_representation.Config().embedding_size
  return _BATCH * (_SPEC.length * (3 * _memory_flops() + 2 * embed) + 3 * _views_flops())


def _relgan_discriminator_flops():
  embed = 2 * _SPEC.vocab_size * multi_representation.Config().embedding_size
  return _BATCH * (_SPEC.length * (_memory_flops() + 2 * embed) + 3 * 2 * _views_flops())


def _relgan_updates(algorithm):
  return {update.name: update for phase in algorithm.phases(base.Schedule()) for update in phase.updates}


def relgan_mle_step() -> Case:
  """One maximum-likelihood step of the relational memory."""
  return _stepper(_relgan().mle_step), 3 * _BATCH * _SPEC.length * _memory_flops(), 1


def relgan_generator_step() -> Case:
  """One RelGAN generator step."""
  return _stepper(_relgan_updates(_relgan())["generator"].train_step), _relgan_generator_flops(), 1


def relgan_discriminator_step() -> Case:
  """One RelGAN discriminator step."""
  return _stepper(_relgan_updates(_relgan())["discriminator"].train_step), _relgan_discriminator_flops(), 1


def relgan_iteration() -> Case:
  """One round: a generator step and its discriminator steps."""
  updates = _relgan_updates(_relgan())
  generator, discriminator = _stepper(updates["generator"].train_step), _stepper(updates["discriminator"].train_step)
  repeats = updates["discriminator"].repeats

  def call():
    return generator(), [discriminator() for _ in range(repeats)]

  return call, _relgan_generator_flops() + repeats * _relgan_discriminator_flops(), 1


def _scratchgan():
  generator, discriminator = tied_lstm.Generator(_SPEC, tied_lstm.Config()), token_lstm.Discriminator(_SPEC, token_lstm.Config())
  networks = {"generator": generator, "discriminator": discriminator}
  return scratchgan.Algorithm(scratchgan.Config(), networks)


def _tied_lstm_flops():
  """Counts the operations of one forward step of ScratchGAN's generator, per row: gates of inputs and of layer outputs, projection, logits."""
  config = tied_lstm.Config()
  gates = 4 * config.hidden_size
  read = 2 * config.embedding_size * config.layers * gates
  layers = 2 * (2 * config.layers - 1) * config.hidden_size * gates
  return read + layers + 2 * config.embedding_size * (config.layers * config.hidden_size + _SPEC.vocab_size)


def _token_lstm_flops():
  """Counts the operations of one forward step of ScratchGAN's discriminator, per row."""
  config = token_lstm.Config()
  return 2 * (config.embedding_size + 9 + config.hidden_size) * 4 * config.hidden_size + 2 * config.hidden_size


def scratchgan_generator_step() -> Case:
  """One ScratchGAN generator step: sampling, a pass of the discriminator, policy gradient."""
  return _stepper(_scratchgan().generator_step), _BATCH * _SPEC.length * (4 * _tied_lstm_flops() + _token_lstm_flops()), 1


def scratchgan_discriminator_step() -> Case:
  """One ScratchGAN discriminator step: sampling, and an update on equally many real and generated rows."""
  return _stepper(_scratchgan().discriminator_step), _BATCH * _SPEC.length * (_tied_lstm_flops() + 3 * 2 * _token_lstm_flops()), 1


def _maskgan():
  networks = {
    "generator": infilling.Generator(_SPEC, infilling.Config()),
    "discriminator": infilling_discriminator.Discriminator(_SPEC, infilling_discriminator.Config()),
  }
  return maskgan.Algorithm(maskgan.Config(), networks)


def _infilling_flops(config, outputs):
  """Counts the operations of a position of one pass of MaskGAN's networks, per row: gates of encoder and decoder, attention, `outputs` numbers."""
  size, layers = config.hidden_size, config.layers
  gates = 2 * 4 * size * (config.embedding_size + (2 * layers - 1) * size)
  attention = 2 * size**2 + 4 * size * _SPEC.length + 2 * 2 * size * config.embedding_size
  return 2 * gates + attention + 2 * config.embedding_size * outputs


def _maskgan_flops(written, generator_passes, discriminator_passes):
  """Operations of fills, and of passes of the generator and the discriminator; a gradient is two passes."""
  generator = _infilling_flops(infilling.Config(), _SPEC.vocab_size)
  discriminator = _infilling_flops(infilling_discriminator.Config(), 1)
  return _BATCH * _SPEC.length * ((written + generator_passes) * generator + discriminator_passes * discriminator)


def maskgan_mle_step() -> Case:
  """One step of MaskGAN's maximum likelihood: the tokens in blanks."""
  return _stepper(_maskgan().mle_step), _maskgan_flops(0, 3, 0), 1


def maskgan_generator_step() -> Case:
  """One step of MaskGAN's actor and critic: blanks filled, a pass of the discriminator, policy gradient."""
  return _stepper(_maskgan().generator_step), _maskgan_flops(1, 3, 1), 1


def maskgan_discriminator_step() -> Case:
  """One step of MaskGAN's discriminator: blanks filled, an update on equally many real and filled texts."""
  return _stepper(_maskgan().discriminator_step), _maskgan_flops(1, 0, 2 * 3), 1


def _coldgan():
  networks = {"generator": lstm.Generator(_SPEC, lstm.Config()), "discriminator": cnn_highway.Discriminator(_SPEC, _PEER)}
  return coldgan.Algorithm(coldgan.Config(), networks)


def coldgan_generator_step() -> Case:
  """One ColdGAN generator step. The search for the nucleus, comparisons and additions, is not counted."""
  return _stepper(_coldgan().generator_step), _BATCH * (_SPEC.length * 4 * _token_flops(lstm.Config()) + _cnn_flops(_PEER)), 1


def coldgan_discriminator_step() -> Case:
  """One ColdGAN discriminator step."""
  return _stepper(_coldgan().discriminator_step), _classifier_flops(_PEER), 1


def _gad():
  networks = {"generator": lstm.Generator(_SPEC, lstm.Config()), "discriminator": cnn_highway.Discriminator(_SPEC, _PEER)}
  return gad.Algorithm(gad.Config(demonstration_share=0.3), networks)


def gad_generator_step() -> Case:
  """One GAD generator step: a group per sentence, its scores, its likelihood under the reference, the updates."""
  algorithm = _gad()
  group, updates = algorithm.config.group_size, algorithm.config.policy_updates
  of_each = group * (_SPEC.length * 2 * _token_flops(lstm.Config()) + _cnn_flops(_PEER))
  return _stepper(algorithm.generator_step), _BATCH * (of_each + updates * 3 * (group + 1) * _SPEC.length * _token_flops(lstm.Config())), 1


def gad_discriminator_step() -> Case:
  """One GAD discriminator step."""
  return _stepper(_gad().discriminator_step), _classifier_flops(_PEER), 1


def _catgan():
  generator = relational_memory.Generator(_SPEC, relational_memory.Config())
  networks = {"generator": generator, "discriminator": multi_representation.Discriminator(_SPEC, multi_representation.Config())}
  return catgan.Algorithm(catgan.Config(), networks)


def catgan_generator_step() -> Case:
  """One CatGAN generator step at RelGAN's sizes: six children, each evaluated on eight batches."""
  algorithm = _catgan()
  children = 3 * len(algorithm.config.losses)
  embed = 2 * _SPEC.vocab_size * multi_representation.Config().embedding_size
  judged = algorithm.config.evaluation_batches * _BATCH * (_SPEC.length * (_memory_flops() + embed) + _views_flops())
  return _stepper(_relgan_updates(algorithm)["generator"].train_step), children * (_relgan_generator_flops() + judged), 1


def catgan_discriminator_step() -> Case:
  """One CatGAN discriminator step at RelGAN's sizes."""
  return _stepper(_relgan_updates(_catgan())["discriminator"].train_step), _relgan_discriminator_flops(), 1


def _leakgan():
  discriminator = cnn_highway.Discriminator(_SPEC, leakgan.DISCRIMINATOR[1])
  return leakgan.Algorithm(leakgan.Config(), {"generator": manager_worker.Generator(_SPEC, manager_worker.Config()), "discriminator": discriminator})


def _manager_worker_flops():
  """Counts the operations of one forward step of LeakGAN's generator, per row: features of the prefix, manager, worker."""
  config, features = manager_worker.Config(), sum(_PUBLISHED.filters)
  windows = sum(2 * width * _PUBLISHED.embedding_size * filters for width, filters in zip(_PUBLISHED.widths, _PUBLISHED.filters))
  hidden = config.hidden_size
  manager = 2 * (features + hidden) * 4 * hidden + 2 * hidden * features
  worker = 2 * (config.embedding_size + hidden) * 4 * hidden + 2 * features * config.goal_size
  return windows + 4 * features**2 + manager + worker + 2 * (hidden + 1) * config.goal_size * _SPEC.vocab_size


def _leakgan_learn_flops():
  """Counts the operations of an update of manager and worker; the features need no gradient."""
  read = _cnn_flops(_PUBLISHED) + _SPEC.length * 4 * sum(_PUBLISHED.filters) ** 2
  config = manager_worker.Config()
  return _BATCH * (read + 3 * _SPEC.length * 2 * (config.hidden_size + 1) * config.goal_size * _SPEC.vocab_size)


def leakgan_mle_step() -> Case:
  """One pretraining step of manager and worker."""
  return _stepper(_leakgan().mle_step), _leakgan_learn_flops(), 1


def leakgan_generator_step() -> Case:
  """One adversarial step of manager and worker, with 4 completions of every fourth prefix."""
  algorithm = _leakgan()
  num, horizon = algorithm.config.rollouts, manager_worker.Config().horizon
  prefixes = range(horizon, _SPEC.length, horizon)
  written = _BATCH * (_SPEC.length + num * sum(_SPEC.length - prefix for prefix in prefixes)) * _manager_worker_flops()
  scored = _BATCH * (num * len(prefixes) + 1) * _cnn_flops(_PUBLISHED)
  return _stepper(algorithm.generator_step), written + scored + _leakgan_learn_flops(), 1


def leakgan_discriminator_step() -> Case:
  """One discriminator step on samples of LeakGAN's generator."""
  flops = _BATCH * _SPEC.length * _manager_worker_flops() + 3 * 2 * _BATCH * _cnn_flops(_PUBLISHED)
  return _stepper(_leakgan().discriminator_step), flops, 1


def _sentigan():
  spec = dataclasses.replace(_SPEC, categories=("negative", "positive"))
  generator = lstm_mixture.Generator(spec, lstm_mixture.Config(lstm.Config().embedding_size, lstm.Config().hidden_size))
  discriminator = cnn_categories.Discriminator(spec, cnn_categories.Config(widths=_PEER.widths, filters=_PEER.filters))
  algorithm = sentigan.Algorithm(sentigan.Config(rollouts=1), {"generator": generator, "discriminator": discriminator})
  return algorithm, _real()._replace(context=tf.range(_BATCH) % 2)


def sentigan_generator_step() -> Case:
  """One SentiGAN generator step with one rollout: each of two generators samples a batch."""
  algorithm, real = _sentigan()
  token, length = _token_flops(lstm.Config()), _SPEC.length
  of_each = (length + length * (length - 1) // 2 + 3 * length) * token + length * _cnn_flops(_PEER)
  return _stepper(algorithm.generator_step, real), 2 * _BATCH * of_each, 1


def sentigan_discriminator_step() -> Case:
  """One SentiGAN discriminator step with two categories."""
  algorithm, real = _sentigan()
  flops = _BATCH * _SPEC.length * _token_flops(lstm.Config()) + 3 * 2 * _BATCH * _cnn_flops(_PEER)
  return _stepper(algorithm.discriminator_step, real), flops, 1


def _autoencoder_flops(config):
  """Counts the operations of encoding and decoding a token with teacher forcing, per row."""
  size, hidden = config.embedding_size, config.hidden_size
  return 8 * hidden * (size + hidden) + 8 * hidden * (size + config.latent_size + hidden) + 2 * hidden * _SPEC.vocab_size


def _arae():
  return arae.Algorithm(arae.Config(), {"generator": autoencoder.Generator(_SPEC, autoencoder.Config())})


def arae_autoencoder_step() -> Case:
  """ARAE's step of encoder and decoder."""
  return _stepper(_arae().autoencoder_step), 3 * _BATCH * _SPEC.length * _autoencoder_flops(autoencoder.Config()), 1


def arae_critic_step() -> Case:
  """ARAE's critic step: codes of a real batch and as many generated ones."""
  config = autoencoder.Config()
  encoding = 8 * config.hidden_size * (config.embedding_size + config.hidden_size)
  return _stepper(_arae().critic_step), _BATCH * _SPEC.length * encoding, 1


def _latentgan():
  return latentgan.Algorithm(latentgan.Config(), {"generator": autoencoder.Generator(_SPEC, latentgan.GENERATOR[1])})


def latentgan_autoencoder_step() -> Case:
  """LatentGAN's step of encoder and decoder."""
  return _stepper(_latentgan().autoencoder_step), 3 * _BATCH * _SPEC.length * _autoencoder_flops(latentgan.GENERATOR[1]), 1


def latentgan_critic_step() -> Case:
  """LatentGAN's critic step: codes of a real batch and as many generated ones."""
  config = latentgan.GENERATOR[1]
  encoding = 8 * config.hidden_size * (config.embedding_size + config.hidden_size)
  return _stepper(_latentgan().critic_step), _BATCH * _SPEC.length * encoding, 1


def _soft(module):
  """An algorithm of soft samples with its default networks, and the operations of a soft sample with its features, per row."""
  config, discriminator_config = module.GENERATOR[1], module.DISCRIMINATOR[1]
  networks = {
    "generator": autoencoder.Generator(_SPEC, config),
    "discriminator": cnn_highway.Discriminator(_SPEC, discriminator_config),
  }
  # A point is multiplied with the embeddings of both networks.
  embedding = 2 * _SPEC.vocab_size * (config.embedding_size + discriminator_config.embedding_size)
  decoding = 8 * config.hidden_size * (config.embedding_size + config.latent_size + config.hidden_size) + 2 * config.hidden_size * _SPEC.vocab_size
  return module.Algorithm(module.Config(), networks), _SPEC.length * (embedding + decoding) + _cnn_flops(discriminator_config)


def _soft_generator(module):
  algorithm, flops = _soft(module)
  return _stepper(algorithm.generator_step), 3 * _BATCH * flops, 1


def _soft_discriminator(module):
  algorithm, flops = _soft(module)
  return _stepper(algorithm.discriminator_step), _BATCH * (flops + 5 * _cnn_flops(module.DISCRIMINATOR[1])), 1


def _of_length(length, case):
  """Runs a case at a sequence length of its own."""

  def run():
    resize(_SPEC.vocab_size, length, _BATCH)
    return case()

  return run


def _transformer_flops(config, length):
  """Counts the operations of a forward pass of a transformer, per row and without output layer; attention is to the positions so far."""
  size = config.embedding_size
  shared = 2 * config.key_value_heads * size // config.heads
  block = 2 * size * (size + shared) + 2 * size * size + 4 * size * config.feedforward_size
  return config.layers * (length * block + 2 * size * length * (length + 1))


def _transformer_generator_flops(length):
  config = transformer.Config()
  return _transformer_flops(config, length) + length * 2 * config.embedding_size * _SPEC.vocab_size


def transformer_mle_step(rematerialize: bool = False) -> Case:
  """One maximum-likelihood step of the default transformer."""
  generator = transformer.Generator(_SPEC, transformer.Config(rematerialize=rematerialize))
  algorithm = mle.Algorithm(mle.Config(), {"generator": generator})
  return _stepper(algorithm.mle_step), 3 * _BATCH * _transformer_generator_flops(_SPEC.length), 1


def transformer_sample_64() -> Case:
  """Sampling of 64 sequences with the default transformer, measured on 1,024 at a time."""
  generator = transformer.Generator(_SPEC, transformer.Config())
  write, seed = tf.function(generator.write, autograph=False), tf.Variable(0)

  def call():
    seed.assign_add(1)
    return write(tf.constant(_SAMPLED), noise.fold(noise.seed(0), seed)).tokens.numpy()

  return call, _SAMPLED * _transformer_generator_flops(_SPEC.length), _SAMPLED / 64


def transformer_discriminator_step() -> Case:
  """One SeqGAN discriminator step with transformers on both sides."""
  networks = {
    "generator": transformer.Generator(_SPEC, transformer.Config()),
    "discriminator": transformer_discriminator.Discriminator(_SPEC, transformer_discriminator.Config()),
  }
  algorithm, length = seqgan.Algorithm(seqgan.Config(), networks), _SPEC.length
  config = transformer_discriminator.Config()
  # Attention is to all positions, before and after.
  read = _transformer_flops(config, length + 1) + config.layers * 2 * config.embedding_size * length * (length + 1)
  return _stepper(algorithm.discriminator_step), _BATCH * (_transformer_generator_flops(length) + 3 * 2 * read), 1


def _sentences(num, seed):
  """Makes sentences of 5 to 35 words with Zipfian frequencies (1 / rank), tuples of ids."""
  random = np.random.default_rng(seed)
  weights = 1.0 / np.arange(1, _SPEC.vocab_size + 1)
  tokens = random.choice(_SPEC.vocab_size, [num, 35], p=weights / weights.sum()).tolist()
  return [tuple(row[:length]) for row, length in zip(tokens, random.integers(5, 36, num))]


def bleu_10000() -> Case:
  """BLEU-2 to BLEU-5 of 10,000 sentences against 10,000 references."""
  hypotheses, references = _sentences(10_000, 0), _sentences(10_000, 1)
  return lambda: bleu.bleu(hypotheses, references), 0, 1


def self_bleu_10000() -> Case:
  """Self-BLEU-2 to Self-BLEU-5 of 10,000 sentences, each against all others."""
  sentences = _sentences(10_000, 0)
  return lambda: bleu.self_bleu(sentences), 0, 1


def kneser_ney_10000() -> Case:
  """Forward and reverse Kneser-Ney scores of 10,000 sentences."""
  samples, references, training = (_sentences(10_000, seed) for seed in range(3))
  return lambda: kneser_ney.Scorer(references, training)(samples), 0, 1


CASES = {
  "mle_step": mle_step,
  "iqlearn_step": iqlearn_step,
  "sample_64": sample_64,
  "seqgan_generator_step": lambda: _seqgan_generator(_PEER),
  "organ_generator_step": organ_generator_step,
  "irlgan_generator_step": irlgan_generator_step,
  "irlgan_discriminator_step": irlgan_discriminator_step,
  "seqgan_generator_step_bf16": _in_bfloat16(lambda: _seqgan_generator(_PEER)),
  "seqgan_discriminator_step": lambda: _seqgan_discriminator(_PEER),
  "seqgan_generator_step_published": lambda: _seqgan_generator(_PUBLISHED),
  "seqgan_discriminator_step_published": lambda: _seqgan_discriminator(_PUBLISHED),
  "generator_lstm_step": generator_lstm_step,
  "generator_lstm_step_log_prob": lambda: generator_lstm_step(log_prob=True),
  "maligan_generator_step": maligan_generator_step,
  "mmd_generator_step": mmd_generator_step,
  "mmd_generator_step_all": lambda: mmd_generator_step("all"),
  "ddo_generator_step": ddo_generator_step,
  "cot_generator_step": cot_generator_step,
  "cot_mediator_step": cot_mediator_step,
  "dgsan_generator_step": dgsan_generator_step,
  "jsdgan_generator_step": jsdgan_generator_step,
  "resampling_64": resampling_64,
  "selfgan_generator_step": selfgan_generator_step,
  "rankgan_generator_step": rankgan_generator_step,
  "rankgan_discriminator_step": rankgan_discriminator_step,
  "dpgan_generator_step": dpgan_generator_step,
  "dpgan_discriminator_step": dpgan_discriminator_step,
  "gsgan_generator_step": gsgan_generator_step,
  "gsgan_discriminator_step": gsgan_discriminator_step,
  "relgan_mle_step": relgan_mle_step,
  "relgan_generator_step": relgan_generator_step,
  "relgan_discriminator_step": relgan_discriminator_step,
  "relgan_iteration": relgan_iteration,
  "relgan_mle_step_bf16": _in_bfloat16(relgan_mle_step),
  "relgan_generator_step_bf16": _in_bfloat16(relgan_generator_step),
  "relgan_discriminator_step_bf16": _in_bfloat16(relgan_discriminator_step),
  "relgan_iteration_bf16": _in_bfloat16(relgan_iteration),
  "scratchgan_generator_step": scratchgan_generator_step,
  "scratchgan_discriminator_step": scratchgan_discriminator_step,
  "maskgan_mle_step": maskgan_mle_step,
  "maskgan_generator_step": maskgan_generator_step,
  "maskgan_discriminator_step": maskgan_discriminator_step,
  "coldgan_generator_step": coldgan_generator_step,
  "coldgan_discriminator_step": coldgan_discriminator_step,
  "gad_generator_step": gad_generator_step,
  "gad_discriminator_step": gad_discriminator_step,
  "catgan_generator_step": catgan_generator_step,
  "catgan_discriminator_step": catgan_discriminator_step,
  "leakgan_mle_step": leakgan_mle_step,
  "leakgan_generator_step": leakgan_generator_step,
  "leakgan_discriminator_step": leakgan_discriminator_step,
  "sentigan_generator_step": sentigan_generator_step,
  "sentigan_discriminator_step": sentigan_discriminator_step,
  "arae_autoencoder_step": arae_autoencoder_step,
  "arae_critic_step": arae_critic_step,
  "latentgan_autoencoder_step": latentgan_autoencoder_step,
  "latentgan_critic_step": latentgan_critic_step,
  "textgan_generator_step": lambda: _soft_generator(textgan),
  "textgan_discriminator_step": lambda: _soft_discriminator(textgan),
  "fmgan_generator_step": lambda: _soft_generator(fmgan),
  "fmgan_discriminator_step": lambda: _soft_discriminator(fmgan),
  "transformer_mle_step": transformer_mle_step,
  "transformer_sample_64": transformer_sample_64,
  "transformer_discriminator_step": transformer_discriminator_step,
  "transformer_sample_64_length_64": _of_length(64, transformer_sample_64),
  "transformer_sample_64_length_256": _of_length(256, transformer_sample_64),
  "transformer_mle_step_length_64": _of_length(64, transformer_mle_step),
  "transformer_mle_step_length_256": _of_length(256, transformer_mle_step),
  "transformer_mle_step_length_256_rematerialized": _of_length(256, lambda: transformer_mle_step(rematerialize=True)),
  "bleu_10000": bleu_10000,
  "self_bleu_10000": self_bleu_10000,
  "kneser_ney_10000": kneser_ney_10000,
}

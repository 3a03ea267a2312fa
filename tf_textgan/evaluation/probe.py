"""The headroom probe: can a new discriminator still distinguish a generator's samples from real text?

Trains a new discriminator on training sequences and fresh samples of a fixed generator, until it stops improving on the validation split; then scores
it on the test split. Any difference that it finds there could still improve the generator; if it is at chance, further adversarial training
against such a discriminator, on such data, can only follow noise. The scores are lower bounds: another discriminator, or more training sequences,
may find more.
"""

from collections.abc import Callable
from collections.abc import Iterable
import dataclasses
import math
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import progress
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data import pipeline
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import ensemble
from tf_textgan.metrics import classification
from tf_textgan.metrics import estimates
from tf_textgan.sampling import noise

# Maximum number of scored sequences of a split: more would take longer than the training, and the interval is narrow enough.
_MOST = {"train": 2000, "validation": 2000, "test": 10_000}


@dataclasses.dataclass(frozen=True)
class Config:
  """Network and training of the probe."""

  # Network of the probe: a file of tf_textgan/discriminators, or a module of your own, my_package.my_module. Its settings
  # are --probe_discriminator_...
  probe_discriminator: str = "recurrent"
  # Number of networks to train side by side; their mean score is used.
  probe_ensemble: int = 1
  # Maximum number of training steps of the probe; it stops earlier if it no longer improves.
  probe_steps: int = 2000
  # Real sequences in a batch of the probe, and as many samples.
  probe_batch_size: int = 64
  # AdamW's learning rate of the probe.
  probe_learning_rate: float = 3e-3
  # AdamW's weight decay of the probe, multiplied by the learning rate.
  probe_weight_decay: float = 0.01
  # Evaluations of the probe on the validation split, evenly spaced.
  probe_evaluations: int = 20
  # Evaluations without improvement after which the probe stops.
  probe_patience: int = 5

  def __post_init__(self):
    checks.at_least(self, 1, "probe_ensemble", "probe_steps", "probe_batch_size", "probe_evaluations", "probe_patience")
    checks.above_zero(self, "probe_learning_rate")
    checks.at_least(self, 0, "probe_weight_decay")
    registry.load("tf_textgan.discriminators", self.probe_discriminator)


class Result(NamedTuple):
  """Scores of a probe.

  Attributes:
    probe_accuracy: `estimates.Estimate`, see `classification.accuracy`; like the next two, on the test split and as many fresh samples.
    probe_auc: `estimates.Estimate`, see `classification.auc`.
    probe_gain: `estimates.Estimate`, see `classification.density_ratio_gain`; nats per sequence.
    probe_training_accuracy: `estimates.Estimate`, accuracy on the training split at the end of training, later than the others' weights; far above
      `probe_accuracy` if the probe has overfitted.
    probe_steps: training steps with the lowest validation loss, whose weights are scored.
    validation_losses: float `[K + 1]`, the vanilla discriminator's loss, in nats, before training and at each evaluation; 2 log 2 at chance.
  """

  probe_accuracy: estimates.Estimate
  probe_auc: estimates.Estimate
  probe_gain: estimates.Estimate
  probe_training_accuracy: estimates.Estimate
  probe_steps: int
  validation_losses: np.ndarray


class HeldOut:
  """Scores a discriminator on held-out sequences.

  An algorithm's discriminator that scores far lower here than on its training batches has overfitted. For a critic, such as WGAN's, only the AUC is
  meaningful: its scores have no zero and no unit.
  """

  def __init__(self, discriminator: discriminator_base.Discriminator, batch: int = 256):
    """Args: discriminator: see `discriminators.base`; batch: number of sequences scored together."""
    # One graph for batches of any size, including the last one.
    spec = discriminator.spec
    sizes = [spec.length] + [spec.source_length] * bool(spec.source_length)
    signature = [tf.TensorSpec([None, size], tf.int32) for size in sizes]
    score = lambda tokens, sources=None: discriminator(tokens, context=sources)  # noqa: E731
    self._score = tf.function(score, input_signature=signature, autograph=False)
    self._batch = batch

  def scores(self, tokens: np.ndarray, sources: np.ndarray | None = None) -> np.ndarray:
    """The discriminator's scores, without dropout, of int32 `[N, T]`, of pairs with their sources, int32 `[N, S]`: float32 `[N]`."""
    parts = [np.asarray(part, np.int32) for part in (tokens, sources) if part is not None]
    batches = ([part[i : i + self._batch] for part in parts] for i in range(0, len(tokens), self._batch))
    return np.concatenate([self._score(*batch).numpy() for batch in batches])

  def __call__(
    self, real: np.ndarray, fake: np.ndarray, real_sources: np.ndarray | None = None, fake_sources: np.ndarray | None = None
  ) -> dict[str, float]:
    """Scores held-out sequences and fresh samples.

    Args:
      real: int32 `[N, T]`.
      fake: int32 `[M, T]`.
      real_sources, fake_sources: int32 `[N, S]` and `[M, S]`, of pairs; None for text without sources.

    Returns:
      Dictionary of numbers: `heldout_accuracy`, `heldout_auc` and `heldout_gain` (nats per sequence), see `metrics.classification`;
      `heldout_loss`, the vanilla discriminator's loss (nats; 2 log 2 at chance); `heldout_at_chance`, 1 if neither accuracy nor AUC exceeds a half
      by more than its interval, else 0.
    """
    real, fake = self.scores(real, real_sources), self.scores(fake, fake_sources)
    accuracy, auc = classification.accuracy(real, fake), classification.auc(real, fake)
    return {
      "heldout_accuracy": accuracy.value,
      "heldout_auc": auc.value,
      "heldout_gain": classification.density_ratio_gain(real, fake).value,
      "heldout_loss": _loss(real, fake),
      "heldout_at_chance": float(not any(estimate.value - estimate.ci > 0.5 for estimate in (accuracy, auc))),
    }


def network_config(name: str) -> type:
  """The `Config` class of a probe's network: see `run`."""
  return registry.load("tf_textgan.discriminators", name).Config


def run(
  generator: Any,
  corpus: corpus_lib.Corpus,
  config: Config,
  seed: int,
  bar: Callable[[Iterable[int]], Iterable[int]] | None = None,
  network: Any = None,
) -> Result:
  """Trains a new discriminator against a fixed generator and scores it on the test split.

  Args:
    generator: see `generators.base`.
    corpus: `data.corpus.Corpus`. A conditional generator is conditioned on the contexts of the real sequences it is compared with.
    config: `Config`.
    seed: integer seed of initial weights, batches, samples and dropout.
    bar: function that wraps the iterator of the steps, such as this module's `bar`; None for none.
    network: the network's settings, a `network_config(config.probe_discriminator)`; None for the defaults.

  Raises:
    UserError: the training split is smaller than a batch, or the network needs another generator.
  """
  size = len(corpus.tokens["train"])
  if size < config.probe_batch_size:
    raise errors.UserError(
      f"the probe needs a batch of {config.probe_batch_size} training sequences, but there are {size}; pass --probe_batch_size {size} or less"
    )
  module = registry.load("tf_textgan.discriminators", config.probe_discriminator)
  discriminator = ensemble.make(module.Discriminator, corpus.spec, network or module.Config(), seed, config.probe_ensemble)
  discriminator.attach({"generator": generator})
  discriminator.begin()
  optimizer = keras.optimizers.AdamW(config.probe_learning_rate, weight_decay=config.probe_weight_decay)
  optimizer.build(discriminator.trainable_variables)
  held_out, write = HeldOut(discriminator), tf.function(generator.write, autograph=False)
  random = noise.fold(noise.seed(seed), "probe")
  conditional, of_pairs = generator.spec.conditional, bool(corpus.spec.source_length)
  data = {split: sequences.Batch(tokens, corpus.context(split) if conditional else None) for split, tokens in corpus.tokens.items()}

  def pair(split):
    """Real sequences, as many samples, which are not used in training, and the sources of both, if there are any."""
    tokens, context = data[split]
    if len(tokens) > _MOST[split]:
      chosen = np.sort(np.random.default_rng(seed).choice(len(tokens), _MOST[split], replace=False))
      tokens, context = tokens[chosen], None if context is None else context[chosen]
    fake = write(tf.constant(len(tokens)), noise.fold(random, split), None, context).tokens.numpy()
    return tokens, fake, context if of_pairs else None

  def score(real, fake, sources):
    return held_out.scores(real, sources), held_out.scores(fake, sources)

  validation = pair("validation")
  step = tf.function(lambda real, seed: vanilla.step(generator, discriminator, optimizer, real, seed), autograph=False)
  batches = iter(pipeline.batches(data["train"], config.probe_batch_size, seed))
  losses = [_loss(*score(*validation))]
  best, best_step, best_weights = losses[0], 0, discriminator.get_weights()
  stops = {math.ceil(config.probe_steps * k / config.probe_evaluations) for k in range(1, config.probe_evaluations + 1)}
  patience = config.probe_patience
  for i in (bar or iter)(range(1, config.probe_steps + 1)):
    step(next(batches), noise.fold(random, "step", i))
    if i not in stops:
      continue
    losses.append(_loss(*score(*validation)))
    if losses[-1] < best:
      best, best_step, best_weights = losses[-1], i, discriminator.get_weights()
      patience = config.probe_patience
    else:
      patience -= 1
      if not patience:
        break
  training_accuracy = classification.accuracy(*score(*pair("train")))
  discriminator.set_weights(best_weights)
  real, fake = score(*pair("test"))
  return Result(
    classification.accuracy(real, fake),
    classification.auc(real, fake),
    classification.density_ratio_gain(real, fake),
    training_accuracy,
    best_step,
    np.array(losses),
  )


def bar(steps: Iterable[int]) -> Iterable[int]:
  """Shows a progress bar of an iteration over `steps` on the standard error, with the maximum time left."""
  return progress.bar(steps, desc="probe", unit="step")


def verdict(result: Result) -> str:
  """Interprets a `Result` in one sentence."""
  accuracy, gain, training = result.probe_accuracy, result.probe_gain, result.probe_training_accuracy
  found = (
    f"{accuracy.value:.1%} +- {accuracy.ci:.1%} of held-out and generated sequences classified correctly, AUC {result.probe_auc.value:.3f} +- "
    f"{result.probe_auc.ci:.3f}, gain {gain.value:.3f} +- {gain.ci:.3f} nats per sequence"
  )
  if accuracy.value - accuracy.ci <= 0.5 and gain.value - gain.ci <= 0.0:
    by_heart = ""
    if training.value - training.ci > accuracy.value + accuracy.ci:
      by_heart = f"; it has learnt its training sequences by heart, with {training.value:.1%} +- {training.ci:.1%} accuracy on them"
    return f"This discriminator has nothing to teach on this data: it is at chance ({found}){by_heart}."
  if gain.value - gain.ci > 0.0:
    return f"There is something left to teach, at least {gain.value - gain.ci:.3f} nats per sequence: {found}."
  return f"There is something left to teach, but the amount is uncertain: {found}."


def _loss(real, fake):
  """The vanilla discriminator's mean loss, see `losses.adversarial`; the two samples may differ in size."""
  return float(np.logaddexp(0.0, -real.astype(np.float64)).mean() + np.logaddexp(0.0, fake.astype(np.float64)).mean())

"""Tests of tf_textgan.runs.rewards: a user's own function of sentences in training and in guided sampling."""

import re
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from tests import shell
from tf_textgan import errors
from tf_textgan import runs
from tf_textgan.commands import flags
from tf_textgan.conformance import tiny
from tf_textgan.runs import rewards

# A user's package: functions that reward one word, count words, or return wrong values.
_MODULE = '''
import numpy as np

def likes_bird(sentences):
  return [float("bird" in sentence.split()) for sentence in sentences]

def words(sentences):
  return np.array([len(sentence.split()) for sentence in sentences])

def too_few(sentences):
  return [1.0]

def not_a_number(sentences):
  return [float("nan")] * len(sentences)

def raises(sentences):
  raise KeyError("no such word")

calls = []

def fails_later(sentences):
  calls.append(len(sentences))
  return [float("nan" if len(calls) > 12 else 1.0)] * len(sentences)

number = 3
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
  folder = tmp_path / "code" / "users_rewards"
  folder.mkdir(parents=True)
  (folder / "__init__.py").write_text("")
  (folder / "own.py").write_text(_MODULE)
  monkeypatch.syspath_prepend(str(tmp_path / "code"))
  yield "users_rewards.own"
  for name in ("users_rewards", "users_rewards.own"):
    sys.modules.pop(name, None)


def _decode(tokens):
  return [" ".join("a" * token for token in row if token) for row in np.asarray(tokens).tolist()]


def _reward(function, weight=1.0):
  return rewards.Reward("users:function", function, weight, _decode)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_function_of_sentences_rewards_tokens(compiled):
  reward = _reward(lambda sentences: [len(sentence) for sentence in sentences], weight=0.5)
  tokens = tf.constant([[1, 2, 0], [3, 0, 0]])
  found = (tf.function(reward) if compiled else reward)(tokens)
  assert found.dtype == tf.float32 and found.shape == [2]
  np.testing.assert_array_equal(found, [2.0, 1.5])


@pytest.mark.parametrize(
  ("function", "message"),
  [
    (lambda sentences: [1.0], r"the reward users:function gave an array of shape \[1\] for 2 sentences; expected a number for each"),
    (lambda sentences: ["0.5", "b"], r"the reward users:function gave (np\.str_\()?'0\.5'\)?, a str_; expected a number for each sentence"),
    (lambda sentences: [None, 1.0], "the reward users:function gave None, a NoneType; expected a number for each sentence"),
    (lambda sentences: None, "the reward users:function gave None, a NoneType; expected a number for each sentence"),
    (lambda sentences: [1.0, float("nan")], "the reward users:function gave nan for the sentence 'aaa'; expected finite numbers"),
    (lambda sentences: sentences[7], "the reward users:function raised IndexError: list index out of range"),
  ],
)
def test_the_message_names_a_function_that_returns_wrong_values(function, message):
  with pytest.raises(tf.errors.OpError) as raised:
    tf.function(_reward(function))(tf.constant([[1, 2, 0], [3, 0, 0]]))
  with pytest.raises(errors.UserError, match=message):
    raise errors.user_error_in(raised.value)


def _settings(tmp_path, **changes):
  shell.write_text(tmp_path / "text.txt")
  settings = {**shell.tiny_flags("seqgan"), **shell.SHORT, "dataset": "text_lines", "text_files": tmp_path / "text.txt"}
  return shell.as_flags({**settings, "data_dir": tmp_path / "data", "workdir": tmp_path / "run", **changes})


def test_training_and_guided_sampling_add_it(package, tmp_path):
  """A reward far above the discriminator's: the journal's mean reward contains it, and guiding chooses the sentences it rewards."""
  words = _settings(tmp_path, reward=f"{package}:likes_bird", reward_weight="50", export="false")
  code, _, err = shell.call("train", *words)
  assert code == 0, err
  # The discriminator's reward is between 0 and 1.
  assert max(line["generator/reward"] for line in shell.journal(tmp_path / "run", "training") if "generator/reward" in line) > 1.0
  run = runs.load(tmp_path / "run", trust=True)
  guide = ["--workdir", tmp_path / "run", "--num", 60, "--guide", "resampling", "--trust_config", "true"]
  shares = []
  for options in (guide, [*guide[:4], *guide[-2:]]):
    code, out, err = shell.call("generate", *options)
    assert code == 0, err
    shares.append(np.mean(["bird" in line.split() for line in out.splitlines()]))
  assert shares[0] > shares[1] + 0.3 and len(run.algorithm.extra_rewards) == 1


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"reward": "{}:raises"}, "train.py: the reward {}:raises raised KeyError: 'no such word'"),
    ({"reward": "{}:too_few"}, "train.py: the reward {}:too_few gave an array of shape [1] for # sentences; expected a number for each"),
    ({"reward": "{}:not_a_number"}, "train.py: the reward {}:not_a_number gave nan for the sentence"),
    ({"reward": "{}:missing"}, "train.py: --reward is '{}:missing', but the module {} has no function missing"),
    ({"reward": "{}:number"}, "train.py: --reward is '{}:number', but the module {} has no function number"),
    ({"reward": "{}"}, "train.py: --reward is '{}'; expected module:function, such as my_package.my_rewards:politeness"),
    ({"reward": "users_rewards.no:f"}, "train.py: there is no module users_rewards.no"),
    ({"reward": "{}:words", "reward_weight": ("1", "2")}, "train.py: there are 1 of --reward but 2 of --reward_weight; expected as many"),
    ({"reward": "{}:words", "jit_compile": "true"}, "train.py: --reward is Python code, which XLA cannot compile; expected --jit_compile false"),
  ],
)
def test_a_wrong_reward_ends_in_one_line(package, tmp_path, changes, message):
  changes = {name: value.format(package) if isinstance(value, str) else value for name, value in changes.items()}
  code, out, err = shell.call("train", *_settings(tmp_path, **changes))
  assert code == 2 and not out
  # How many sentences are scored first depends on which of the parallel operations is first.
  said = re.sub(r"for \d+ sentences", "for # sentences", shell.said(err)[-1])
  assert said.startswith(message.format(*[package] * 2))
  assert "Traceback" not in err


def test_a_reward_that_fails_in_the_middle_of_a_run_leaves_the_last_checkpoint(package, tmp_path):
  words = _settings(tmp_path, reward=f"{package}:fails_later", adversarial_steps=30, evaluations=10, export="false")
  code, _, err = shell.call("train", *words)
  assert code == 2 and shell.said(err)[-1].startswith(f"train.py: the reward {package}:fails_later gave nan for the sentence")
  assert "Traceback" not in err
  step = runs.load(tmp_path / "run", "latest", trust=True).step
  assert 5 < step < 35
  # The function is mended, and the training goes on from there.
  sys.modules[package].calls.clear()
  sys.modules[package].fails_later = sys.modules[package].words
  code, _, err = shell.call("train", *words)
  assert code == 0 and f"going on from step {step} of 35" in err, err


@pytest.mark.parametrize(
  ("algorithm", "changes", "share", "penalized"),
  [
    ("seqgan", {}, None, False),
    ("seqgan", {"reward_mix": "mean", "adversary_share": "0.25"}, 0.25, False),
    ("seqgan", {"reward_repeats": "penalize"}, None, True),
    ("organ", {}, 0.5, True),
    ("organ", {"adversary_share": "0.75"}, 0.75, True),
    ("organ", {"reward_mix": "sum", "reward_repeats": "keep"}, None, False),
  ],
)
def test_the_mixture_is_the_algorithms_own_unless_it_is_chosen(algorithm, changes, share, penalized, package, tmp_path):
  words = shell.as_flags({"algorithm": algorithm, "reward": f"{package}:words", "workdir": tmp_path / "run", **changes})
  experiment = flags.parse(["train.py", *words], "")
  made = tiny.algorithm(algorithm, tiny.SPECS["text"])
  rewards.add(made, experiment, tokenizer=types.SimpleNamespace(decode=_decode))
  assert (made.adversary_share, made.penalize_repeats) == (share, penalized)


def test_an_algorithm_without_rewards_refuses_them(package, tmp_path):
  shell.write_text(tmp_path / "text.txt")
  settings = {"algorithm": "mle", "reward": f"{package}:words", "dataset": "text_lines", "text_files": tmp_path / "text.txt"}
  code, _, err = shell.call("train", *shell.as_flags({**settings, "data_dir": tmp_path / "data", "workdir": tmp_path / "run"}))
  assert code == 2
  assert shell.said(err)[-1].startswith("train.py: --algorithm mle has no reward that --reward could be added to")

"""Tests of tf_textgan.training.checkpoints."""

import dataclasses
import errno
import os
import signal
import time
import tracemalloc

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.campaigns import damage
from tf_textgan import errors
from tf_textgan.algorithms import base
from tf_textgan.conformance import tiny
from tf_textgan.training import checkpoints
from tf_textgan.training import loop


def _variables(value, shape=(3, 2)):
  return {"generator/0/kernel": tf.Variable(np.full(shape, value, np.float32)), "adam/0/iteration": tf.Variable(int(value), dtype=tf.int64)}


def _save(kept, step, value=None, best=False, names=("best",)):
  kept.save(step, _variables(step if value is None else value), {"step": step}, names if best else ())
  kept.wait()


def _names(folder):
  return sorted(path.name for path in folder.iterdir())


def test_restored_values_are_bit_for_bit_equal(tmp_path):
  algorithm, copy = (tiny.algorithm("seqgan", tiny.SPECS["text"], seed) for seed in (1, 2))
  random = np.random.default_rng(0)
  for i, variable in enumerate(algorithm.variables().values()):
    variable.assign(random.normal(size=variable.shape).astype(np.float32) if "float" in variable.dtype else np.full(variable.shape, i))
  odd = np.array([np.pi, -0.0, 1e-45, np.finfo(np.float32).max], np.float32)
  algorithm.generator.output_bias.assign(np.resize(odd, algorithm.generator.output_bias.shape))
  run_state = {"step": 7, "best": float("inf"), "updates": {"mle": 7}}
  first = checkpoints.Checkpoints(tmp_path)
  first.save(7, algorithm.variables(), run_state)
  first.wait()
  assert checkpoints.Checkpoints(tmp_path).restore(copy.variables()) == run_state
  for name, variable in algorithm.variables().items():
    restored = copy.variables()[name].numpy()
    assert restored.dtype == variable.numpy().dtype
    assert restored.tobytes() == variable.numpy().tobytes(), name


def test_a_network_of_unnamed_layers_is_restored_twice_in_one_process(tmp_path):
  def variables(seed):
    keras.utils.set_random_seed(seed)
    network = keras.Sequential([keras.Input([6], dtype="int32"), keras.layers.Embedding(9, 4), keras.layers.Bidirectional(keras.layers.GRU(3))])
    return base.variables_of(network, "discriminator") | base.variables_of(base.adam(network, 0.01), "discriminator_optimizer")

  saved, kept = variables(0), checkpoints.Checkpoints(tmp_path)
  kept.save(1, saved, {"step": 1})
  kept.wait()
  for seed in (1, 2):
    restored = variables(seed)
    assert any(np.any(saved[name].numpy() != variable.numpy()) for name, variable in restored.items())
    assert kept.restore(restored) == {"step": 1}
    for name, variable in restored.items():
      np.testing.assert_array_equal(variable, saved[name])


def test_extra_arrays_are_restored_with_the_variables(tmp_path):
  first, second = checkpoints.Checkpoints(tmp_path), checkpoints.Checkpoints(tmp_path)
  first.save(1, _variables(1.0), {"step": 1}, names=["best"], kept={"discriminator/0/kernel": np.arange(3.0)})
  first.save(2, _variables(2.0), {"step": 2})
  first.wait()
  assert second.restore(_variables(0.0), "best") == {"step": 1}
  assert list(second.kept) == ["discriminator/0/kernel"]
  np.testing.assert_array_equal(second.kept["discriminator/0/kernel"], np.arange(3.0))
  second.restore(_variables(0.0))
  assert second.kept == {}


def test_a_checkpoint_has_the_values_at_the_call_of_save(tmp_path, monkeypatch):
  kept = checkpoints.Checkpoints(tmp_path)
  write = kept._write

  def slow(*args):
    time.sleep(0.2)
    write(*args)

  monkeypatch.setattr(kept, "_write", slow)
  variables = _variables(1.0)
  kept.save(1, variables, {})
  variables["generator/0/kernel"].assign(tf.zeros([3, 2]))
  kept.wait()
  kept.restore(variables)
  np.testing.assert_array_equal(variables["generator/0/kernel"], np.ones([3, 2]))


def test_the_last_few_and_the_best_are_kept(tmp_path):
  kept = checkpoints.Checkpoints(tmp_path, keep=2)
  for step in (10, 20, 30, 1000):
    _save(kept, step, best=step == 20)
  assert _names(tmp_path) == ["best.npz", "step_000000030.npz", "step_000001000.npz"]
  variables = _variables(0)
  assert kept.restore(variables) == {"step": 1000}
  assert variables["adam/0/iteration"].numpy() == 1000
  assert kept.restore(variables, "best") == {"step": 20}
  np.testing.assert_array_equal(variables["generator/0/kernel"], np.full([3, 2], 20.0))
  assert kept.steps() == [30, 1000]
  for which in (30, "30"):
    assert kept.restore(variables, which) == {"step": 30}
  np.testing.assert_array_equal(variables["generator/0/kernel"], np.full([3, 2], 30.0))
  assert kept.restore(variables, 20) is None


@pytest.mark.parametrize("which", ["first", "", "-1", "1.5"])
def test_an_invalid_checkpoint_name_is_refused(tmp_path, which):
  expected = f"the checkpoint to read is '{which}'; expected best, latest, likelihood or the step of one that is kept"
  with pytest.raises(errors.UserError, match=expected):
    checkpoints.Checkpoints(tmp_path).restore(_variables(0), which)


@pytest.mark.parametrize("which", ["latest", "best", 7])
def test_an_empty_folder_has_no_checkpoint(tmp_path, which):
  assert checkpoints.Checkpoints(tmp_path / "absent").restore(_variables(0), which) is None


def test_another_models_checkpoint_is_refused_and_changes_nothing(tmp_path):
  kept = checkpoints.Checkpoints(tmp_path)
  _save(kept, 5)
  other = _variables(0, shape=(3, 4))
  with pytest.raises(errors.UserError, match=r"another model: generator/0/kernel has shape \(3, 2\) there, \(3, 4\) here"):
    kept.restore(other)
  assert other["adam/0/iteration"].numpy() == 0
  more = {**_variables(0), "generator/1/bias": tf.Variable(0.0)}
  with pytest.raises(errors.UserError, match="another model: it differs in 1 variables, generator/1/bias among them"):
    kept.restore(more)
  assert more["adam/0/iteration"].numpy() == 0


@pytest.mark.parametrize("name", tiny.ALGORITHMS)
def test_networks_of_a_grown_vocabulary_take_over_those_of_the_smaller_one(tmp_path, name):
  """Whatever the network: old weights come first on the axis of the vocabulary, new ones stay."""
  spec = tiny.SPECS["text"]
  algorithms = [tiny.algorithm(name, dataclasses.replace(spec, vocab_size=size), seed) for size, seed in ((9, 1), (11, 2), (11, 2))]
  kept = checkpoints.Checkpoints(tmp_path)
  for network in algorithms[0].networks:
    old, new, fresh = (base.variables_of(algorithm.networks[network], network) for algorithm in algorithms)
    kept.save(1, old, {"step": 1})
    kept.wait()
    with pytest.raises(errors.UserError, match="is a checkpoint of another model: .* has shape"):
      kept.restore(new, part=f"{network}/")
    with pytest.raises(errors.UserError, match="is a checkpoint of another model: .* has shape"):
      kept.restore(new, part=f"{network}/", grown=(9, 10))
    kept.restore(new, part=f"{network}/", grown=(9, 11))
    grew = 0
    for key, variable in new.items():
      value, before = variable.numpy(), old[key].numpy()
      part = tuple(map(slice, before.shape))
      np.testing.assert_array_equal(value[part], before)
      rest = np.ones(value.shape, bool)
      rest[part] = False
      np.testing.assert_array_equal(value[rest], fresh[key].numpy()[rest])
      grew += value.shape != before.shape
    assert grew, network


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "text"])
def test_a_damaged_latest_checkpoint_falls_back_to_the_one_before(tmp_path, damage):
  kept = checkpoints.Checkpoints(tmp_path)
  _save(kept, 1)
  _save(kept, 2)
  path = tmp_path / "step_000000002.npz"
  content = bytearray(path.read_bytes())
  middle = content.index(np.full([3, 2], 2, np.float32).tobytes())
  content[middle] ^= 0xFF
  path.write_bytes({"cut": path.read_bytes()[:-30], "empty": b"", "flipped": content, "text": b"not an archive"}[damage])
  variables = _variables(0)
  assert kept.restore(variables) == {"step": 1}
  np.testing.assert_array_equal(variables["generator/0/kernel"], np.ones([3, 2]))


def test_if_all_checkpoints_are_damaged_the_user_gets_an_error(tmp_path):
  kept = checkpoints.Checkpoints(tmp_path)
  _save(kept, 1, best=True)
  for name in ("best.npz", "step_000000001.npz"):
    (tmp_path / name).write_bytes(b"PK")
  for which, name in (("latest", "step_000000001.npz"), ("best", "best.npz")):
    with pytest.raises(errors.UserError, match=f"{name} is damaged: File is not a zip file$"):
      kept.restore(_variables(0), which)


@pytest.mark.parametrize("best", [False, True])
def test_a_kill_in_the_middle_of_a_write_leaves_the_previous_checkpoint(tmp_path, best):
  """The child process is killed when half of the second checkpoint is on the disk."""
  _save(checkpoints.Checkpoints(tmp_path), 1, best=best)
  target = tmp_path / "step_000000002.npz"
  # Made here: TensorFlow does not work in a child that was forked after it had started.
  arrays = _arrays(2)
  child = os.fork()
  if child == 0:
    os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
    checkpoints.Checkpoints(tmp_path)._write(2, arrays, ["best"] if best else [])
    os._exit(0)
  _, status = os.waitpid(child, 0)
  assert os.WTERMSIG(status) == signal.SIGKILL
  assert not target.exists() and any(name.endswith(".partial") for name in _names(tmp_path))
  kept = checkpoints.Checkpoints(tmp_path)
  assert kept.restore(_variables(0)) == {"step": 1}
  if best:
    assert kept.restore(_variables(0), "best") == {"step": 1}
  # The next write removes the partial file.
  _save(kept, 3, best=best)
  assert not any(name.endswith(".partial") for name in _names(tmp_path))
  assert kept.restore(_variables(0)) == {"step": 3}


@pytest.mark.parametrize("names", [["best"], ["likelihood"], ["best", "likelihood"]])
def test_a_kill_between_the_files_of_a_checkpoint_leaves_the_numbered_one_to_the_last(names, tmp_path, monkeypatch):
  """The numbered file says that the others have been saved: a resumed run, which begins with it, does not save them again."""
  for whole in range(len(names)):
    _assert_latest_is_before(names, whole + 1, tmp_path / str(whole), monkeypatch)


def _assert_latest_is_before(names, whole, folder, monkeypatch):
  """Stops a write when `whole` of its files are in place."""
  kept = checkpoints.Checkpoints(folder)
  _save(kept, 1, best=True, names=names)
  replaced = []

  def stop_after(source, target):
    if len(replaced) == whole:
      raise KeyboardInterrupt
    replaced.append(str(target))
    os.rename(source, target)

  with monkeypatch.context() as patch:
    patch.setattr(os, "replace", stop_after)
    with pytest.raises(KeyboardInterrupt):
      kept._write(2, _arrays(2), names)
  assert replaced == [str(folder / f"{name}.npz") for name in names[:whole]]
  assert kept.restore(_variables(0)) == {"step": 1}
  for name in names:
    assert kept.restore(_variables(0), name) == {"step": 2 if str(folder / f"{name}.npz") in replaced else 1}


def _arrays(step):
  """What is written of `_save`'s checkpoint."""
  return {**{name: variable.numpy() for name, variable in _variables(step).items()}, "run_state": np.array(f'{{"step": {step}}}')}


@pytest.mark.parametrize("call", ["fsync", "savez"])
def test_a_full_disk_is_reported_and_leaves_the_previous_checkpoints(tmp_path, monkeypatch, call):
  kept = checkpoints.Checkpoints(tmp_path)
  _save(kept, 1, best=True)

  def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  with monkeypatch.context() as patch:
    patch.setattr(os if call == "fsync" else np, call, full)
    kept.save(2, _variables(2), {"step": 2}, ["best"])
    with pytest.raises(errors.UserError, match="cannot write a checkpoint to .*: No space left on device; the ones before it are kept"):
      kept.save(3, _variables(3), {"step": 3})
  assert _names(tmp_path) == ["best.npz", "step_000000001.npz"]
  for which in ("latest", "best"):
    assert kept.restore(_variables(0), which) == {"step": 1}
  # Reported once; with free space, saving works again.
  kept.wait()
  _save(kept, 3)
  assert kept.restore(_variables(0)) == {"step": 3}


def test_a_folder_that_cannot_be_created_is_reported(tmp_path):
  (tmp_path / "file").write_text("")
  kept = checkpoints.Checkpoints(tmp_path / "file" / "checkpoints")
  kept.save(1, _variables(1), {})
  with pytest.raises(errors.UserError, match="cannot write a checkpoint to .*: Not a directory"):
    kept.wait()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_damaged_checkpoint_is_restored(tmp_path):
  """Each of about 200 is refused in one line with the path, and changes nothing."""
  algorithm = tiny.algorithm("seqgan", tiny.SPECS["text"], 0)
  variables = algorithm.variables()
  kept = checkpoints.Checkpoints(tmp_path)
  kept.save(0, variables, dataclasses.asdict(loop.RunState()), ["best"])
  kept.wait()
  path = tmp_path / "best.npz"
  whole, before = path.read_bytes(), {name: variable.numpy() for name, variable in variables.items()}
  assert kept.restore(variables, "best", read_state=loop.RunState.from_json) == loop.RunState()
  complaints = []
  damages = list(damage.checkpoints(whole))
  for name, _, content, says in damages:
    path.write_bytes(content)
    try:
      kept.restore(variables, "best", read_state=loop.RunState.from_json)
      complaints.append(f"{name}: no error")
    except errors.UserError as e:
      if "\n" in str(e) or not str(e).startswith(str(path)) or says not in str(e) or len(str(e)) > 500:
        complaints.append(f"{name}: the message is {e}; expected the path and {says!r}")
    except Exception as e:
      complaints.append(f"{name}: {e!r}")
  assert not complaints, "\n".join(complaints)
  assert len(damages) > 150
  for name, variable in variables.items():
    np.testing.assert_array_equal(variable, before[name])


def test_memory_is_not_taken_for_what_a_header_says(tmp_path):
  """Neither for 4 TB nor for what a compressed file grows to."""
  kept = checkpoints.Checkpoints(tmp_path)
  _save(kept, 1, best=True)
  kinds = ("a header of 4 TB", "a zip bomb")
  damages = {found.name: found.content for found in damage.checkpoints(_whole_with_slots(tmp_path / "other")) if found.name in kinds}
  assert len(damages) == 2
  for content in damages.values():
    (tmp_path / "best.npz").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(errors.UserError, match="best.npz is damaged: "):
      kept.restore(_variables(0), "best")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**6


def _whole_with_slots(folder):
  """A checkpoint's bytes."""
  kept = checkpoints.Checkpoints(folder)
  variables = {**_variables(0), "generator_optimizer/0/momentum": tf.Variable(np.zeros([3, 2], np.float32))}
  kept.save(0, variables, dataclasses.asdict(loop.RunState()), ["best"])
  kept.wait()
  return (folder / "best.npz").read_bytes()


def test_a_part_is_read_alone(tmp_path):
  kept = checkpoints.Checkpoints(tmp_path)
  _save(kept, 1)
  part = {"generator/0/kernel": tf.Variable(np.zeros([3, 2], np.float32))}
  assert kept.restore(part, part="generator/") == {"step": 1}
  np.testing.assert_array_equal(part["generator/0/kernel"], np.ones([3, 2]))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_what_is_not_finite_is_not_saved(tmp_path, number):
  """A checkpoint that would not be restored never takes the place of one that is."""
  kept = checkpoints.Checkpoints(tmp_path)
  _save(kept, 1)
  variables = _variables(2)
  variables["generator/0/kernel"].assign(np.full([3, 2], [[1.0, number]], np.float32))
  message = "^training diverged: generator/0/kernel is not finite at step 2; the last checkpoint before it is kept$"
  with pytest.raises(errors.UserError, match=message):
    kept.save(2, variables, {"step": 2}, ["best"])
  kept.wait()
  assert _names(tmp_path) == ["step_000000001.npz"]


def test_a_mask_may_be_infinite(tmp_path):
  """Of variables that are not trained."""
  mask = tf.Variable(np.array([0.0, -np.inf], np.float32), trainable=False)
  kept = checkpoints.Checkpoints(tmp_path)
  kept.save(1, {"generator/0/mask": mask}, {"step": 1})
  kept.wait()
  other = tf.Variable(np.zeros(2, np.float32), trainable=False)
  assert kept.restore({"generator/0/mask": other}) == {"step": 1}
  np.testing.assert_array_equal(other, [0.0, -np.inf])


def test_extra_arrays_of_a_network_fit_its_variables(tmp_path):
  kept = checkpoints.Checkpoints(tmp_path)
  for array, message in (
    ({"generator/0/kernel": np.zeros([3, 1], np.float32)}, r"kept/generator/0/kernel has shape \(3, 1\) there, \(3, 2\) here$"),
    ({"generator/0/kernel": np.zeros([3, 2])}, "kept/generator/0/kernel has type float64 there, float32 here$"),
    ({"generator/0/other": np.zeros(3)}, "differs in 1 variables, kept/generator/0/kernel among them$"),
  ):
    kept.save(1, _variables(1), {"step": 1}, kept=array)
    kept.wait()
    with pytest.raises(errors.UserError, match=message):
      kept.restore(_variables(0))


def test_the_best_checkpoint_is_checked_beforehand(tmp_path):
  kept, variables = checkpoints.Checkpoints(tmp_path), _variables(0)
  _save(kept, 1)
  kept.check_best(variables, None, needed=False)
  advice = "; to go on, copy a kept checkpoint, such as step_000000002.npz, to its place$"
  _save(kept, 2, best=True)
  kept.check_best(variables, None, needed=True)
  np.testing.assert_array_equal(variables["generator/0/kernel"], np.zeros([3, 2]))
  with pytest.raises(errors.UserError, match=rf"best.npz is a checkpoint of another model: .* has shape \(3, 2\) there, \(3, 4\) here{advice}"):
    kept.check_best(_variables(0, shape=(3, 4)), None, needed=True)
  (tmp_path / "best.npz").write_bytes(b"PK")
  with pytest.raises(errors.UserError, match=f"best.npz is damaged: File is not a zip file{advice}"):
    kept.check_best(variables, None, needed=False)
  (tmp_path / "best.npz").unlink()
  with pytest.raises(errors.UserError, match=f"best.npz, the best checkpoint, is missing{advice}"):
    kept.check_best(variables, None, needed=True)

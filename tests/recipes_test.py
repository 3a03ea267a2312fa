import pathlib

import pytest

from tf_textgan.commands import flags

_FOLDER = pathlib.Path(__file__).resolve().parents[1] / "recipes"
_QUICKSTART = _FOLDER / "quickstart.flags"


@pytest.mark.parametrize("path", sorted(_FOLDER.glob("*.flags")), ids=lambda path: path.stem)
def test_every_recipe_is_a_command_line_that_train_py_takes(path):
  experiment = flags.parse(["train.py", f"--flagfile={path}"], "")
  written = [line for line in path.read_text().splitlines() if line.startswith("--algorithm=")]
  assert written == [f"--algorithm={experiment.choices.algorithm}"]


def test_the_seqgan_recipe_has_the_papers_schedule():
  experiment = flags.parse(["train.py", f"--flagfile={_FOLDER / 'seqgan_oracle20.flags'}"], "")
  epoch = 10_000 / 64
  assert experiment.schedule.mle_steps == pytest.approx(120 * epoch, rel=0.01)
  assert experiment.schedule.discriminator_steps == pytest.approx(50 * 3 * epoch, rel=0.01)
  assert experiment.schedule.adversarial_steps == 200
  assert experiment.algorithm.discriminator_steps_per_round == pytest.approx(5 * 3 * epoch, rel=0.01)
  assert (experiment.algorithm.rollouts, experiment.algorithm.generator_learning_rate, experiment.algorithm.advantage) == (16, 1e-2, "none")


def test_the_scratchgan_recipe_has_the_papers_settings():
  experiment = flags.parse(["train.py", f"--flagfile={_FOLDER / 'scratchgan_emnlp.flags'}"], "")
  assert (experiment.loop.batch_size, experiment.schedule.adversarial_steps, experiment.loop.best_metric) == (512, 200_000, "frechet")
  assert experiment.schedule.adversarial_steps // experiment.loop.evaluations == 1000
  assert (experiment.generator.hidden_size, experiment.generator.layers, experiment.generator.embedding_size) == (512, 2, 64)
  assert (experiment.discriminator.hidden_size, experiment.discriminator.dropout, experiment.discriminator.l2) == (512, 0.1, 1e-6)
  assert (experiment.algorithm.generator_learning_rate, experiment.algorithm.discriminator_learning_rate) == (9.59e-5, 9.38e-3)


def test_the_quickstart_comes_first_and_any_flag_overrides_it():
  experiment = flags.parse(["train.py", "--seed=3", "--mle_steps=7"], "", _QUICKSTART)
  assert experiment.choices.discriminator == "recurrent"
  assert experiment.algorithm.advantage == "normalized"
  assert (experiment.loop.seed, experiment.schedule.mle_steps) == (3, 7)


@pytest.mark.parametrize("choice", ["--algorithm=seqgan", "--dataset=caption_grammar", "--generator=lstm", "--discriminator=cnn_highway"])
def test_whoever_chooses_gets_no_quickstart(choice):
  experiment = flags.parse(["train.py", choice], "", _QUICKSTART)
  assert experiment == flags.parse(["train.py", choice], "")
  assert experiment.algorithm.advantage == "none"

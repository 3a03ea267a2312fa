import pathlib

import pytest

from tf_textgan.commands import flags
from tf_textgan.commands import train

_FOLDER = pathlib.Path(__file__).resolve().parents[1] / "recipes"


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


@pytest.mark.parametrize("path", sorted((_FOLDER / "short").glob("*.flags")), ids=lambda path: path.stem)
def test_a_short_recipe_is_for_the_algorithm_of_its_name_on_the_default_corpus(path):
  experiment = flags.parse(["train.py"], "", path)
  assert (experiment.choices.algorithm, experiment.choices.dataset) == (path.stem, "caption_grammar")


def test_the_quickstart_comes_first_and_any_flag_overrides_it():
  experiment = train.parse(["train.py", "--seed=3", "--mle_steps=7"])
  assert experiment.choices.discriminator == "recurrent"
  assert experiment.algorithm.advantage == "normalized"
  assert (experiment.loop.seed, experiment.schedule.mle_steps) == (3, 7)


@pytest.mark.parametrize("choice", ["--dataset=caption_grammar", "--generator=lstm", "--discriminator=cnn_highway"])
def test_whoever_chooses_gets_no_recipe(choice):
  for arguments in ([choice], [choice, "--algorithm=seqgan"]):
    assert train.parse(["train.py", *arguments]) == flags.parse(["train.py", *arguments], "")


def test_whoever_chooses_the_algorithm_alone_gets_its_short_recipe(tmp_path, capsys):
  experiment = train.parse(["train.py", "--algorithm", "mle", "--seed=3"])
  assert capsys.readouterr().err == "the flags of recipes/short/mle.flags come first\n"
  assert experiment == flags.parse(["train.py", f"--flagfile={_FOLDER / 'short' / 'mle.flags'}", "--seed=3"], "")
  (tmp_path / "own.flags").write_text("--algorithm=mle")
  for arguments in ([f"--flagfile={tmp_path / 'own.flags'}"], ["--algorithm=mle", "--pretrained=runs/a"]):
    assert train.parse(["train.py", *arguments]) == flags.parse(["train.py", "--algorithm=mle", *arguments[1:]], "")
  assert not capsys.readouterr().err


def test_an_algorithm_without_a_short_recipe_has_its_papers_settings():
  assert flags.recipe_for(["--algorithm", "examples.better_of_two"]) is None
  assert flags.recipe_for(["--algorithm", "../quickstart"]) is None

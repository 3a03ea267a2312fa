"""Tests of tf_textgan.commands.flags."""

import collections
import dataclasses
import itertools

import pytest

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.algorithms import base
from tf_textgan.algorithms import seqgan
from tf_textgan.commands import flags
from tf_textgan.conformance import tiny
from tf_textgan.data import load
from tf_textgan.data.datasets import caption_grammar
from tf_textgan.data.datasets import lstm_oracle
from tf_textgan.discriminators import conv_resnet
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import lstm
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.training import loop


def _parse(*arguments):
  return flags.parse(["train.py", *arguments], "Trains.")


def test_defaults_come_from_the_dataclasses():
  assert _parse() == experiment_lib.Experiment(
    choices=experiment_lib.Choices(),
    schedule=base.Schedule(),
    loop=loop.Config(),
    algorithm=seqgan.Config(),
    dataset=caption_grammar.Config(),
    generator=seqgan.GENERATOR[1],
    discriminator=seqgan.DISCRIMINATOR[1],
  )


@pytest.mark.parametrize("name", tiny.ALGORITHMS)
def test_each_algorithm_has_its_own_defaults_and_flags(name):
  module = registry.load("tf_textgan.algorithms", name)
  parsed = _parse("--algorithm", name)
  assert parsed.algorithm == module.Config()
  assert parsed.generator == module.GENERATOR[1]
  assert parsed.discriminator == (module.DISCRIMINATOR[1] if module.DISCRIMINATOR else None)
  for field in dataclasses.fields(module.Config):
    default = getattr(module.Config(), field.name)
    if isinstance(default, float) and default < 0.9:
      changed = _parse("--algorithm", name, f"--{field.name}", str(default + 0.0625))
      config = dataclasses.replace(parsed.algorithm, **{field.name: default + 0.0625})
      assert changed == dataclasses.replace(parsed, algorithm=config)


def test_networks_flags_have_a_prefix():
  generator = ["--generator_hidden_size", "7", "--generator_latent_size=0"]
  parsed = _parse("--algorithm=gsgan", *generator, "--discriminator_hidden_size=9", "--discriminator_dropout", "0.5")
  assert parsed.generator == lstm.Config(hidden_size=7, latent_size=0)
  assert parsed.discriminator == recurrent.Config(hidden_size=9, dropout=0.5)
  with pytest.raises(errors.UserError, match="unknown flag --hidden_size"):
    _parse("--hidden_size", "7")


def test_another_network_has_its_own_defaults():
  parsed = _parse("--algorithm", "gsgan", "--discriminator", "conv_resnet", "--discriminator_channels", "16", "--generator", "lstm")
  assert parsed.discriminator == conv_resnet.Config(channels=16)
  # Naming the default network keeps the algorithm's settings.
  assert parsed.generator == lstm.Config(latent_size=32)


def test_values_are_typed():
  numbers = ["--length", "40", "--discriminator_widths", "1", "2", "--discriminator_filters", "3", "4"]
  switches = ["--noexport", "--jit_compile", "--algorithm", "maligan", "--mixed", "true"]
  parsed = _parse("--dataset", "lstm_oracle", "--precision", "mixed_bfloat16", *numbers, *switches)
  assert parsed.dataset == lstm_oracle.Config(length=40)
  assert (parsed.choices.export, parsed.loop.jit_compile, parsed.algorithm.mixed) == (False, True, True)
  assert (parsed.discriminator.widths, parsed.discriminator.filters) == ((1, 2), (3, 4))
  assert parsed.choices.precision == "mixed_bfloat16"


def test_a_flagfile_is_inserted_at_its_position(tmp_path):
  inner, outer = tmp_path / "inner.flags", tmp_path / "outer.flags"
  inner.write_text("# A comment.\n--seed=5\n\n--mle_steps=50\n")
  outer.write_text(f"--algorithm=mle\n--flagfile={inner}\n--mle_steps=60\n")
  for arguments, expected in (
    (["--flagfile", str(outer)], (5, 60)),
    ([f"--flagfile={outer}", "--mle_steps=70"], (5, 70)),
    (["--mle_steps=70", "--seed=7", f"--flagfile={outer}"], (5, 60)),
  ):
    parsed = _parse(*arguments)
    assert parsed.choices.algorithm == "mle"
    assert (parsed.loop.seed, parsed.schedule.mle_steps) == expected


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    (["--alogrithm", "mle"], r"unknown flag --alogrithm \(did you mean --algorithm\?\); there are: .*--algorithm, .*--workdir"),
    (["--mle_step=3"], r"unknown flag --mle_step \(did you mean --mle_steps"),  # No abbreviations.
    (["mle"], "unexpected argument 'mle'; flags start with --"),
    (["--algorithm", "gpt"], "unknown algorithm 'gpt'.*there are: .*gsgan, .*mle, .*seqgan, .*wgan_gp"),
    (["--algorithm", ""], "unknown algorithm ''"),
    (["--algorithm"], "--algorithm: expected one argument"),
    (["--generator", "transfomer"], "unknown generator 'transfomer'.*there are: conv_resnet, .*lstm"),
    (["--dataset", "ptb"], "unknown dataset 'ptb'.*caption_grammar"),
    (["--seed", "one"], "--seed: invalid int value: 'one'"),
    (["--mle_learning_rate", "1,5"], "--mle_learning_rate: invalid float value: '1,5'"),
    (["--algorithm=gsgan", "--objective", "hinge"], r"--objective: invalid choice: 'hinge' \(choose from '?saturating'?, '?non_saturating'?\)"),
    (["--algorithm=gsgan", "--max_temperature", "0"], "max_temperature must be above 0, not 0.0"),
    (["--algorithm=wgan_gp", "--beta_1", "1"], "beta_1 must be at least 0 and below 1, not 1.0"),
    (["--discriminator_widths", "0", "--discriminator_filters", "3"], r"widths must be at least 1, not \(0,\)"),
    (["--adversarial_steps", "-1"], "adversarial_steps must be at least 0, not -1"),
    (["--profile_rounds", "-1"], "profile_rounds must be at least 0, not -1"),
  ],
)
def test_messages_for_wrong_flags_list_the_allowed_ones(arguments, message):
  with pytest.raises(errors.UserError, match=message):
    _parse(*arguments)


def test_help_shows_the_chosen_algorithms_flags_with_their_comments(capsys):
  with pytest.raises(SystemExit) as end:
    _parse("--algorithm", "wgan_gp", "--help")
  assert end.value.code == 0
  text = " ".join(capsys.readouterr().out.split())
  assert "Trains." in text and "Weight of the gradient penalty (lambda)." in text and "--generator_channels" in text
  assert "--rollouts" not in text


def test_no_two_parts_of_an_experiment_share_a_flag():
  parts = [experiment_lib.Choices, base.Schedule, loop.Config]
  datasets = [load.config_class(name) for name in load.names()]
  algorithms = [registry.load("tf_textgan.algorithms", name).Config for name in tiny.ALGORITHMS]
  generators = [registry.load("tf_textgan.generators", name).Config for name in tiny.GENERATORS]
  discriminators = [registry.load("tf_textgan.discriminators", name).Config for name in tiny.DISCRIMINATORS]
  for algorithm, dataset in itertools.product(algorithms, datasets):
    names = [field.name for cls in (*parts, algorithm, dataset) for field in dataclasses.fields(cls)]
    for prefix, classes in (("generator_", generators), ("discriminator_", discriminators)):
      names += {prefix + field.name for cls in classes for field in dataclasses.fields(cls)}
    shared = [name for name, count in collections.Counter(names).items() if count > 1]
    assert not shared, (algorithm, dataset)


def test_options_of_a_command():
  @dataclasses.dataclass(frozen=True)
  class Options:
    """Options."""

    # Sentences.
    num: int = 10
    # None by default.
    temperature: float | None = None

  assert flags.parse_options(["generate.py"], Options, "") == Options()
  assert flags.parse_options(["generate.py", "--num=3", "--temperature", "0.5"], Options, "") == Options(3, 0.5)
  expected = r"unknown flag --temprature \(did you mean --temperature\?\); there are: --flagfile, --help, --num, --temperature"
  with pytest.raises(errors.UserError, match=expected):
    flags.parse_options(["generate.py", "--temprature=1"], Options, "")


def test_the_quickstart_comes_first_and_only_if_nothing_is_chosen(tmp_path):
  quickstart = tmp_path / "quickstart.flags"
  quickstart.write_text("--algorithm=mle\n--mle_steps=50\n--seed=5\n")
  for arguments, algorithm, steps, seed in (
    ([], "mle", 50, 5),
    (["--mle_steps=70"], "mle", 70, 5),
    (["--algorithm=seqgan"], "seqgan", base.Schedule().mle_steps, 0),
    (["--dataset", "lstm_oracle", "--seed=6"], "seqgan", base.Schedule().mle_steps, 6),
  ):
    parsed = flags.parse(["train.py", *arguments], "", quickstart)
    assert (parsed.choices.algorithm, parsed.schedule.mle_steps, parsed.loop.seed) == (algorithm, steps, seed)

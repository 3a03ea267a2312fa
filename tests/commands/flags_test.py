"""Tests of tf_textgan.commands.flags."""

import collections
import dataclasses
import itertools
import shlex

import pytest

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.algorithms import base
from tf_textgan.algorithms import seqgan
from tf_textgan.commands import evaluate
from tf_textgan.commands import flags
from tf_textgan.commands import generate
from tf_textgan.conformance import tiny
from tf_textgan.data import load
from tf_textgan.data.datasets import caption_grammar
from tf_textgan.data.datasets import lstm_oracle
from tf_textgan.discriminators import conv_resnet
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import lstm
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.training import learning_rates
from tf_textgan.training import loop


def _parse(*arguments):
  return flags.parse(["train.py", *arguments], "Trains.")


def test_defaults_come_from_the_dataclasses():
  assert _parse() == experiment_lib.Experiment(
    choices=experiment_lib.Choices(),
    schedule=base.Schedule(),
    loop=loop.Config(),
    rates=learning_rates.Config(),
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
      needed = {"clip_ratio": ("policy_updates", 2), "control_learning_rate": ("estimator", "relax")}.get(field.name, (field.name, default + 0.0625))
      changed = _parse("--algorithm", name, f"--{needed[0]}", str(needed[1]), f"--{field.name}", str(default + 0.0625))
      config = dataclasses.replace(parsed.algorithm, **{needed[0]: needed[1], field.name: default + 0.0625})
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
    (["--generator", "transfomer"], "unknown generator 'transfomer'.*there are: autoencoder, .*lstm"),
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


def test_a_recipe_comes_first(tmp_path):
  recipe = tmp_path / "recipe.flags"
  recipe.write_text("--algorithm=mle\n--mle_steps=50\n--seed=5\n")
  for arguments, steps, seed in (([], 50, 5), (["--mle_steps=70"], 70, 5), (["--seed", "6"], 50, 6)):
    parsed = flags.parse(["train.py", *arguments], "", recipe)
    assert (parsed.choices.algorithm, parsed.schedule.mle_steps, parsed.loop.seed) == ("mle", steps, seed)


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    ("--algorithm mle --adversarial_steps 5", "--adversarial_steps is the length of a phase that this --algorithm does not have; expected 0, or no"),
    ("--algorithm=scratchgan --mle_steps=5", "--mle_steps is the length of a phase"),
    ("--algorithm=wgan_gp --discriminator_steps=5", "--discriminator_steps is the length of a phase"),
    ("--decay_steps 3", "--decay_steps is for --learning_rate_schedule cosine or step"),
    ("--learning_rate_schedule warmup --warmup_steps 3 --decay_factor 0.5", "--decay_factor is for --learning_rate_schedule cosine or step"),
    ("--learning_rate_schedule step --decay_steps 3 --warmup_steps 2", "--warmup_steps is for --learning_rate_schedule warmup or cosine"),
    ("--scheduled_optimizers mle_optimizer", "--scheduled_optimizers is for learning rates that change; expected --learning_rate_schedule"),
    ("--export false --export_version 3", "--export_version is for the SavedModel; expected --export true"),
    ("--dataset ./absent --data_dir d", "--data_dir is for datasets to prepare, but --dataset is the folder of a prepared one"),
    ("--clip_ratio 0.3", "--clip_ratio is for several updates on the same samples; expected --policy_updates above 1"),
    ("--algorithm gsgan --control_learning_rate 1e-2", "--control_learning_rate is for the --estimator rebar or relax"),
    ("--algorithm gsgan --estimator reinforce --min_temperature 0.1", "--min_temperature is for a relaxed --estimator: gumbel_softmax, "),
    ("--algorithm relgan --penalty_weight 1", "--penalty_weight is for --loss wasserstein"),
    ("--algorithm catgan --temperature_schedule constant --schedule_steps 9", "--schedule_steps is for a temperature that changes, but"),
    ("--algorithm maligan --continuations 2", "--continuations is for mixed training; expected --mixed true"),
    ("--algorithm selfgan --search_every 2", "--search_every is for --decoding search"),
    ("--algorithm gad --mle_steps 0 --joint_warmup true", "--joint_warmup is for rounds of maximum likelihood; expected --mle_steps above 0"),
    ("--algorithm gad --demonstration_advantage 1", "--demonstration_advantage is for a --demonstration_share above 0"),
    ("--algorithm coldgan --replay_share 0 --replay_size 9", "--replay_size is for a --replay_share above 0"),
    ("--algorithm coldgan --exploration_nucleus 1 --exploration_share 0 --exploration_temperature 0.5", "--exploration_temperature is for an"),
    ("--algorithm coldgan --exploration_share 1 --exploration_nucleus 0.5", "--exploration_nucleus is for an --exploration_share below 1"),
    ("--reward_mix mean", "--reward_mix is for own rewards; expected --reward"),
    ("--reward_repeats penalize", "--reward_repeats is for own rewards"),
    ("--algorithm seqgan --reward a.b:c --adversary_share 0.3", "--adversary_share is for --reward_mix mean"),
    ("--algorithm mmd --frequencies 9", "--frequencies is for --real_side all"),
  ],
)
def test_a_flag_of_a_training_that_would_be_ignored_is_refused(arguments, message):
  with pytest.raises(errors.UserError, match=message):
    _parse(*arguments.split())


@pytest.mark.parametrize(
  "arguments",
  [
    "--algorithm mle --adversarial_steps 0 --mle_steps 3",
    "--export_version 3",
    "--export false",
    "--policy_updates 2 --clip_ratio 0.3",
    "--algorithm gsgan --estimator rebar --control_learning_rate 1e-2",
    "--algorithm gsgan --max_temperature 3",
    "--algorithm wgan_gp --penalty_weight 1",
    "--algorithm selfgan --decoding search --search_every 2",
    "--algorithm gad --clip_ratio 0.1",
    "--algorithm gad --mle_steps 0 --joint_warmup false",
    "--algorithm gad --demonstration_share 0.3 --demonstration_advantage 1",
    "--dataset lstm_oracle --data_dir d",
  ],
)
def test_a_flag_that_has_an_effect_is_taken(arguments):
  _parse(*arguments.split())


def test_a_flag_in_a_flagfile_that_would_be_ignored_is_refused(tmp_path):
  (tmp_path / "some.flags").write_text("--adversarial_steps=5\n")
  with pytest.raises(errors.UserError, match="--adversarial_steps is the length of a phase"):
    _parse("--algorithm=mle", f"--flagfile={tmp_path / 'some.flags'}")
  _parse("--algorithm=mle", f"--flagfile={tmp_path / 'some.flags'}", "--adversarial_steps=0")


def _run(command, arguments):
  return {"generate": generate.parse, "evaluate": evaluate.parse}[command]([f"{command}.py", *shlex.split(arguments)])


IGNORED = {
  "generate": [
    ("--candidates 3", "--candidates is for guided sampling; expected --guide"),
    ("--guide_strength 2 --guide none", "--guide_strength is for guided sampling; expected --guide"),
    ("--guide_workdir runs/a", "--guide_workdir is for guided sampling"),
    ("--guide resampling --search_every 3", "--search_every is for --guide search"),
    ("--guide search --rejection_percentile 3", "--rejection_percentile is for --guide rejection"),
    ("--temperature 0 --top_k 3", "--top_k is for random draws, but --temperature 0 takes the most probable token"),
    ("--temperature 0 --nucleus 0.5", "--nucleus is for random draws"),
  ],
  "evaluate": [
    ("--workdir r --lower true", "--lower is for files without a run; with --workdir the run's own tokenizer reads them"),
    ("--workdir r --file f --tokenizer nltk", "--tokenizer is for files without a run"),
    ("--workdir r --references f", "--references is for files without a run; with --workdir the run's corpus is the real text"),
    ("--training f", "--training is for files without a run"),
    ("--sweep --probe", "--probe is a command of its own; expected no --sweep"),
    ("--workdir r --probe --file f", "--file is for scores and curves; --probe is for what runs write"),
    ("--workdir r --combine true", "--combine is for two or more runs; expected one --workdir for each"),
    ("--workdir r --workdir s --file f --combine true", "--combine is for what runs write; expected --workdir, without --file unless with --sweep"),
    ("--file f --guide search", "--guide is for what runs write; expected --workdir"),
    ("--workdir r --file f --guide search", "--guide is for what runs write"),
    ("--file f --num 30", "--num is for what runs write"),
    ("--workdir r --file f --num 30", "--num is for what runs write"),
    ("--workdir r --probe --num 30", "--num is for scores and curves; --probe has as many samples as real sentences"),
    ("--workdir r --sweep --temperature 0.7", "--temperature is for the scores of runs, without --file and --probe; --sweep has --temperatures"),
    ("--workdir r --probe --temperature 0.7", "--temperature is for the scores of runs"),
    ("--workdir r --file f --temperature 0", "--temperature is for the scores of runs"),
    ("--file f --split train", "--split is for scores against a run's corpus; --probe uses the test split"),
    ("--workdir r --probe --split train", "--split is for scores against a run's corpus"),
    ("--file f --checkpoint latest", "--checkpoint is for runs; expected --workdir"),
    ("--file f --trust_config true", "--trust_config is for runs; expected --workdir"),
    ("--file f --new_data true", "--new_data is for runs; expected --workdir"),
    ("--workdir r --sweep --json j", "--json is for a table of scores; --sweep writes its own into --output"),
    ("--workdir r --output o", "--output is for curves; expected --sweep"),
    ("--workdir r --baseline r", "--baseline is for curves; expected --sweep"),
    ("--workdir r --temperatures 0.5 1", "--temperatures is for curves; expected --sweep"),
    ("--workdir r --nuclei 0.5", "--nuclei is for curves; expected --sweep"),
    ("--file f --encoder hashed", "--encoder is for scores against real text; expected --workdir, or --references, and no --probe"),
    ("--file f --bleu_protocol relgan", "--bleu_protocol is for scores against real text"),
    ("--workdir r --probe --lm_size 8", "--lm_size is for scores against real text"),
    ("--workdir r --lm_epochs 8", "--lm_epochs is for the LSTM language model; expected --lm_size above 0"),
    ("--workdir r --probe_steps 8", "--probe_steps is for a new discriminator; expected --probe"),
    ("--workdir r --probe_discriminator_hidden_size 8", "--probe_discriminator_hidden_size is for a new discriminator; expected --probe"),
    ("--workdir r --candidates 8", "--candidates is for guided sampling; expected --guide"),
  ],
}  # fmt: skip


@pytest.mark.parametrize(("command", "arguments", "message"), [(name, *case) for name, cases in IGNORED.items() for case in cases])
def test_a_flag_that_would_be_ignored_is_refused(command, arguments, message):
  with pytest.raises(errors.UserError) as refusal:
    _run(command, arguments)
  assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(
  ("command", "arguments"),
  [
    ("generate", "--temperature 0.5 --top_k 3 --guide search --search_every 2 --candidates 4"),
    ("generate", "--guide none --temperature 0"),
    ("evaluate", "--file f --references g --training h --tokenizer nltk --lower true --encoder hashed --lm_size 4 --lm_epochs 2 --seed 3 --json j"),
    ("evaluate", "--workdir r --num 30 --temperature 0.5 --split train --checkpoint latest --new_data true --bleu_protocol relgan --json j"),
    ("evaluate", "--workdir r --workdir s --combine true --guide search --file f --sweep --temperatures 0.5 --nuclei 0.8 --num 20 --baseline r"),
    ("evaluate", "--workdir r --probe --probe_steps 4 --probe_discriminator_hidden_size 3 --guide resampling --candidates 3 --json j --seed 2"),
    ("evaluate", "--workdir r --file f --split validation --encoder '' --sweep false --probe=false"),
    ("evaluate", "--file f --training g --encoder ''"),
    ("evaluate", ""),
  ],
)
def test_flags_that_have_an_effect_are_taken(command, arguments):
  _run(command, arguments)


def test_every_flag_of_evaluate_is_in_a_rule_or_always_used():
  always = {"workdir", "seed", "sweep", "imports", "guide"}
  ruled = {name for rule in (*evaluate._RULES, evaluate._probing(recurrent.Config)) for name in rule.names}
  fields = {field.name for part in evaluate._PARTS.values() for field in dataclasses.fields(part)}
  assert fields - ruled == always - {"guide"} and always & ruled == {"guide"}

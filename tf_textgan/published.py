"""Published values of the algorithms' settings, from which the tables of docs/algorithms.md are made.

An algorithm's module declares a `Setting` for every field of its `Config` and of its networks' in a dictionary `PUBLISHED`, by the names of the
flags, and for lengths of its phases. Other facts that a reader compares have other names. Whether a default is "the same" follows from the values,
so that no table can be wrong about it. `COLUMNS` names the two sources, where they are not the paper and its code.
"""

from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

# A value that is known second-hand only.
UNCHECKED = "not checked"
COLUMNS = ("paper", "its code")


class Setting(NamedTuple):
  """Published values of a setting.

  Attributes:
    paper: the value in the first source; None if it does not say, or has no such thing.
    code: the value in the second source, usually the paper's code; None likewise.
    note: why the default here differs, or what else is to be known; of a fact that is no setting, what is done here.
  """

  paper: Any = None
  code: Any = None
  note: str = ""


def shown(value: Any) -> str:
  """A value in a table: "-" for None."""
  if value is None:
    return "-"
  if isinstance(value, bool):
    return "yes" if value else "no"
  if isinstance(value, tuple):
    return ", ".join(shown(part) for part in value)
  if isinstance(value, float):
    return f"{value:g}".replace("e-0", "e-")
  if isinstance(value, int):
    return f"{value:,}"
  return str(value)


def verdict(setting: Setting, ours: Any, columns: tuple[str, str] = COLUMNS) -> str:
  """What a table says of the default here: "same" where it has the published value, the source's name where the sources differ, else the value.

  Raises:
    ValueError: it differs from a published value, and no note says why.
  """
  known = [(column, value) for column, value in zip(columns, (setting.paper, setting.code)) if value is not None and value != UNCHECKED]
  agreeing = [column for column, value in known if value == ours and isinstance(value, bool) == isinstance(ours, bool)]
  note = f"; {setting.note}" if setting.note else ""
  if agreeing and len(agreeing) == len(known):
    return f"same{note}"
  if agreeing:
    article = "" if agreeing[0].startswith(("the ", "its ")) or agreeing[0][0].isupper() else "the "
    return f"{shown(ours)}, as in {article}{agreeing[0]}{note}"
  if known and not setting.note:
    raise ValueError(f"{ours!r} differs from the published {[value for _, value in known]}; a note must say why")
  return f"{shown(ours)}{note}"


def table(settings: Mapping[str, Setting], defaults: Mapping[str, Any], columns: tuple[str, str] = COLUMNS) -> str:
  """The table of an algorithm, in Markdown.

  Args:
    settings: name to `Setting`; a name that is a flag's stands in `defaults`.
    defaults: name of a flag to its default.
    columns: names of the sources.

  Raises:
    ValueError: a setting of `defaults` is missing, or see `verdict`; the message names the setting.
  """
  if missing := [name for name in defaults if name not in settings and name not in OPTIONAL]:
    raise ValueError(f"PUBLISHED lacks {', '.join(missing)}")
  lines = [f"| setting | {columns[0]} | {columns[1]} | here | flag |", "|---|---|---|---|---|"]
  for name, setting in settings.items():
    flag = f"`--{name}`" if name in defaults else "-"
    try:
      here = verdict(setting, defaults[name], columns) if name in defaults else setting.note
    except ValueError as e:
      raise ValueError(f"{name}: {e}") from e
    if not here or (name not in defaults and here.startswith("same")):
      raise ValueError(f"{name} is no setting: its note must say what is done here, not only that it is the same")
    lines.append(f"| {name.replace('_', ' ')} | {shown(setting.paper)} | {shown(setting.code)} | {here} | {flag} |")
  return "\n".join(lines)


# Settings of the schedule and of the loop, of which an algorithm's table has those that its paper has.
OPTIONAL = ("mle_steps", "discriminator_steps", "adversarial_steps", "batch_size")


def prefixed(prefix: str, settings: Mapping[str, Setting]) -> dict[str, Setting]:
  """Settings of a network under the names of their flags."""
  return {f"{prefix}_{name}": setting for name, setting in settings.items()}


SHORT = "short by default; longer in recipes/"
_NETWORK = "SeqGAN's network"

# SeqGAN's networks, from its code, https://github.com/LantaoYu/SeqGAN.
SEQGAN_GENERATOR = prefixed(
  "generator",
  {
    "embedding_size": Setting(None, 32),
    "hidden_size": Setting(None, 32),
    "latent_size": Setting(None, 0),
    "init_stddev": Setting(None, 0.1),
    "initialization": Setting(None, "normal"),
    "dropout": Setting(None, 0.0),
    "layers": Setting(None, 1),
    "tied": Setting(None, False),
  },
)
SEQGAN_DISCRIMINATOR = prefixed(
  "discriminator",
  {
    "embedding_size": Setting(None, 64),
    "widths": Setting(None, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)),
    "filters": Setting(None, (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)),
    "dropout": Setting(None, 0.25),
    "output_l2": Setting(None, "0.2 / 2, on two outputs", "on their difference: the same step of the weights"),
    "start": Setting(
      None, "N(0, 0.1^2), highway and gate Glorot's", "the same distributions; one output for the difference of two, N(0, 0.02)"
    ),
    "outputs": Setting(None, "softmax over two", "the logit, the same function; with Adam the difference of two outputs moves twice as fast"),
  },
)
# For algorithms whose papers have other networks, or whose code is not public.
OUR_GENERATOR = {name: Setting(note=_NETWORK) for name in SEQGAN_GENERATOR}
OUR_DISCRIMINATOR = {name: Setting(note=_NETWORK) for name in SEQGAN_DISCRIMINATOR if name not in ("discriminator_start", "discriminator_outputs")}
# Of generators that are relational memories, and their discriminators, from RelGAN's code, https://github.com/weilinie/RelGAN.
RELGAN_GENERATOR = prefixed(
  "generator",
  {
    "embedding_size": Setting(None, 32),
    "slots": Setting(1, 1),
    "heads": Setting(2, 2),
    "head_size": Setting(256, 256),
    "layers": Setting(None, 2),
    "latent_size": Setting(None, 0),
  },
)
RELGAN_DISCRIMINATOR = prefixed(
  "discriminator",
  {
    "embedding_size": Setting(64, 64),
    "view_size": Setting(1, 1),
    "widths": Setting(None, (2, 3, 4, 5)),
    "filters": Setting(None, (300, 300, 300, 300)),
    "feature_size": Setting(None, 100),
    "dropout": Setting(None, 0.25),
  },
)

"""Tests of tf_textgan.published."""

import pytest

from tf_textgan import published

S = published.Setting


@pytest.mark.parametrize(
  ("setting", "ours", "expected"),
  [
    (S(0.2, 0.2), 0.2, "same"),
    (S(None, 1e-4), 1e-4, "same"),
    (S(1e-4, published.UNCHECKED), 1e-4, "same"),
    (S("soft", "hard"), "hard", "hard, as in its code"),
    (S("soft", "hard"), "soft", "soft, as in the paper"),
    (S(True, False), False, "no, as in its code"),
    (S(0.0, 0.3, "falls to 0"), 0.3, "0.3, as in its code; falls to 0"),
    (S(None, 2340, "each on new samples"), 5, "5; each on new samples"),
    (S(1, None, "a share"), 1.0, "same; a share"),
    (S(published.UNCHECKED, None), 16, "16"),
    (S(note="not in the paper"), 0.0, "0; not in the paper"),
    (S(None, (1, 20), "short"), (1, 2), "1, 2; short"),
    # A number is no switch.
    (S(None, 1, "a switch"), True, "yes; a switch"),
  ],
)
def test_what_is_said_of_a_default_follows_from_the_values(setting, ours, expected):
  assert published.verdict(setting, ours) == expected


def test_a_difference_needs_a_reason():
  with pytest.raises(ValueError, match=r"5 differs from the published \[2340\]; a note must say why"):
    published.verdict(S(None, 2340), 5)


def test_a_table():
  settings = {"rollouts": S(16, 16), "clip_norm": S(None, 2.0, "as elsewhere"), "mle_steps": S(None, 18_720, "short")}
  settings["the game"] = S("minimax", None, "ours")
  assert published.table(settings, {"rollouts": 16, "clip_norm": 5.0, "mle_steps": 1500, "batch_size": 64}, ("paper", "the toolkit")) == (
    "| setting | paper | the toolkit | here | flag |\n"
    "|---|---|---|---|---|\n"
    "| rollouts | 16 | 16 | same | `--rollouts` |\n"
    "| clip norm | - | 2 | 5; as elsewhere | `--clip_norm` |\n"
    "| mle steps | - | 18,720 | 1,500; short | `--mle_steps` |\n"
    "| the game | minimax | - | ours | - |"
  )


@pytest.mark.parametrize(
  ("settings", "message"),
  [
    ({}, "PUBLISHED lacks rollouts"),
    ({"rollouts": S(16, 8)}, r"rollouts: 4 differs from the published \[16, 8\]; a note must say why"),
    ({"rollouts": S(4), "game": S("minimax")}, "game is no setting: its note must say what is done here, not only that it is the same"),
    ({"rollouts": S(4), "game": S("minimax", None, "same")}, "game is no setting"),
  ],
)
def test_incomplete_tables_are_refused(settings, message):
  with pytest.raises(ValueError, match=message):
    published.table(settings, {"rollouts": 4})

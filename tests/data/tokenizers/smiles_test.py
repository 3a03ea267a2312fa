"""Tests of tf_textgan.data.tokenizers.smiles."""

import numpy as np
import pytest

from tests.data.tokenizers import hostile
from tf_textgan import errors
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import smiles

# Aspirin, chloramphenicol, glycine as a zwitterion, a ferrocene, and a macrocycle with a ring closure of two digits.
MOLECULES = (
  "CC(=O)Oc1ccccc1C(=O)O", "OC[C@H]([C@@H](c1ccc(cc1)[N+](=O)[O-])O)NC(=O)C(Cl)Cl", "C([NH3+])C(=O)[O-]", "[CH-]1C=CC=C1.[CH-]1C=CC=C1.[Fe+2]",
  r"C%12CCCC/C=C\CCCCBr%12", "[13CH4].[2H]O[2H]",
)  # fmt: skip


@pytest.mark.parametrize(("molecule", "tokens"), [
  ("CCl", "C Cl"), ("BrCCBr", "Br C C Br"), ("BCc1ccccc1", "B C c 1 c c c c c 1"), ("C[C@@H](N)Cl", "C [C@@H] ( N ) Cl"),
  ("C%12CC%12", "C %12 C C %12"), ("F/C=C\\F", "F / C = C \\ F"), ("C#N.[Na+]", "C # N . [Na+]"),
  ("C12CC1C2", "C 1 2 C C 1 C 2"), ("[nH]1cccc1", "[nH] 1 c c c c 1"), ("[C", "[ C"),
])  # fmt: skip
def test_atoms_bonds_and_rings(molecule, tokens):
  assert smiles.Tokenizer.split(molecule) == tokens.split()


def test_text_is_restored_and_the_graph_agrees():
  texts = [*MOLECULES, *(text.replace("\0", "") for text in hostile.TEXTS)]
  tokenizer = smiles.Tokenizer.build(texts, text_config.TextConfig(tokenizer="smiles"))
  tokens = tokenizer.encode(texts, 80)
  assert tokenizer.decode(tokens) == texts
  graph = tokenizer.graph()
  np.testing.assert_array_equal(graph.encode([*texts, "Zr\0Cl"], 80), tokenizer.encode([*texts, "Zr\0Cl"], 80))
  assert [text.decode() for text in graph.decode(tokens).numpy()] == texts


def test_an_unknown_atom_is_one_token():
  tokenizer = smiles.Tokenizer.build(MOLECULES, text_config.TextConfig(tokenizer="smiles"))
  assert tokenizer.tokenize("C[Pt]Cl")[1] == 3 and len(tokenizer.tokenize("C[Pt]Cl")) == 3


def test_molecules_are_not_lower_cased():
  with pytest.raises(errors.UserError, match="lowercase is true, but the tokenizer is smiles: C and c are different atoms"):
    text_config.check(text_config.TextConfig(tokenizer="smiles", lowercase=True))

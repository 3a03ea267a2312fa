"""Makes the tables of results pages from the CSV files beside them: python -m tf_textgan.commands.results docs/results/*.md.

A table stands between `<!-- table FILE.csv -->` and `<!-- end of table -->`. The first marker may choose:

  <!-- table FILE.csv; rows COLUMN: PATTERN; columns A, B -->

shows the rows whose cell in COLUMN the regular expression PATTERN finds, and the columns A and B. `<!-- verdicts FILE.csv -->` instead makes a table
of methods by corpora, see `verdicts`. A test fails if a page differs from its files.
"""

from collections.abc import Sequence
import csv
import io
import pathlib
import re

from tf_textgan import errors
from tf_textgan import files
from tf_textgan.commands import cli

_TABLE = re.compile(r"(<!-- (table|verdicts) (\S+\.csv)((?:; \w+ [^;]+?)*) -->\n).*?(<!-- end of table -->)", re.DOTALL)
_CHOICE = re.compile(r"; (\w+) ([^;]+)")

# The planes in which a method is compared with its baseline: column of the file of verdicts to its name in the table.
PLANES = {"likelihood": "NLL", "bleu": "BLEU", "lm": "LM", "frechet": "Frechet"}
VERDICTS = ("above", "on", "below")


def read(path: pathlib.Path) -> list[dict[str, str]]:
  """The rows of a CSV file: column to cell.

  Raises:
    UserError: there is no such file, or a row has more or fewer cells than the first.
  """
  rows = list(csv.reader(io.StringIO(files.read_text(path), newline="")))
  if wrong := [row for row in rows if len(row) != len(rows[0])]:
    raise errors.UserError(f"{path}: expected {len(rows[0])} cells in each row; got {len(wrong[0])} in {wrong[0]}")
  return [dict(zip(rows[0], row)) for row in rows[1:]]


def _markdown(columns: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
  lines = [columns, ["---"] * len(columns), *([row[column] for column in columns] for row in rows)]
  return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table(path: pathlib.Path, choices: dict[str, str]) -> str:
  """A Markdown table of a CSV file.

  Args:
    path: of the CSV file.
    choices: "rows" to `COLUMN: PATTERN`, "columns" to `A, B`; either may be missing.

  Returns:
    The table, and, where rows are left out, a line that links to the file.

  Raises:
    UserError: no such column, or no such rows.
  """
  rows = read(path)
  columns = choices.get("columns", "").split(", ") if "columns" in choices else list(rows[0])
  column, _, pattern = choices.get("rows", f"{columns[0]}: ").partition(": ")
  if unknown := {*columns, column} - set(rows[0]):
    raise errors.UserError(f"{path} has no column {', '.join(sorted(unknown))}; expected one of {', '.join(rows[0])}")
  chosen = [row for row in rows if re.search(pattern, row[column])]
  if not chosen:
    raise errors.UserError(f"{path}: the pattern {pattern!r} finds none of the {len(rows)} rows by {column!r}")
  more = f"\n\n{len(chosen)} of {len(rows)} rows: [all of them]({path.name})." if len(chosen) < len(rows) else ""
  return _markdown(columns, chosen) + more


def _planes(row: dict[str, str]) -> str:
  """What a row of the verdicts says of each plane: `**above**: LM; on: BLEU; below: NLL in 2 of 3`."""
  found: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
  for column, plane in PLANES.items():
    counts = [int(count) for count in row[column].split("/")] if row[column] else []
    # More than the seeds: pairings. Fewer: seeds that could not be compared.
    total = max(sum(counts), int(row["seeds"]))
    for verdict, count in zip(VERDICTS, counts):
      if count:
        found[verdict].append(plane if count == total else f"{plane} in {count} of {total}")
  parts = [f"{'**above**' if verdict == 'above' else verdict}: {', '.join(planes)}" for verdict, planes in found.items() if planes]
  return "; ".join(parts) or "not compared"


def verdicts(path: pathlib.Path) -> str:
  """The table of methods by corpora, of the rows whose column `shown` is yes.

  Args:
    path: of a CSV file with the columns corpus, method, beginning, seeds, those of `PLANES`, shown and section, the address of the text. A plane's
      cell counts the seeds or pairings above, on and below the baseline's curve: `0/1/2`.
  """
  rows = [row for row in read(path) if row["shown"] == "yes"]
  corpora = list(dict.fromkeys(row["corpus"] for row in rows))
  cells: dict[str, dict[str, list[str]]] = {}
  for row in rows:
    seeds = f"{row['seeds']} seed{'s' * (row['seeds'] != '1')}"
    cells.setdefault(row["method"], {}).setdefault(row["corpus"], []).append(f"{_planes(row)} ([{seeds}]({row['section']}))")
  lines = [{"method": method, **{corpus: "<br>".join(found.get(corpus, ["-"])) for corpus in corpora}} for method, found in cells.items()]
  return _markdown(["method", *corpora], lines)


def update(text: str, folder: pathlib.Path) -> str:
  """A page in `folder` with its tables made anew."""

  def made(found):
    path = folder / found[3]
    content = verdicts(path) if found[2] == "verdicts" else table(path, dict(_CHOICE.findall(found[4])))
    return f"{found[1]}\n{content}\n\n{found[5]}"

  return _TABLE.sub(made, text)


def main(paths: list[pathlib.Path]) -> None:
  """Makes the tables of pages anew."""
  for path in paths:
    files.write_text(path, update(files.read_text(path), path.parent))


if __name__ == "__main__":
  cli.run(lambda argv: [pathlib.Path(argument) for argument in argv[1:]], main)

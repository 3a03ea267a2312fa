"""The pages for readers are true: their code runs, their command lines parse, the names in them exist.

A fenced block says what it holds: `python`, run in the order of the page in one namespace; `python title="FILE"`, a file that the page has the reader
write; `sh`, command lines, read by the commands' own parsers; `text`, anything else. A comment on the line before a block changes that:

  <!-- docs_test: skip REASON -->          nothing is done with it
  <!-- docs_test: with OLD -> NEW, .. -->  Python is run with smaller numbers
  <!-- docs_test: run FLAGS -->            command lines are run, with further flags
"""

import contextlib
import dataclasses
import functools
import importlib
import io
import os
import pathlib
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests import shell
from tests.campaigns import common
from tests.campaigns import memory
from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.algorithms import base as algorithm_base
from tf_textgan.commands import cli
from tf_textgan.commands import evaluate
from tf_textgan.commands import generate
from tf_textgan.commands import laboratory
from tf_textgan.commands import results
from tf_textgan.data import load as data
from tf_textgan.data import tfds_text
from tf_textgan.generators import guided
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import export
from tf_textgan.training import learning_rates
from tf_textgan.training import loop

ROOT = shell.ROOT
_DOCS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
PAGES = ["CONTRIBUTING.md", "README.md", "benchmarks/README.md", *_DOCS]

_FENCE = re.compile(
  r'(?:^<!-- docs_test: (?P<directive>.*?) -->\n)?^```(?P<language>\w*)(?: title="(?P<title>.*?)")?\n(?P<code>.*?)^```$', re.M | re.S
)
_SPAN = re.compile(r"`([^`\n]+(?:\n[^`\n]+)*)`")
_LINK = re.compile(r"\]\(([^()#\s]*)(?:#([^()\s]*))?\)")
# Endings of files that are in no checkout.
_MADE = {"csv", "flags", "html", "json", "jsonl", "keras", "lock", "md", "npz", "pb", "png", "py", "tsv", "txt"}


class Block(NamedTuple):
  """A fenced block: the number of the line its code begins at, and see the module."""

  line: int
  language: str
  title: str
  directive: str
  argument: str
  code: str


def blocks_of(text):
  """The blocks of a page."""
  found = []
  for match in _FENCE.finditer(text):
    directive, _, argument = (match["directive"] or "").partition(" ")
    line = text.count("\n", 0, match.start("code")) + 1
    found.append(Block(line, match["language"], match["title"] or "", directive, argument, match["code"]))
  return found


def misformed(text):
  """What is wrong with a page's blocks themselves: a list of complaints."""
  blocks = blocks_of(text)
  found = ["a fence is indented, or left open"] if len(re.findall(r"^\s*(?:```|~~~)", text, re.M)) != 2 * len(blocks) else []
  for block in blocks:
    if block.language not in ("python", "sh", "text"):
      found.append(f"line {block.line}: the block says {block.language!r}; expected python, sh or text")
    if block.directive not in ("", "skip", "with", "run") or block.directive and not block.argument:
      found.append(f"line {block.line}: unknown directive {block.directive!r}, or one without an argument")
    if block.language == "text" and re.match(r"(\.venv/bin/)?(python|make|bazel) ", block.code):
      found.append(f"line {block.line}: a command line in a text block")
  return found + broken_tables(text)


def broken_tables(text):
  """Tables whose rows stand apart from their header: a list of complaints."""
  lines = ["", *_FENCE.sub(lambda match: "\n" * match[0].count("\n"), text).splitlines(), ""]
  first = [k for k in range(1, len(lines) - 1) if lines[k].startswith("|") and not lines[k - 1].startswith("|")]
  return [f"line {k}: a table without a header" for k in first if not re.fullmatch(r"\|[\s:|-]+\|", lines[k + 1])]


def python_of(block):
  """The code of a Python block, with the numbers of its directive."""
  code = block.code
  for change in block.argument.split(", ") if block.directive == "with" else ():
    old, new = change.split(" -> ")
    assert old in code, f"line {block.line}: there is no {old} to replace"
    code = code.replace(old, new)
  return code


def run_python(block, name, namespace):
  """Runs a block in a namespace; a traceback shows the lines of the page."""
  exec(compile("\n" * (block.line - 1) + python_of(block), name, "exec"), namespace)


def commands_of(text):
  """The command lines of a page, in blocks and within sentences: lists of words."""
  found = []
  for block in blocks_of(text):
    if block.language == "sh" and block.directive != "skip":
      found += [shlex.split(line, comments=True) for line in block.code.replace("\\\n", " ").splitlines()]
  for span in spans_of(text):
    if span.split()[0] in ("taskset", "bazel", "make", "pip", "python", ".venv/bin/python"):
      words = shlex.split(span)
      # "--dataset ..." leaves the value to the reader.
      found.append([word for word, following in zip(words, [*words[1:], ""]) if "..." not in (word, following) or word.endswith(".py")])
  return [words for words in found if words]


def spans_of(text):
  """What stands in single backquotes outside of blocks."""
  return [" ".join(span.split()) for span in _SPAN.findall(_FENCE.sub("", text))]


@functools.cache
def _parser(program):
  """The function with which a command reads its arguments: of a file, or of the module after `-m`. None if the file or the module is not there."""
  places = [program] if program.endswith(".py") else [f"{program.replace('.', '/')}{end}" for end in (".py", "/__main__.py")]
  caught = []
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(cli, "run", lambda parse, main: caught.append(parse))
    for path in (path for place in places if (path := ROOT / place).exists()):
      if "argparse" in path.read_text(encoding="utf-8"):  # Does without the library.
        caught.append(runpy.run_path(str(path))["parse"])
      else:
        runpy.run_path(str(path), run_name="__main__")
  return caught[0] if caught else None


def wrong_command(words, written=()):
  """What is wrong with a command line, or an empty string; `written` are the files that its page has the reader write."""
  if words[0] == "taskset":
    words = words[3:]
  program, *arguments = words
  program = program.removeprefix(".venv/bin/")
  if program == "python" and arguments[0] == "-m":
    program, *arguments = arguments[1:]
    program = program if program == "pytest" else f"-m {program}"
  if program == "python" or program.startswith("-m "):
    name = arguments.pop(0) if program == "python" else program[3:]
    parse = _parser(name)
    if parse is None:
      return f"{name} is no command"
    try:
      with contextlib.redirect_stdout(io.StringIO()):
        parse([name, *arguments])
    except errors.UserError as e:
      return f"{name}: {e}"
    except SystemExit as e:  # --help.
      return f"{name} exits with {e.code}" if e.code else ""
    return ""
  if program == "pytest":
    paths = [word for word in arguments if word.startswith("tests")]
    return "".join(f"there is no {path}" for path in paths if path not in written and not (ROOT / path).exists())
  if program == "make":
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.M)
    return "".join(f"there is no target {word}" for word in arguments if "=" not in word and word not in targets)
  if program == "bazel":
    tests = [*written, *(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*_test.py"))]
    targets = {"//..."} | {"//:" + path.removesuffix(".py").replace("/", "_") for path in tests}
    return "".join(f"there is no target {word}" for word in arguments[1:] if word not in targets)
  if program == "pip":
    files = [following for word, following in zip(arguments, arguments[1:]) if word == "-r"]
    return "".join(f"there is no {file}" for file in files if not (ROOT / file).exists())
  return "" if program in ("python3.11", ".", "tensorboard") else f"this test does not know the program {program}"


@functools.cache
def _flags():
  """The names of all flags of all commands, whatever is chosen."""
  benchmarks = importlib.import_module("benchmarks.__main__")
  plain = [experiment_lib.Choices, algorithm_base.Schedule, loop.Config, learning_rates.Config, tfds_text.Config, guided.Config, generate.Options]
  plain += [laboratory.Options]
  plain += [campaign.Options for campaign in (common, memory)]
  plain += [module["Options"] for path in (ROOT / "examples").glob("*.py") if "Options" in (module := runpy.run_path(str(path)))]
  plain += [benchmarks.Options, *evaluate._PARTS.values(), *(data.config_class(name) for name in data.names())]
  plain += [registry.load("tf_textgan.algorithms", name).Config for name in registry.names("tf_textgan.algorithms")]
  found = {"flagfile", "help"} | {field.name for cls in plain for field in dataclasses.fields(cls)}
  for kind, prefixes in (("generator", ["generator_"]), ("discriminator", ["discriminator_", "probe_discriminator_"])):
    for name in [*registry.names(f"tf_textgan.{kind}s"), *registry.made_of(f"tf_textgan.{kind}s")]:
      fields = dataclasses.fields(registry.load(f"tf_textgan.{kind}s", name).Config)
      found |= {prefix + field.name for field in fields for prefix in prefixes}
  return found


@functools.cache
def _modules():
  """Last part of a module's name to the names of the modules that end with it."""
  found = {}
  for path in (ROOT / "tf_textgan").rglob("*.py"):
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    found.setdefault(name.rsplit(".", 1)[-1], []).append(name)
  return found


def _is_known(name):
  """Whether a dotted name is one of the library's: a module, or what one holds. True if its first part is no module's name."""
  first, *rest = name.removeprefix("tf_textgan.").split(".")
  if first not in _modules() or name.rsplit(".", 1)[-1] in _MADE:
    return True
  return any(_holds(module, rest) for module in _modules()[first])


def _holds(module, names):
  held = importlib.import_module(module)
  for name in names:
    if not hasattr(held, name):
      try:
        importlib.import_module(f"{held.__name__}.{name}")
      except (AttributeError, ImportError):
        return name in getattr(held, "__annotations__", ())
    held = getattr(held, name)
  return True


def unknown_names(text, written=()):
  """Flags, files and dotted names within a page's sentences that do not exist."""
  found = []
  for span in spans_of(text):
    for flag in re.findall(r"(?<![\w-])--([a-z_0-9]+\S*)", span):
      name = re.split(r"[=\[]", flag)[0]
      stem = name.rstrip(".")
      if "-" not in name and not any(known == name or name != stem and known.startswith(stem) for known in _flags()):
        found.append(f"--{name}")
    if re.fullmatch(r"[\w./-]*\w\.(py|flags|md|tsv)", span) and "my_package" not in span:
      places = [ROOT, ROOT / "tf_textgan", ROOT / "docs"]
      anywhere = [] if "/" in span else list(ROOT.glob(f"[!.]*/**/{span}"))
      if span not in written and not anywhere and not any((place / span).exists() for place in places):
        found.append(span)
    name = re.match(r"[a-z_]\w*(\.\w+)+(?=\(|$)", span)
    if name and not _is_known(name[0]):
      found.append(name[0])
  return found


def broken_links(text, folder):
  """Links within the project that lead nowhere."""
  found = []
  for target, anchor in _LINK.findall(text):
    if target.startswith(("http://", "https://")):
      continue
    path = folder / target if target else None
    if path and not path.exists():
      found.append(target)
    elif anchor:
      headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8") if path else text, re.M)
      if anchor not in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}:
        found.append(f"{target}#{anchor}")
  return found


def _read(page):
  return (ROOT / page).read_text(encoding="utf-8")


def _titles(page):
  return [block.title for block in blocks_of(_read(page)) if block.title]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
  """A folder with the files of all pages, as a reader who follows them has."""
  tfds.disable_progress_bar()
  folder = tmp_path_factory.mktemp("reader")
  for block in (block for page in PAGES for block in blocks_of(_read(page)) if block.title):
    path = folder / block.title
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.code, encoding="utf-8")
  return folder


@pytest.fixture
def importable(written, monkeypatch):
  """The files of the pages beside the library's own, and as modules of the reader's; as if they had never been, afterwards."""
  modules = set(sys.modules)
  monkeypatch.setattr(sys, "path", [*sys.path, str(written)])
  added = [pathlib.PurePath(title) for page in PAGES for title in _titles(page)]
  for path in (path for path in added if path.parts[0] == "tf_textgan"):
    package = importlib.import_module(".".join(path.parent.parts))
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(written / path.parent)])
    monkeypatch.setattr(package, path.stem, None, raising=False)
  yield written
  for name in [name for name in set(sys.modules) - modules if f"{name.replace('.', '/')}.py" in map(str, added) or name == "my_package"]:
    del sys.modules[name]


@pytest.mark.parametrize("page", PAGES)
def test_blocks_say_what_they_hold(page):
  assert misformed(_read(page)) == []


@pytest.mark.parametrize("page", PAGES)
def test_command_lines_parse(page, importable, monkeypatch):
  monkeypatch.chdir(ROOT)
  commands = {shlex.join(words): wrong_command(words, _titles(page)) for words in commands_of(_read(page))}
  assert {command: complaint for command, complaint in commands.items() if complaint} == {}


@pytest.mark.parametrize("page", PAGES)
def test_names_exist(page):
  assert unknown_names(_read(page), [title for page in PAGES for title in _titles(page)]) == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
  assert broken_links(_read(page), (ROOT / page).parent) == []


_SCRIPT = "docs/results/commands.sh"
_FUNCTION = re.compile(r"^(\w+)\(\) \{\n(.*?)^\}$", re.M | re.S)


@pytest.mark.parametrize("name", [name for name, _ in _FUNCTION.findall(_read(_SCRIPT))])
def test_commands_of_results_parse_and_a_page_names_them(name, monkeypatch):
  monkeypatch.chdir(ROOT)
  code = dict(_FUNCTION.findall(_read(_SCRIPT)))[name].replace('"$DATA"', "data").replace('"$ORACLE"', "oracle.npz")
  commands = [words for words in commands_of(f"```sh\n{code}```\n") if not words[1].startswith("docs/")]
  assert {shlex.join(words): complaint for words in commands if (complaint := wrong_command(words))} == {}
  assert [page for page in PAGES if f"`{_SCRIPT} {name}`" in _read(page)]


def test_verdicts_lead_to_their_sections():
  assert broken_links(" ".join(f"[a]({row['section']})" for row in results.read(ROOT / "docs/results/verdicts.csv")), ROOT / "docs/results") == []


def _make_the_quickstarts_run(folder):
  """The run and the export of `python train.py`, with tiny networks that have learned nothing."""
  sizes = {"num_train": 200, "num_validation": 20, "num_test": 20, "generator_hidden_size": 8, "discriminator_hidden_size": 8}
  corpus, algorithm = shell.begin(folder / "runs" / "default", {"flagfile": ROOT / "recipes" / "quickstart.flags", **sizes})
  export.save(folder / "runs" / "default" / "export", algorithm.generator, algorithm.discriminator, corpus.tokenizer)


@pytest.mark.parametrize("page", [page for page in PAGES if any(b.language == "python" and not b.title for b in blocks_of(_read(page)))])
def test_the_code_runs(page, importable, monkeypatch):
  monkeypatch.chdir(importable)
  monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(importable / "data"))
  monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: None)  # It holds for a whole process.
  if "runs/default" in _read(page) and not (importable / "runs" / "default").exists():
    _make_the_quickstarts_run(importable)
  namespace = {"__name__": "__main__"}
  for block in blocks_of(_read(page)):
    if block.language == "python" and not block.title and block.directive != "skip":
      with contextlib.redirect_stdout(io.StringIO()):
        run_python(block, page, namespace)
    if block.directive == "run":
      for words in commands_of(f"```sh\n{block.code}```\n"):
        code, _, err = shell.call(words[1].removesuffix(".py"), *words[2:], *shlex.split(block.argument))
        assert code == 0, err


@pytest.mark.parametrize("laws", [pytest.param((), id="quick"), pytest.param(("-m", ""), id="all", marks=pytest.mark.slow)])
def test_the_algorithm_of_contributing_passes_its_test_and_the_laws(laws, written, tmp_path):
  """By the page's own command, in a copy of the project with the page's files."""
  for name in ("tf_textgan", "tests"):
    shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
  shutil.copy(ROOT / "pyproject.toml", tmp_path)
  titles = _titles("CONTRIBUTING.md")
  for title in titles:
    (tmp_path / title).parent.mkdir(exist_ok=True)
    shutil.copy(written / title, tmp_path / title)
  commands = [words for words in commands_of(_read("CONTRIBUTING.md")) if "pytest" in words and set(titles) & set(words)]
  assert commands
  for words in commands:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    command = [sys.executable, *words[1:], *laws, "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(map(len, re.findall(r"^(\.+) +\[", done.stdout, re.M))) >= 8, done.stdout


_BROKEN = '''# A page

See `algorithms.base.adam`, `noise.average_over_replicas`, `base.average_over_replicas`, `layers/network.py`, `layers/absent.py`, `--seed 3`,
`--generator_...`, `--memory_size 5`, `--absent_...`, [this](#a-page), [that](#another-page), [a file](absent.md),
`python train.py --algorithm sequan`.

```python
from tf_textgan.algorithms import base
base.average_over_replicas(1.0)
```

<!-- docs_test: with 1000 -> 7 -->
```python
number = 1000
```

```sh
python train.py --algorithm seqgan --rollouts 4  # right
python train.py --algorithm seqgan \\
  --rollout 4
python train.py --flagfile=recipes/absent.flags
python absent.py
python generate.py --num ten
python -m tf_textgan.laboratory
.venv/bin/python -m pytest tests/absent -k seqgan
make absent
bazel test //:tests_absent_test
frobnicate
```

```
train.py
```
'''


def test_a_broken_page_is_found():
  wrong = [wrong_command(words) for words in commands_of(_BROKEN)]
  expected = [
    "", "train.py: unknown flag --rollout .did you mean --rollouts", "cannot read the flagfile", "absent.py is no command", "generate.py: .*num",
    "tf_textgan.laboratory is no command", "no tests/absent", "no target absent", "no target //:tests_absent_test", "know the program frobnicate",
    "unknown algorithm 'sequan'",
  ]  # fmt: skip
  assert len(wrong) == len(expected) and all(re.search(pattern, complaint) for pattern, complaint in zip(expected, wrong)), wrong
  assert wrong[0] == ""
  assert unknown_names(_BROKEN) == ["base.average_over_replicas", "layers/absent.py", "--memory_size", "--absent_..."]
  assert broken_links(_BROKEN, ROOT) == ["#another-page", "absent.md"]
  assert len(misformed(_BROKEN)) == 1 and "the block says ''" in misformed(_BROKEN)[0]
  assert broken_tables("| a |\n|---|\n| 1 |\n") == [] and broken_tables("| a |\n|---|\n\n| 1 |\n") == ["line 4: a table without a header"]
  first, second, *_ = blocks_of(_BROKEN)
  with pytest.raises(AttributeError, match="average_over_replicas") as failure:
    run_python(first, "page.md", {})
  assert failure.traceback[-1].lineno + 1 == _BROKEN.splitlines().index("base.average_over_replicas(1.0)") + 1
  namespace = {}
  run_python(second, "page.md", namespace)
  assert namespace["number"] == 7
  with pytest.raises(AssertionError, match="no 9 to replace"):
    python_of(second._replace(argument="9 -> 8"))

"""What MkDocs does beside its own work, see mkdocs.yml: pages made from the code, and links that leave docs/.

* `reference/flags.md` and `reference/api/*.md` are made here, so that they are never behind the code.
* A link to a file of the project outside docs/ leads to a page with that file: Markdown as it is, anything else as a listing. A notebook is copied.
"""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import dataclasses
import pathlib
import posixpath
import re

from mkdocs.structure.files import File
from simple_parsing import docstring

from tf_textgan import registry
from tf_textgan.algorithms import base as algorithm_base
from tf_textgan.commands import evaluate
from tf_textgan.commands import generate
from tf_textgan.data import load as data
from tf_textgan.generators import guided
from tf_textgan.runs import experiment
from tf_textgan.training import learning_rates
from tf_textgan.training import loop

ROOT = pathlib.Path(__file__).resolve().parent.parent
_LINK = re.compile(r"(?<=\]\()([^()\s#:]+)(?=[)#])")
# Pages of files outside docs/ are below it.
_PROJECT = "project/"
_LANGUAGES = {".py": "python", ".sh": "sh", ".flags": "text"}
_API = {
  "runs": ["runs"],
  "algorithms": ["algorithms.base", *(f"algorithms.steps.{name}" for name in ("likelihood", "policy", "pretrained", "relaxed"))],
  "networks": ["generators.base", "discriminators.base"],
  "sampling": None,
  "losses": None,
  "metrics": None,
}  # fmt: skip


def _help(cls, name):
  """The comment of a dataclass's field on one line, as `--help` shows it."""
  found = docstring.get_attribute_docstring(cls, name)
  return " ".join((found.docstring_below or found.comment_above or found.comment_inline).split()).replace("|", "\\|")


def _default(field):
  value = field.default if field.default is not dataclasses.MISSING else field.default_factory()
  return "" if value in ("", None, []) else f"`{value}`"


def _flags_of(title, cls, prefix=""):
  """A section with a table of a dataclass's fields; nothing without fields."""
  rows = [f"| `--{prefix}{field.name}` | {_default(field)} | {_help(cls, field.name)} |" for field in dataclasses.fields(cls)]
  return f"### {title}\n\n| flag | default | what it is |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n" if rows else ""


def _configs(kind):
  """The settings of the parts of a kind: pairs of name and dataclass."""
  package = f"tf_textgan.{kind}"
  return [(name, registry.load(package, name).Config) for name in [*registry.names(package), *registry.made_of(package)]]


def flags_page():
  """All flags of the three commands, in Markdown."""
  sections = [
    "# Flags",
    "Made from the code. `python train.py --algorithm NAME --dataset NAME --help` prints those of one choice.",
    "## train.py",
    _flags_of("The run", experiment.Choices),
    _flags_of("The schedule", algorithm_base.Schedule),
    _flags_of("The loop", loop.Config),
    _flags_of("Learning rates", learning_rates.Config),
    "## Algorithms",
    *(_flags_of(f"--algorithm {name}", cls) for name, cls in _configs("algorithms")),
    "## Datasets",
    *(_flags_of(f"--dataset {name}", data.config_class(name)) for name in data.names()),
    "## Generators",
    *(_flags_of(f"--generator {name}", cls, "generator_") for name, cls in _configs("generators")),
    "## Discriminators",
    *(_flags_of(f"--discriminator {name}", cls, "discriminator_") for name, cls in _configs("discriminators")),
    "## generate.py",
    _flags_of("Sentences", generate.Options),
    _flags_of("Guided sampling", guided.Config),
    "## evaluate.py",
    *(_flags_of({"options": "Scores", "lm": "Language models"}.get(name, name.capitalize()), cls) for name, cls in evaluate._PARTS.items()),
  ]
  return "\n\n".join(filter(None, sections)) + "\n"


def api_pages():
  """The public modules by what they are about: name of the page to Markdown, from which mkdocstrings makes their descriptions."""
  pages = {}
  for name, modules in _API.items():
    modules = modules or [f"{name}.{path.stem}" for path in sorted((ROOT / "tf_textgan" / name).glob("[!_]*.py"))]
    pages[name] = f"# tf_textgan.{name}\n\n" + "\n\n".join(f"::: tf_textgan.{module}" for module in modules) + "\n"
  return pages


def _origin(uri):
  """The path in the project, with slashes, of the page at a source address."""
  return uri.removeprefix(_PROJECT) if uri.startswith(_PROJECT) else f"docs/{uri}"


def _address(path):
  """The source address of a path in the project, the other way round."""
  if path.startswith("docs/"):
    return path.removeprefix("docs/")
  return _PROJECT + path + ("" if path.endswith((".md", ".ipynb")) else ".md")


def _targets(uri, markdown):
  """The links of a page to files of the project: what stands in the link to the path."""
  found = {}
  for link in _LINK.findall(markdown):
    path = posixpath.normpath(posixpath.join(posixpath.dirname(_origin(uri)), link))
    if (ROOT / path).is_file():
      found[link] = path
  return found


def _page(path):
  """A file outside docs/ as Markdown."""
  text = (ROOT / path).read_text(encoding="utf-8")
  return text if path.endswith(".md") else f"# {path}\n\n```{_LANGUAGES.get(pathlib.PurePath(path).suffix, 'text')}\n{text}\n```\n"


def on_files(files, config):
  """Adds the pages that are made, and those outside docs/ to which others link."""
  made = {"reference/flags.md": flags_page()} | {f"reference/api/{name}.md": text for name, text in api_pages().items()}
  for uri, text in made.items():
    files.append(File.generated(config, uri, content=text))
  todo = [(file.src_uri, file.content_string) for file in files.documentation_pages()]
  while todo:
    for path in _targets(*todo.pop()).values():
      if path.startswith("docs/") or files.get_file_from_path(_address(path)):
        continue
      if path.endswith(".ipynb"):
        files.append(File.generated(config, _address(path), abs_src_path=str(ROOT / path)))
      else:
        files.append(File.generated(config, _address(path), content=_page(path)))
        todo.append((_address(path), _page(path)))
  return files


def on_page_markdown(markdown, page, config, files):
  """Turns links to files of the project into links to their pages, and sets intervals so that no line breaks in them."""
  here = posixpath.dirname(page.file.src_uri)
  inside = not page.file.src_uri.startswith(_PROJECT)
  targets = {link: path for link, path in _targets(page.file.src_uri, markdown).items() if not (inside and path.startswith("docs/"))}
  linked = _LINK.sub(lambda found: posixpath.relpath(_address(targets[found[0]]), here or ".") if found[0] in targets else found[0], markdown)
  return linked.replace(" +- ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}") if inside else linked

"""HTML that the pages share."""

from collections.abc import Sequence
import html

_STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --back: #fff; --soft: #5c5c5c; --line: #d9d9d9; --card: #f5f5f4; --good: #00578a; --bad: #a63f00; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --back: #161616; --soft: #a8a8a8; --line: #3a3a3a; --card: #222; --good: #6fc0f0; --bad: #ff9a5c; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
.soft, small { color: var(--soft); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem; overflow-wrap: normal; }
th, td { padding: .35rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
pre { background: var(--card); border-radius: .5rem; padding: .8rem 1rem; white-space: pre-wrap; }
"""


def document(title: str, style: str, parts: Sequence[str]) -> str:
  """A page that needs no other file.

  Args:
    title: text.
    style: CSS of the page's own.
    parts: HTML of the body.
  """
  head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(title)}</title>'
  return (
    f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}<style>{_STYLE}{style}</style></head>\n<body>\n' + "\n".join(parts) + "\n</body>\n</html>\n"
  )


def scrolling(label: str, table: str) -> str:
  """A wide table in a box of its own that scrolls."""
  return f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(label)}">{table}</div>'

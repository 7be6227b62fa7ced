"""The look of every HTML page of the suite. Each page is one file that opens from disk, without script and outside requests.

Colours have a contrast of at least 4.5 to their background, light and dark. Skipped requirements are grey, unlike failures.
"""

from collections.abc import Iterable
from html import escape
from typing import Final

_STYLE: Final = """
 :root { color-scheme: light dark; --ink: #1c1c1c; --soft: #555; --ground: #fff; --line: #d4d4d4; --bad: #a11212; --good: #17631f;
  --grey: #5c5c5c; --tint: #f4f4f4 }
 @media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --soft: #b4b4b4; --ground: #161616; --line: #444; --bad: #ff9a94;
  --good: #7fd58a; --grey: #b0b0b0; --tint: #222 } }
 * { box-sizing: border-box }
 body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 1.5rem auto; padding: 0 1rem; color: var(--ink);
  background: var(--ground) }
 h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem } h3 { font-size: 1rem; margin: 1.5rem 0 .2rem }
 .wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
 td, th { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line) }
 th { font-weight: 600 } .verdict { font-size: 1.15rem; font-weight: 600 }
 .failed, .bad { color: var(--bad) } .passed, .good { color: var(--good) } .skipped, .broken, .known { color: var(--grey) }
 blockquote { margin: .3rem 0; padding-left: .8rem; border-left: 3px solid var(--line); color: var(--soft) }
 code, pre { font-size: .9em; background: var(--tint); overflow-wrap: anywhere; white-space: pre-wrap }
 pre { padding: .5rem; margin: .3rem 0 }
 meter { width: 8rem; max-width: 100% } dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem }
 dt { font-weight: 600 } dd { margin: 0; overflow-wrap: anywhere }
 @media (max-width: 30rem) { dl { grid-template-columns: 1fr } dd { margin-bottom: .4rem } }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole page. The parts are HTML, and the title is text."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def heading(title: str, verdict: str, is_good: bool, lines: Iterable[tuple[str, str]]) -> str:
    """Return the title, the verdict, and the name and value of each fact about the run."""
    facts = "".join(f"<dt>{escape(name)}<dd>{escape(value)}" for name, value in lines)
    mark = "good" if is_good else "bad"
    return f'<h1>{escape(title)}</h1>\n<p class="verdict {mark}">{escape(verdict)}</p>\n<dl>{facts}</dl>'


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table. Its heads are text, and its cells are HTML. The result is empty if there are no rows."""
    lines = [f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows]
    if not lines:
        return ""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="table"><table><thead><tr>{heads}</tr></thead><tbody>\n'
        + ("\n".join(lines) + "\n</tbody></table></div>")
    )

"""Writes all pages as one HTML page, which needs nothing else: no script, and its style by its hash."""

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape

from chatserver.reference.blocks import (
    Block,
    Code,
    Document,
    Heading,
    Paragraph,
    Points,
    Table,
    anchor,
)

_STYLE = """\
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 1rem/1.55 system-ui, sans-serif; margin: 0; display: grid;
  grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; box-sizing: border-box;
  border-right: 1px solid var(--line); font-size: .875rem; }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0; }
nav b { display: block; }
main { padding: 1rem 2rem 8rem; max-width: 62rem; }
h2 { margin-top: 4rem; border-bottom: 1px solid var(--line); }
h3, h4 { margin-top: 2.5rem; scroll-margin-top: 1rem; }
code { font: .875em ui-monospace, monospace; background: var(--soft); padding: .1em .25em; border-radius: .25em; }
pre { background: var(--soft); padding: 1rem; overflow: auto; border-radius: .5em; }
pre code { background: none; padding: 0; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9375rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0;
  border-bottom: 1px solid var(--line); }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; } }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

# Nothing but this very style: neither scripts nor anything from elsewhere.
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

# Behind the name of a page, which may be that of a resource, too.
_PAGE = "-page"


def written(pages: Sequence[Document]) -> str:
    """Return the whole page."""
    body = "\n".join(
        f'<h2 id="{page.name}{_PAGE}">{escape(page.title)}</h2>\n'
        + "\n".join(map(_block, page.blocks))
        for page in pages
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>chatserver</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<nav>\n{_contents(pages)}\n</nav>\n<main>\n<h1>chatserver</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _contents(pages: Sequence[Document]) -> str:
    parts = []
    for page in pages:
        parts.append(f'<b><a href="#{page.name}{_PAGE}">{escape(page.title)}</a></b>\n<ul>')
        parts += [
            f'<li><a href="#{anchor(block.text)}">{escape(block.text)}</a></li>'
            for block in page.blocks
            if isinstance(block, Heading) and block.level <= 3
        ]
        parts.append("</ul>")
    return "\n".join(parts)


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            level += 1
            return f'<h{level} id="{anchor(text)}">{_spans(text)}</h{level}>'
        case Paragraph(text):
            return f"<p>{_spans(text)}</p>"
        case Points(texts):
            return "<ul>" + "".join(f"<li>{_spans(text)}</li>" for text in texts) + "</ul>"
        case Code(_, text):
            return f"<pre><code>{escape(text)}</code></pre>"
        case Table(head, rows) if rows:
            lines = [_row("th", head), *(_row("td", row) for row in rows)]
            return f'<div class="table"><table>{"".join(lines)}</table></div>'
        case Table():
            return ""


def _row(tag: str, cells: tuple[str, ...]) -> str:
    return "<tr>" + "".join(f"<{tag}>{_spans(cell)}</{tag}>" for cell in cells) + "</tr>"


def _spans(text: str) -> str:
    text = escape(text)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\[([^\]]+)\]\(@\w+(#[\w-]+)\)", r'<a href="\2">\1</a>', text)
    return re.sub(r"\[([^\]]+)\]\(@(\w+)\)", rf'<a href="#\2{_PAGE}">\1</a>', text)

"""Writes the files of `chatserver reference`, and tells whether those in the repository are current."""

import json
from collections.abc import Mapping
from pathlib import Path

from chatserver.reference import asyncapi, html, markdown, openapi, typescript
from chatserver.reference.pages import pages
from chatserver.reference.vocabularies import Vocabulary


def files(vocabularies: tuple[Vocabulary, ...] = ()) -> dict[str, str]:
    """Return every file, by its path from the project's root."""
    found = {
        "docs/openapi.json": _json(openapi.document()),
        "docs/asyncapi.json": _json(asyncapi.document(vocabularies)),
        typescript.PATH: typescript.document(),
    }
    for page in pages(vocabularies):
        folder = "docs" if page.name == markdown.INDEX else f"docs/{markdown.INDEX}"
        found[f"{folder}/{page.name}.md"] = markdown.written(page)
    return found


def html_page(vocabularies: tuple[Vocabulary, ...] = ()) -> str:
    """Return the reference as one HTML page."""
    return html.written(pages(vocabularies))


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def repository() -> Path | None:
    """Return the checkout that this code runs from, where the working directory is within it; None elsewhere."""
    root = Path(__file__).resolve().parents[2]
    is_checkout = (root / "setup.cfg").is_file() and (root / "docs" / "reference.md").is_file()
    return root if is_checkout and Path.cwd().resolve().is_relative_to(root) else None


def write(
    root: Path, vocabularies: tuple[Vocabulary, ...] = (), others: Mapping[str, str] | None = None
) -> None:
    """Write every file under `root`, and `others` by their paths; remove our pages that are no longer made."""
    made = files(vocabularies) | dict(others or {})
    for path, text in made.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    for stale in _pages_in(root) - made.keys():
        (root / stale).unlink()


def stale(
    root: Path, vocabularies: tuple[Vocabulary, ...] = (), others: Mapping[str, str] | None = None
) -> list[str]:
    """Return the paths of the files that are missing, different, or no longer made."""
    made = files(vocabularies) | dict(others or {})
    return sorted(
        {path for path, text in made.items() if _read(root / path) != text}
        | (_pages_in(root) - made.keys())
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None


def _pages_in(root: Path) -> set[str]:
    """Return the pages that we made before; other pages are left alone."""
    folder = Path("docs", markdown.INDEX)
    return {
        str(folder / path.name)
        for path in (root / folder).glob("*.md")
        if (_read(path) or "").startswith(markdown.NOTE)
    }

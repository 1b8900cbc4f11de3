"""The files that `chatserver reference` writes, and whether those in the repository are still these."""

import json
from collections.abc import Mapping
from pathlib import Path

from chatserver.reference import asyncapi, html, markdown, openapi, typescript
from chatserver.reference.pages import pages


def files() -> dict[str, str]:
    """Every file, by its path from the project's root."""
    found = {
        "docs/openapi.json": _json(openapi.document()),
        "docs/asyncapi.json": _json(asyncapi.document()),
        "client/events.ts": typescript.document(),
    }
    for page in pages():
        folder = "docs" if page.name == markdown.INDEX else f"docs/{markdown.INDEX}"
        found[f"{folder}/{page.name}.md"] = markdown.written(page)
    return found


def html_page() -> str:
    """The reference as one HTML page."""
    return html.written(pages())


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def write(root: Path) -> None:
    """Write every file, and remove the pages that are none any more."""
    made = files()
    for path, text in made.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    for stale in _pages_in(root) - made.keys():
        (root / stale).unlink()


def stale(root: Path) -> list[str]:
    """The paths of the files that are missing, different, or no longer made."""
    made = files()
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
    folder = Path("docs", markdown.INDEX)
    return {str(folder / path.name) for path in (root / folder).glob("*.md")}

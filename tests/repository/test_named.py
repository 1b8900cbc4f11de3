"""What the pages for contributors and operators name is there."""

import os
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Written for readers of this version; the changelog also names what is gone.
PAGES = [
    "CONTRIBUTING.md",
    *("docs/ARCHITECTURE.md", "docs/MOVING.md", "docs/OPERATIONS.md", "docs/SECURITY.md"),
    "docs/SOCKETIO.md",
]
# An example of a command and of a migration, what `make client` makes, and names of Linux and of libraries that
# are not used here.
EXAMPLES = {
    "message_star",
    "sql/migrations/00NN_name.sql",
    "chatserver/static/",
    "PR_SET_PDEATHSIG",
    "REMOTE_ADDR",
    "async_handlers",
    # Settings of what stands around the server.
    "archive_command",
    "default_pool_size",
    "pg_rewind",
    "server_login_retry",
    "worker_rlimit_nofile",
    "worker_shutdown_timeout",
}
_FOLDERS = (
    "chatserver",
    "handlers",
    "schemas",
    "sql",
    "tests",
    "benchmarks",
    "docs",
    "client",
    "deploy",
)
_FILE = re.compile(
    r"[\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|sql|md|ts|json|mjs|cfg|txt|conf|yml|service))"
)
# With an underscore or a capital inside: no word of English.
_WORD = re.compile(r"\b(?=\w*(?:[A-Za-z0-9]_[A-Za-z0-9]|[a-z][A-Z]))[A-Za-z_]\w*")


@cache
def _paths() -> tuple[Path, ...]:
    """Every file and folder of ours that a page may name."""
    found = []
    for top in _FOLDERS:
        for folder, folders, files in os.walk(ROOT / top):
            folders[:] = [name for name in folders if name not in ("node_modules", "__pycache__")]
            found += [Path(folder, name) for name in (*folders, *files)]
    return tuple(found)


@cache
def _words() -> frozenset[str]:
    """Every word of the sources."""
    files = [
        path
        for path in _paths()
        if path.suffix in {".py", ".sql", ".ts", ".conf", ".cfg", ".service"}
    ]
    files += [ROOT / "setup.cfg", ROOT / "Makefile"]
    texts = (file.read_text("utf-8") for file in files if file != Path(__file__))
    return frozenset(word for text in texts for word in re.findall(r"\w+", text))


def _is_there(name: str) -> bool:
    return any((at / name).exists() for at in (ROOT, ROOT / "chatserver")) or any(
        path.as_posix().endswith(f"/{name}") for path in _paths()
    )


def _missing(page: str) -> list[str]:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text("utf-8"), flags=re.DOTALL)
    missing = []
    for quoted in re.findall(r"`([^`\n]+)`", text):
        if not _FILE.fullmatch(quoted):
            missing += [word for word in _WORD.findall(quoted) if word not in _words()]
        elif not _is_there(quoted.rstrip("/")):
            missing.append(quoted)
    return sorted(set(missing) - EXAMPLES)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page: str) -> None:
    """Every file, function and setting that a page quotes exists."""
    assert _missing(page) == []


@pytest.mark.parametrize("page", [*PAGES, "README.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page: str) -> None:
    """Every link between the pages leads to a file, and to a heading of it."""
    for path, anchor in re.findall(
        r"\]\((?!http)([^)#\s]*)(?:#([\w-]+))?\)", (ROOT / page).read_text("utf-8")
    ):
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in headings]
            assert anchor in anchors, f"{path}#{anchor}"

"""What a room of `chatserver` gives to others is said in one place."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

ROOT = Path(__file__).parents[2] / "chatserver"

# Rooms that are entered by their modules: what each holds is told by its name.
_BY_MODULE = {
    "chatserver.cli",
    "chatserver.composition",
    "chatserver.core",
    "chatserver.doors",
    "chatserver.handlers",
    "chatserver.ops",
    "chatserver.ops.doctor",
    "chatserver.reference",
    "chatserver.schemas",
}
_ROOMS = {
    ".".join(("chatserver", *path.parent.relative_to(ROOT).parts))
    for path in ROOT.rglob("__init__.py")
} - {"chatserver"}


def _room(module: str) -> str:
    """The innermost room that a module is in, or the module where it stands in none."""
    return max((r for r in _ROOMS if f"{module}.".startswith(f"{r}.")), key=len, default=module)


def _modules() -> Iterator[tuple[str, ast.Module]]:
    folders = (
        ROOT,
        ROOT / "handlers",
        ROOT / "schemas",
    )  # the last two are links, which rglob leaves out
    for path in {path for folder in folders for path in folder.rglob("*.py")}:
        name = ".".join(("chatserver", *path.relative_to(ROOT).with_suffix("").parts))
        yield name.removesuffix(".__init__"), ast.parse(path.read_text("utf-8"))


def test_rooms_are_entered_by_their_seams() -> None:
    """What is imported from another room stands in the ``__all__`` of that room's ``__init__``."""
    strayed, seen = [], 0
    for name, tree in _modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            room = _room(node.module)
            if room not in _ROOMS or room in _BY_MODULE or room == _room(name):
                continue
            seen += 1
            given = importlib.import_module(room).__all__
            wanted = (
                {alias.name for alias in node.names}
                if node.module == room
                else {node.module.removeprefix(f"{room}.")}
            )
            strayed += [f"{name}: {node.module}: {each}" for each in sorted(wanted - {*given})]
    assert not strayed
    assert seen > 100


def test_seams_are_documented() -> None:
    """Every room says what it is for, and everything that it gives says what it is."""
    for room in sorted(_ROOMS):
        module = importlib.import_module(room)
        assert module.__doc__, room
        for name in getattr(module, "__all__", ()):
            given = getattr(module, name)
            is_ours = getattr(given, "__module__", "").startswith("chatserver.")
            if inspect.ismodule(given) or (is_ours and isinstance(given, type | FunctionType)):
                assert given.__doc__, f"{room}: {name}"

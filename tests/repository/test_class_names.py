"""The names of classes."""

import ast
from collections import defaultdict
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_no_name_is_two_classes() -> None:
    """Whoever reads a class' name knows which one is meant: no two public classes of the server share one."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for folder in ("chatserver", "handlers", "schemas"):
        # Links to the other two folders lie in the first, and rglob does not follow them.
        for file in (_ROOT / folder).rglob("*.py"):
            for node in ast.parse(file.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(str(file.relative_to(_ROOT)))
    assert {name: files for name, files in found.items() if len(files) > 1} == {}

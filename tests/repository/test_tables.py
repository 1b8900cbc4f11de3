"""The tables: nothing in them stands twice."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatserver import schemas
from chatserver.config import VARIABLES
from chatserver.core.errors import MEANINGS, ErrorCode
from chatserver.metrics.table import METRICS
from chatserver.schemas.table import distinct

ROOT = Path(__file__).parents[2]


def test_a_table_refuses_a_name_that_stands_twice() -> None:
    """A table with a name twice cannot be made, and the name is told."""
    for table in (VARIABLES, schemas.COMMANDS, schemas.PUSHES, METRICS):
        assert distinct(*table) == table
        with pytest.raises(ValueError, match=f"{table[0].name} stands twice"):
            distinct(*table, table[0])


def test_every_error_has_one_meaning() -> None:
    """Each error code has one row."""
    assert list(MEANINGS) == list(ErrorCode)


@pytest.mark.parametrize("package", ["chatserver", "handlers", "schemas"])
def test_no_dictionary_is_written_with_a_key_twice(package: str) -> None:
    """Where a table is a dictionary, the later of two rows would silently win: there are none."""
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        for keys in _dictionaries(file):
            assert len(keys) == len(set(keys)), (file.name, keys)


def _dictionaries(file: Path) -> Iterator[list[str]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Dict):
            yield [ast.dump(key) for key in node.keys if key is not None]

"""Connections to PostgreSQL are made in one place."""

from pathlib import Path

ROOT = Path(__file__).parents[2] / "chatserver"


def test_nobody_connects_by_another_way() -> None:
    """Only `store/connect.py` asks asyncpg for connections, so all obey the settings and a pooler's rules."""
    makers = [
        str(file.relative_to(ROOT))
        for file in ROOT.rglob("*.py")
        if any(call in file.read_text("utf-8") for call in ("asyncpg.connect(", "create_pool("))
    ]
    assert makers == ["store/connect.py"]

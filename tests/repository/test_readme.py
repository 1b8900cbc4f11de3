"""What the README shows is what is there."""

import re
from pathlib import Path

import pytest

from chatserver import schemas
from chatserver.config import VARIABLES, settings_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["examples/client.mjs", "examples/client.py"])
def test_the_examples_are_shown_as_they_are(name: str) -> None:
    """The README shows the examples that the tests run, to the letter."""
    source = (ROOT / name).read_text("utf-8").strip()
    assert (
        f"<!-- {name} -->\n```{ {'mjs': 'js', 'py': 'python'}[name.split('.')[1]] }\n{source}\n```"
        in README
    )


def test_the_configuration_is_the_table() -> None:
    """The README's configuration is the table that settings are read by."""
    assert f"<!-- settings -->\n{settings_table().strip()}\n" in README


def test_the_routes_are_the_tables() -> None:
    """The README lists every REST route that the command table has."""
    for command in schemas.COMMANDS:
        for rest in command.rest:
            chosen = rest.chosen_by
            flag = f"?{chosen.field}=true" if chosen and chosen.value is True else ""
            path = f"{rest.path}{flag}"
            row = rf"^\| `{rest.method} {re.escape(path)}` \| `{command.name}` \|$"
            assert re.search(row, README, re.MULTILINE), f"{rest.method} {path}"


def test_the_procfile_is_shown() -> None:
    """The README shows the Procfile."""
    assert (ROOT / "Procfile").read_text("utf-8") in README


def test_the_security_page_names_what_is_there() -> None:
    """The page about security names every bound that is a setting, and nothing that is not there."""
    page = (ROOT / "docs/SECURITY.md").read_text("utf-8")
    settings = {name.split("=")[0] for name in re.findall(r"`([A-Z][A-Z_]{5,})`", page)}
    assert settings <= {row.name for row in VARIABLES} | {"INTERNAL_ERROR"}
    bounds = {row.name for row in VARIABLES if re.match(r"Most|Largest", row.meaning)}
    bounds |= {row.name for row in VARIABLES if "0 is no limit" in row.meaning}
    assert bounds <= settings
    commands = set(re.findall(r"`((?:chat|user|group|session|system):[a-z_]+)`", page))
    assert commands <= {command.name for command in schemas.COMMANDS}
    assert {"user:block", "chat:conversation_block"} <= commands


@pytest.mark.parametrize("name", ["README.md", "docs/SECURITY.md", "docs/ARCHITECTURE.md"])
def test_links_lead_somewhere(name: str) -> None:
    """Each file that a page links to is there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / name).read_text("utf-8"))
    assert links
    for link in links:
        assert ((ROOT / name).parent / link).exists(), link

"""Every environment variable in one table. `reader` reads them; the README's table is `settings_table()`."""

from chatserver.config.variables import ACCESS, FILES, LIMITS, PUSH, SERVING, STORES, Variable
from chatserver.schemas.table import distinct

VARIABLES: tuple[Variable, ...] = distinct(*SERVING, *LIMITS, *ACCESS, *FILES, *STORES, *PUSH)

ROWS = {variable.name: variable for variable in VARIABLES}


def settings_table() -> str:
    """Return the Markdown table of all variables, their defaults and meanings, ending in a newline."""
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for row in VARIABLES:
        default = row.shown or (f"`{row.default}`" if row.default else "not set")
        lines.append(f"| `{row.name}` | {default} | {row.meaning} |")
    return "\n".join(lines) + "\n"

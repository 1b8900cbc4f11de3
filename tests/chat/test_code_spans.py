"""Where a text has code in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.chat.code_spans import code_spans


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no code", []),
        ("`a` b `c`", ["`a`", "`c`"]),
        ("``a ` b`` c", ["``a ` b``"]),
        ("`a\nb` c", ["`a\nb`"]),
        ("`a b", []),
        ("`a\n\nb`", []),
        ("\\`a`b`", ["`b`"]),
        ("\\\\`a` b", ["`a`"]),
        # Inside code a backslash is only a backslash.
        ("`a\\`b", ["`a\\`"]),
        ("```\na\n```\nb", ["```\na\n```"]),
        ("```py\na\n```\nb", ["```py\na\n```"]),
        ("   ```\na\n   ````\nb", ["```\na\n   ````"]),
        ("````\n```\na\n````\nb", ["````\n```\na\n````"]),
        ("~~~\n```\n~~~\nb", ["~~~\n```\n~~~"]),
        ("~~~\na", ["~~~\na"]),
        ("```\na\n\nb", ["```\na\n\nb"]),
        ("```a``` b", ["```a```"]),
        ("- ```\n  a\n  ```\nb", ["```\n  a\n  ```"]),
        ("> ```\n> a\n> ```\nb", ["```\n> a\n> ```"]),
        # As chat clients show it.
        ("look: ```\na\n\nb``` c", ["```\na\n\nb```"]),
        ("```\na``` b", ["```\na```"]),
        ("~~a~~ b", []),
    ],
)
def test_code(text: str, code: list[str]) -> None:
    """Code is what Markdown takes for it, spans and fences alike."""
    assert [text[start:end] for start, end in code_spans(text)] == code


@given(st.text(st.sampled_from("`~\\ \n>-a"), max_size=120))
def test_stretches_are_in_order(text: str) -> None:
    """Whatever the text, stretches of code follow each other within it, and each begins with a sign of code."""
    end = 0
    for start, stop in code_spans(text):
        assert end <= start < stop <= len(text)
        assert text[start] in "`~"
        end = stop

"""All that a JSON text can hold, and payloads of it, for hypothesis."""

from hypothesis import strategies as st

from chatserver import schemas
from chatserver.schemas.examples import EXAMPLES
from chatserver.schemas.wire import Loader, camel

# With lone surrogates, NaN, infinities and numbers of any size: all that a JSON text can hold.
_TEXT = st.text(st.characters(exclude_categories=()), max_size=6)
_HELD = [value for payload in EXAMPLES.values() for value in payload.values()]
_LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    _TEXT,
    st.sampled_from(_HELD),
)
VALUES = st.recursive(
    _LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=8,
)
_KNOWN = [name for command in schemas.COMMANDS for name in Loader(command.takes).fields]
_NAME = st.sampled_from(_KNOWN) | st.sampled_from(_KNOWN).map(camel) | _TEXT
PAYLOADS = st.dictionaries(_NAME, VALUES, max_size=8) | VALUES

"""No mistake in a URL brings its password to light."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.config import ConfigError
from tests.config.samples import DEVELOPMENT, load

SECRET = "zqxj-wvkz-qjxw"
URLS = {
    "DATABASE_URL": f"postgresql://me:{SECRET}@db.example:5432/chat?sslmode=require&search_path=chat",
    "REDIS_URL": f"rediss://me:{SECRET}@cache.example:6379/0?ssl_cert_reqs=none",
}
# What URLs are read by, and what breaks them.
_SIGNS = st.sampled_from(list("@:/?#%&=[],+ \n\t'\"\\$;.-0aZ\u00e9\u2028")) | st.just("")


@pytest.mark.parametrize("name", sorted(URLS))
@given(data=st.data())
def test_a_url_that_is_spoilt_shows_nothing(name: str, data: st.DataObject) -> None:
    """Whatever sign is put into a URL, taken out or exchanged: it is read, or refused without the password."""
    url = URLS[name]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(url)))
        url = url[:place] + data.draw(_SIGNS) + url[place + data.draw(st.integers(0, 1)) :]
    try:
        load(DEVELOPMENT, **{name: url})
    except ConfigError as error:
        line = str(error)
        assert line.startswith(f"{name} ")
        assert line.isprintable()
        for piece in SECRET.split("-"):
            assert piece not in line

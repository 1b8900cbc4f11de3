"""Logging: its two formats, and what never reaches a log."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
import structlog

from chatserver.core.logging import configure_logging, get_logger

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def stream() -> io.StringIO:
    """Where JSON logs of all levels go."""
    stream = io.StringIO()
    configure_logging(json=True, level="debug", stream=stream)
    return stream


class _Broken(dict[str, str]):
    """A value that cannot be written."""

    def items(self) -> Any:
        raise ValueError(self["hello"])


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The logged objects."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def unique_violation(detail: str) -> asyncpg.PostgresError:
    """An error as asyncpg raises it."""
    error = asyncpg.UniqueViolationError("duplicate key value violates unique constraint")
    error.detail = detail
    return error


def test_a_line_is_an_object(stream: io.StringIO) -> None:
    """In production each line is one JSON object with time, level, logger, event and values."""
    get_logger("chatserver.tests").info("it happened", user_id="1", count=2, missing=None)
    [line] = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("timestamp"))
    assert line == {
        "level": "info",
        "logger": "chatserver.tests",
        "event": "it happened",
        "user_id": "1",
        "count": 2,
        "missing": None,
    }
    assert stream.getvalue().startswith('{"timestamp": ')


def test_a_logger_made_before_the_configuration_follows_it() -> None:
    """Loggers of module level are made first and write all the same."""
    logger = get_logger("chatserver.early")
    stream = io.StringIO()
    configure_logging(json=True, level="info", stream=stream)
    logger.info("first")
    other = io.StringIO()
    configure_logging(json=True, level="info", stream=other)
    logger.info("second")
    assert [line["event"] for line in lines(stream)] == ["first"]
    assert [line["event"] for line in lines(other)] == ["second"]


def test_configuring_twice_logs_once(stream: io.StringIO) -> None:
    """A second configuration replaces the first, and leaves others' handlers."""
    theirs = logging.NullHandler()
    logging.getLogger().addHandler(theirs)
    configure_logging(json=True, level="info", stream=stream)
    get_logger("chatserver.tests").info("once")
    assert len(lines(stream)) == 1
    assert theirs in logging.getLogger().handlers


def test_levels_below_the_threshold_are_dropped() -> None:
    """Only lines of the level or above are written, also from the standard library's loggers."""
    stream = io.StringIO()
    configure_logging(json=True, level="WARNING", stream=stream)
    get_logger("chatserver.tests").info("no")
    logging.getLogger("some.library").info("no")
    get_logger("chatserver.tests").warning("yes")
    logging.getLogger("some.library").error("yes")
    assert [line["event"] for line in lines(stream)] == ["yes", "yes"]


def test_an_unknown_level_is_refused() -> None:
    """A level that does not exist is a ValueError."""
    with pytest.raises(ValueError, match="no log level 'loud'"):
        configure_logging(json=True, level="loud")


def test_libraries_have_the_same_format(stream: io.StringIO) -> None:
    """A library's line has the same fields, and ends where it begins to quote."""
    logging.getLogger("aiohttp.server").error("no such token: %s", JWT)
    [line] = lines(stream)
    assert (line["level"], line["logger"]) == ("error", "aiohttp.server")
    assert line["event"] == "no such token"


@pytest.mark.parametrize(
    "name", ["engineio.server", "socketio.server", "aiohttp.access", "asyncpg", "asyncio"]
)
def test_libraries_do_not_log_packets(stream: io.StringIO, name: str) -> None:
    """At debug, too, libraries that write packets or requests are heard from warnings up."""
    logging.getLogger(name).info("Sending packet MESSAGE data hello")
    logging.getLogger(name).warning("trouble")
    assert [line["event"] for line in lines(stream)] == ["trouble"]


def test_exceptions_are_text_without_values(stream: io.StringIO) -> None:
    """A traceback is one string: where, and of which kind, without any exception's text."""
    value = "Key (content)=(hello" + "\nworld) already exists."
    try:
        try:
            raise unique_violation(value)
        except asyncpg.PostgresError as error:
            raise RuntimeError("could not save") from error
    except RuntimeError:
        get_logger("chatserver.tests").exception("failed")
        logging.getLogger("some.library").exception("failed")
    for line in lines(stream):
        assert line["exception"].startswith("Traceback")
        assert "\nUniqueViolationError (23505)\n" in line["exception"]
        assert "\nThe above exception was the direct cause" in line["exception"]
        assert line["exception"].endswith("\nRuntimeError")
        assert "test_logs.py" in line["exception"]
        assert "world" not in line["exception"]
    assert len(lines(stream)) == 2


def test_any_value_can_be_logged(stream: io.StringIO) -> None:
    """Lone surrogates, big and odd numbers and cycles do not lose a line."""
    cycle: list[Any] = []
    cycle.append(cycle)
    get_logger("chatserver.tests").info("odd", a="\ud800", b=2**80, c=float("nan"), d=cycle)
    [line] = lines(stream)
    assert (line["a"], line["b"], line["c"]) == ("\ud800", 2**80, "nan")


def test_a_failing_line_does_not_print_its_arguments(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that can't be formatted is reported by place alone."""
    root = logging.getLogger()
    # pytest's own handlers raise instead.
    root.handlers[:] = [old for old in root.handlers if getattr(old, "stream", None) is stream]
    get_logger("some.library").error("lost", value=_Broken(hello="hello"))
    assert stream.getvalue() == ""
    written = capsys.readouterr().err
    assert re.fullmatch(r"a log line of some\.library was lost \(.*test_logs\.py:\d+\)\n", written)


def test_development_is_readable() -> None:
    """In development a line is text, without colours where nobody looks, and as clean."""
    stream = io.StringIO()
    configure_logging(json=False, level="debug", stream=stream)
    value = "Key (content)=" + "(hello) already exists."
    try:
        raise unique_violation(value)
    except asyncpg.PostgresError:
        get_logger("chatserver.tests").exception("failed", token="abc", user_id="1")
    text = stream.getvalue()
    assert "failed" in text
    assert "user_id=1" in text
    assert "Traceback" in text
    assert "\x1b" not in text
    assert "abc" not in text
    assert "(hello)" not in text


def test_colours_are_for_terminals() -> None:
    """A terminal gets colours."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    configure_logging(json=False, level="info", stream=stream)
    get_logger("chatserver.tests").info("happened")
    assert "\x1b[" in stream.getvalue()

"""Log output: one line per event, as JSON or for people, without secrets and without control characters."""

import io
import json
import logging
from typing import Any

import pytest

from actors.log import get_logger
from agents.node.log_setup import set_up_logging
from agents.settings import LogFormat, LogSettings

log = get_logger("understudy.tests")
HOSTILE = "a\r\nb\x1b[31m\x00\x7f\x9b\u2028\u202e\u200b\ud800"


@pytest.fixture
def out() -> io.StringIO:
    """Return the text stream that the test logs to."""
    return io.StringIO()


def as_json(out: io.StringIO, *secrets: str, level: Any = "info") -> None:
    set_up_logging(LogSettings(format=LogFormat.JSON, level=level), secrets, out)


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_its_fields(out: io.StringIO) -> None:
    as_json(out)
    log.info("child_started", child="a", number=1, ratio=0.5, good=True, none=None, exit=KeyError("x"))
    (event,) = lines(out)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "level": "info",
        "event": "child_started",
        "logger": "understudy.tests",
        "child": "a",
        "number": 1,
        "ratio": 0.5,
        "good": True,
        "none": None,
        "exit": "KeyError('x')",
    }


def test_a_list_is_a_list_of_cleaned_values(out: io.StringIO) -> None:
    as_json(out, "s3cret-s3cret")
    log.info("tried", calls=["a", "key s3cret-s3cret", 3, None], pair=("a\x1b[31m", ["in", "ner"]), long=["x" * 9000])
    (event,) = lines(out)
    assert event["calls"] == ["a", "key ***", 3, None]
    assert event["pair"] == ["a\x1b[31m", "['in', 'ner']"]
    assert isinstance(event["long"], str)
    assert "\x1b" not in out.getvalue()


def test_on_a_console_an_event_is_one_line_with_its_fields(out: io.StringIO) -> None:
    set_up_logging(LogSettings(), (), out)
    log.warning("child_started", child="a", text="two words", forged="x level=error")
    _, rest = out.getvalue().split(" ", 1)
    assert rest == ('warning child_started child=a text="two words" forged="x level=error" logger=understudy.tests\n')


def fail(logger: str, words: str) -> None:
    """Log an exception with its traceback."""
    error = ValueError(words)
    logging.getLogger(logger).error("failed", exc_info=error)


@pytest.mark.parametrize("form", list(LogFormat))
def test_foreign_text_adds_no_line_and_no_control_character(out: io.StringIO, form: LogFormat) -> None:
    set_up_logging(LogSettings(format=form), (), out)
    log.info("tool_failed", name=HOSTILE, **{HOSTILE: "key"})
    log.info(HOSTILE)
    logging.getLogger("a.library").warning("%s", HOSTILE)
    written = out.getvalue()
    assert len(written.splitlines()) == 3
    assert all(character.isprintable() for character in written.replace("\n", ""))
    if form is LogFormat.JSON:
        assert lines(out)[0]["name"] == HOSTILE


@pytest.mark.parametrize("unit", ["x", "a-", "cookie ", "://", "sk-", "bearer ", "é"])
def test_a_long_text_is_cut(out: io.StringIO, unit: str) -> None:
    as_json(out)
    log.info("tool_failed", name=unit * (2**20 // len(unit)))
    (event,) = lines(out)
    assert "characters)" in event["name"]
    assert len(out.getvalue()) < 10_000


def test_an_exceptions_lines_are_indented_below_its_event(out: io.StringIO) -> None:
    set_up_logging(LogSettings(), (), out)
    fail("understudy.tests", "first\n2026-01-01T00:00:00Z info    forged\x1b[2J")
    first, *rest = out.getvalue().splitlines()
    assert first.endswith("error   failed logger=understudy.tests")
    assert [line for line in rest if not (line.startswith("    ") and line.isprintable())] == []
    assert any("forged" in line for line in rest)


SECRETS = {
    "known": "correct-horse-battery",
    "a key": "sk-proj-abcdefgh12345678",
    "a bearer": "Bearer abcDEF123.456-789",
    "a header": "Authorization: abc123def",
    "a cookie": "Cookie: session=abc123def; other=abc123def",
    "an assignment": "OPENAI_API_KEY=abc123def",
    "json": '{"api_key": "abc123def"}',
    "an address": "postgresql://user:abc123def@host/db",
    "a query": "asked http://host/v1?api-version=1&key=abc123def",
    "a query's token": "asked http://host/v1?sas_token=abc123def&x=1",
    "a ticket": "GET /streams/s/events?after=1&ticket=abc123def HTTP/1.1",
    "a code": "opened http://127.0.0.1:8765/#code=abc123def",
}


@pytest.mark.parametrize("form", list(LogFormat))
@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_in_no_line(out: io.StringIO, form: LogFormat, kind: str) -> None:
    set_up_logging(LogSettings(format=form), ["correct-horse-battery"], out)
    secret = SECRETS[kind]
    log.info("request_failed", reason=f"with {secret} it failed", error=ValueError(secret), api_key=secret)
    logging.getLogger("a.library").error("failed: %s", secret)
    fail("a.library", secret)
    for part in ("correct-horse", "abcdefgh12345678", "abcDEF123", "abc123def"):
        assert part not in out.getvalue()
    assert "***" in out.getvalue()


def test_the_level_applies_to_this_project_and_other_libraries_log_warnings_only(out: io.StringIO) -> None:
    as_json(out, level="debug")
    log.debug("said")
    logging.getLogger("a.library").info("not said")
    as_json(out, level="error")  # replaces the first handler
    log.warning("not said")
    logging.getLogger("a.library").warning("not said")
    log.error("said once")
    assert [event["event"] for event in lines(out)] == ["said", "said once"]

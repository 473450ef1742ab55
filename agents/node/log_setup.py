"""Log output: each event is one line on stderr, for people or as JSON, without secrets.

A library only logs (actors/log.py) and leaves the output to its host. The daemon and the commands are hosts.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, Processor

from agents.node.redaction import MASK, SECRET_NAME, Redactor
from agents.settings import LogFormat, LogSettings

MAX_CHARS: Final = 8 * 1024
INDENT: Final = "    "
FIRST: Final = ("timestamp", "level", "event")

# C0, DEL, C1, lone surrogates, line and paragraph separators, characters that reorder or hide text around them.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


class LogHandler(logging.StreamHandler[TextIO]):
    """The handler on the root logger. There is one at a time: the next set-up replaces it."""


def set_up_logging(
    settings: LogSettings, secrets: Iterable[str] = (), stream: TextIO | None = None, *, node: str | None = None
) -> None:
    """Send all log events of this OS process to stream, or to stderr.

    secrets: masked in every event, together with any text that looks like a secret. The level applies to this project's
    events; other libraries' events appear from `warning` up. node: the name of this node of a cluster. Every event gets
    it as `on_node`, since its field `node` may name another one.
    """
    handler = LogHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(settings.format, Redactor(secrets), node))
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, LogHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("understudy").setLevel(level)


def _formatter(form: LogFormat, redactor: Redactor, node: str | None) -> logging.Formatter:
    own = {} if node is None else {"on_node": node}
    return ProcessorFormatter(
        foreign_pre_chain=[partial(_fields, own)],
        processors=[
            add_log_level,
            add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            ProcessorFormatter.remove_processors_meta,
            _cleaned(redactor),
            _one_json_line if form is LogFormat.JSON else _console_lines,
        ],
    )


def _fields(own: Mapping[str, str], _: Any, __: str, event: EventDict) -> EventDict:
    """Return the event with the fields that its logger received, and own ones."""
    fields: Mapping[str, Any] | None = getattr(event["_record"], "fields", None)
    return {**event, **own, **(fields or {})}


def _cleaned(redactor: Redactor) -> Processor:
    """Return a processor that makes each value plain data, of limited length, without secrets."""

    def clean(_: Any, __: str, event: EventDict) -> EventDict:
        return {name: _clean(name, value, redactor) for name, value in event.items()}

    return clean


def _clean(name: str, value: Any, redactor: Redactor) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if SECRET_NAME.search(name):
        return MASK
    whole = value if isinstance(value, str) else repr(value)
    if isinstance(value, list | tuple) and len(whole) <= MAX_CHARS:  # a list in a list is text
        return [_clean(name, repr(each) if isinstance(each, list | tuple) else each, redactor) for each in value]
    text = redactor(whole[: 2 * MAX_CHARS])  # twice the limit: the cut must not hide a secret from the redactor
    return text if len(whole) <= MAX_CHARS else f"{text[:MAX_CHARS]}... ({len(whole)} characters)"


def _one_json_line(_: Any, __: str, event: EventDict) -> str:
    """Return the event as one line of JSON.

    JSON leaves some characters as they are that a terminal must not receive. All of them are inside strings, where an
    escape is allowed.
    """
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", str(_JSON(None, "", dict(_ordered(event)))))


def _console_lines(_: Any, __: str, event: EventDict) -> str:
    """Return the event as one line, with an exception's traceback below.

    The traceback is indented, so that none of its lines looks like an event.
    """
    exception = event.pop("exception", None)
    fields = dict(_ordered(event))
    timestamp, level, name = (fields.pop(key) for key in FIRST)
    words = [timestamp, f"{level:7}", _safe(name), *(f"{_safe(key)}={_word(value)}" for key, value in fields.items())]
    trace = "" if exception is None else "".join(f"\n{INDENT}{_safe(line)}" for line in exception.split("\n"))
    return " ".join(words) + trace


def _word(value: Any) -> str:
    """Return the value, in quotes if its end would not be visible otherwise."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) else _safe(json.dumps(text, ensure_ascii=False))


def _safe(text: str) -> str:
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)


def _ordered(event: EventDict) -> Iterator[tuple[str, Any]]:
    for name in FIRST:
        yield name, event[name]
    for name, value in event.items():
        if name not in FIRST:
            yield name, value


_JSON: Final = structlog.processors.JSONRenderer(ensure_ascii=False)
_PLAIN: Final = re.compile(r"[^\s\"'=]+")

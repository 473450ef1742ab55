"""Redaction: replace secrets in text that goes to a log, both known secrets and text that looks like one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from agents.llm.key import READ_KEYS

MASK: Final = "***"
SHORTEST: Final = 6  # a shorter secret would match parts of ordinary words

_HEADERS = "authorization|cookie"
_SECRET_WORDS = rf"{_HEADERS}|api[_-]?key|password|passwd|secret|access[_-]?token"
_PARAMETERS = rf"key|sig|signature|code|auth|ticket|[\w-]{{0,40}}(?:{_SECRET_WORDS}|token)"
SECRET_PARAMETER: Final = re.compile(rf"(?i)(?:{_PARAMETERS})")
"""Names of query parameters whose values are secrets. Match it against the full name."""

_PATTERNS: Final = (
    r"\bsk-[A-Za-z0-9_-]{8,}",
    r"(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}",
    rf"(?P<header>(?i:\b[\w-]{{0,40}}(?:{_HEADERS})\s*:\s*))[^'\"\n]+",
    rf"(?P<parameter>[?&#](?i:{_PARAMETERS})=)[^\s&#'\"]+",
    rf"(?P<name>(?i:\b[\w-]{{0,40}}(?:{_SECRET_WORDS})['\"]?\s*[:=]\s*))(?:\"[^\"]*\"|'[^']*'|[^\s,;&'\"]+)",
    r"(?<=://)[^\s/:@]*:[^\s/@]+(?=@)",
)

SECRET_NAME: Final = re.compile(rf"(?i)(?:{_SECRET_WORDS}|token)$")
"""Names of fields and variables whose values are secrets. Search the name for it."""


def secrets_in(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of environment variables whose names are names of secrets."""
    return (value for name, value in environ.items() if SECRET_NAME.search(name))


class Redactor:
    """A function that masks secrets in a text.

    secrets: known secrets, spelled as in the configuration. API keys that are read later are masked, too.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(secrets)
        self._read_keys: tuple[str, ...] = ()
        self._pattern = _pattern(self._secrets)

    def __call__(self, text: str) -> str:
        if (read := tuple(READ_KEYS)) != self._read_keys:
            self._read_keys, self._pattern = read, _pattern(self._secrets.union(read))
        return self._pattern.sub(_masked, text)


def _pattern(secrets: Iterable[str]) -> re.Pattern[str]:
    known = sorted({each for each in secrets if len(each) >= SHORTEST}, key=len, reverse=True)
    return re.compile("|".join((*map(re.escape, known), *_PATTERNS)))


def _masked(found: re.Match[str]) -> str:
    return (found["header"] or found["parameter"] or found["name"] or "") + MASK

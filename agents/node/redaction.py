"""Takes secrets out of text that goes to a log: those that are known, and what looks like one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

MASK: Final = "***"
SHORTEST: Final = 6  # a shorter one would be found in words that are none

_HEADERS = "authorization|cookie"
_TELLING = rf"{_HEADERS}|api[_-]?key|password|passwd|secret|access[_-]?token"
_PARAMETERS = rf"key|sig|signature|code|auth|[\w-]{{0,40}}(?:{_TELLING}|token)"
TELLING_PARAMETER: Final = re.compile(rf"(?i)(?:{_PARAMETERS})")
"""Names of parameters in an address's query whose values are secrets; match the full name."""

_PATTERNS: Final = (
    r"\bsk-[A-Za-z0-9_-]{8,}",
    r"(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}",
    rf"(?P<header>(?i:\b[\w-]{{0,40}}(?:{_HEADERS})\s*:\s*))[^'\"\n]+",
    rf"(?P<parameter>[?&](?i:{_PARAMETERS})=)[^\s&#'\"]+",
    rf"(?P<name>(?i:\b[\w-]{{0,40}}(?:{_TELLING})['\"]?\s*[:=]\s*))(?:\"[^\"]*\"|'[^']*'|[^\s,;&'\"]+)",
    r"(?<=://)[^\s/:@]*:[^\s/@]+(?=@)",
)

TELLING_NAME: Final = re.compile(rf"(?i)(?:{_TELLING}|token)$")
"""Of a field whose value is a secret, whatever it looks like."""


def secrets_in(environ: Mapping[str, str]) -> Iterator[str]:
    """Values of variables that are named as secrets are."""
    return (value for name, value in environ.items() if TELLING_NAME.search(name))


class Redactor:
    """secrets: known ones, as they stand in the configuration."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({each for each in secrets if len(each) >= SHORTEST}, key=len, reverse=True)
        self._pattern = re.compile("|".join((*map(re.escape, known), *_PATTERNS)))

    def __call__(self, text: str) -> str:
        return self._pattern.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    return (found["header"] or found["parameter"] or found["name"] or "") + MASK

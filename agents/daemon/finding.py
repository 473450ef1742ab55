"""The findings of `understudy doctor`."""

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(Struct, frozen=True):
    """A verdict on one subject, with a text in one line."""

    verdict: Verdict
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"

"""A question of a running turn to a person, and the rule for its answers. Pure."""

from math import isfinite
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from agents.core.text import HALF, TEXT, is_text

AnswerValue: TypeAlias = str | tuple[str, ...]
"""A person's answer: a text, or the chosen texts of a question that accepts several."""

MAX_ANSWER: Final = 65_536  # characters
MAX_QUESTION: Final = 65_536


class Question(Struct, frozen=True):
    """A question to a person.

    choices: the valid answers; none: any text is valid. several: an answer may have more than one choice. default: the
    answer if nobody answers in time; None: the call then fails. timeout_s: that time; None: the tool's
    approval_timeout_s.
    """

    text: str
    choices: tuple[str, ...] = ()
    several: bool = False
    default: AnswerValue | None = None
    timeout_s: float | None = None

    def own_fault(self) -> str | None:
        """Return why no answer can fit this question, in one line; None for a valid question."""
        if not self.text.strip():
            return "question: expected a text, got an empty one"
        if not all(map(is_text, (self.text, *self.choices))):
            return f"question: expected {TEXT}, got {HALF}"
        if (length := sum(map(len, (self.text, *self.choices)))) > MAX_QUESTION:
            return f"question: expected at most {MAX_QUESTION} characters with its choices, got {length}"
        if self.timeout_s is not None and not (isfinite(self.timeout_s) and self.timeout_s > 0):
            return f"timeout_s: expected a number of seconds above 0, got {self.timeout_s:g}"
        if not all(map(str.strip, self.choices)) or len(set(self.choices)) < len(self.choices):
            return "choices: expected every text once, and none empty"
        if self.several and not self.choices:
            return "several: expected choices, got none"
        fault = None if self.default is None else self.fault(self.default)
        return None if fault is None else f"default: {fault}"

    def fault(self, given: AnswerValue) -> str | None:
        """Return why this is not an answer to the question, in one line; None for a valid answer."""
        if not self.several and not isinstance(given, str):
            return f"expected one text, got a list of {len(given)}"
        texts = (given,) if isinstance(given, str) else given
        if not texts or not all(text.strip() for text in texts):
            return "expected a text, got an empty one"
        if not self.choices:
            length = sum(map(len, texts))
            return None if length <= MAX_ANSWER else f"expected at most {MAX_ANSWER} characters, got {length}"
        if len(set(texts)) < len(texts):
            return "expected every choice at most once"
        known = ", ".join(map(repr, self.choices))
        other = next((text for text in texts if text not in self.choices), None)
        return (
            None if other is None else f"expected {'some' if self.several else 'one'} of {known}, got {other[:200]!r}"
        )

    def answer(self, given: AnswerValue) -> AnswerValue:
        """Return a valid answer in the form that the tool's result has: a tuple if several may be chosen."""
        return (given,) if self.several and isinstance(given, str) else given


def checked(question: Question) -> Question:
    """Return the question with each field in its type. Raises ValueError, in one line, for an invalid question."""
    try:
        plain = msgspec.convert(msgspec.to_builtins(question), Question)
    except (msgspec.ValidationError, TypeError, RecursionError) as invalid:
        raise ValueError(f"question: {invalid}") from None
    if (fault := plain.own_fault()) is not None:
        raise ValueError(fault)
    return plain

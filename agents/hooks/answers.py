"""The answers of a hook."""

from typing import Any, TypeAlias

from msgspec import Struct


class Run(Struct, frozen=True, tag_field="decision", tag="run"):
    """Go on, with the value as the hook got it."""


class Rewrite(Struct, frozen=True, tag_field="decision", tag="rewrite"):
    """Go on with another value: the messages, the answer's text, the arguments, or the result.

    The other hooks decide on this value. A hook that gets its own rewritten value must leave it as it is.
    """

    value: Any


class Deny(Struct, frozen=True, tag_field="decision", tag="deny"):
    """Stop. reason: in words, for the model after a tool's hook, and for the user after a model's hook."""

    reason: str


class Ask(Struct, frozen=True, tag_field="decision", tag="ask"):
    """Let a person decide. Only a hook before a tool may answer this. question: for the person."""

    question: str


class UnfitAnswer(ValueError):
    """An answer that does not fit its point, in one line: "expected X, got Y"."""


Answer: TypeAlias = Run | Rewrite | Deny | Ask

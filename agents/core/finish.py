"""Finish reasons: the providers' words for why a model stopped, and their meaning.

An unknown word is classified by its parts. A word without a known part is FinishReason.OTHER, and the answer counts
as whole: one provider's "eos" is another provider's "stop".
"""

from typing import Final

from agents.core.deltas import FinishReason
from agents.core.errors import ApiError
from agents.core.retry import BROKEN_OFF

CUT: Final = frozenset((FinishReason.LENGTH, FinishReason.CONTENT_FILTER))
"""The finish reasons of an incomplete answer."""

_REASONS: Final = {
    "stop": FinishReason.STOP,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "length": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,  # Mistral: the context is full
    "recitation": FinishReason.CONTENT_FILTER,
    "spii": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.CONTENT_FILTER,
}

# Broken-off parts are checked first: "rate_limit_exceeded" was broken off, although it contains "limit".
_BROKEN_PARTS: Final = (
    "error", "abort", "cancel", "fail", "timeout", "timed_out", "time_out", "time_limit", "deadline", "interrupt",
    "incomplete", "insufficient", "unavailable", "overload", "exhausted", "quota", "rate_limit", "disconnect",
    "malformed", "unexpected", "preempt", "evict", "expired", "killed", "terminated", "crash", "exception", "internal",
    "network", "connection", "gateway", "shutdown", "memory", "resource", "throttl", "dropped", "unfinished", "partial",
    "invalid",
)  # fmt: skip
_FILTER_PARTS: Final = (
    "filter", "sensitive", "safety", "prohibited", "blocklist", "blocked", "moderation", "policy", "guardrail",
    "reject",
)  # fmt: skip
_LENGTH_PARTS: Final = ("max_", "maxtoken", "length", "context_window", "limit", "exceeded", "truncat", "repetition")


def reason_of(raw: str | None) -> FinishReason | None:
    """Return the reason that a provider's word means; None if the provider gave none. The word is not broken_off()."""
    if raw is None:
        return None
    word = _word(raw)
    if word in _REASONS:
        return _REASONS[word]
    if any(part in word for part in _FILTER_PARTS):
        return FinishReason.CONTENT_FILTER
    if any(part in word for part in _LENGTH_PARTS):
        return FinishReason.LENGTH
    return FinishReason.OTHER


def kept_reason(known: str | None, raw: str) -> str | None:
    """The finish reason to keep of an answer that had this one before.

    That is the last one, or the first one of an answer that is not whole: no later word mends that. A word for null
    does not count.
    """
    if raw.strip().lower() in _ABSENT or (known is not None and (broken_off(known) or reason_of(known) in CUT)):
        return known
    return raw


def broken_off(raw: str) -> bool:
    """Return whether the word means that the provider failed during the answer. Another try may succeed."""
    word = _word(raw)
    return word not in _REASONS and any(part in word for part in _BROKEN_PARTS)


def fault_of(raw: str) -> ApiError:
    """Return the fault of an answer that ends with a broken-off word."""
    return ApiError(0, f"the provider broke the answer off: {raw}", BROKEN_OFF)


_ABSENT: Final = ("", "null", "none", "nil", "undefined")


def _word(raw: str) -> str:
    return raw.strip().lower().replace("-", "_").replace(" ", "_")

"""The usage of a turn in OpenAI's forms."""

from agents.contract.chat_completions import CachedTokens, CompletionUsage, ReasoningTokens
from agents.core.deltas import Usage


def completion_usage(usage: Usage) -> CompletionUsage | None:
    """Return the usage; None if the provider reported none."""
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    read, written = usage.input_tokens or 0, usage.output_tokens or 0
    return CompletionUsage(
        read,
        written,
        usage.total_tokens or read + written,
        CachedTokens(usage.cached_tokens or 0),
        ReasoningTokens(usage.reasoning_tokens or 0),
    )

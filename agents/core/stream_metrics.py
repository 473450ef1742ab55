"""The figures of a turn."""

from msgspec import Struct


class StreamMetrics(Struct, frozen=True):
    """A turn in figures. Source: API reference, stream_metrics and analyze_metrics.

    tool_time_ms: from the first call's start to the last one's end, summed over the model calls. start_time,
    first_token_time, end_time: Unix milliseconds; first_token_time is None for an answer without text.
    """

    total_time_ms: float
    time_to_first_token_ms: float | None
    token_count: int
    byte_count: int
    tokens_per_second: float
    bytes_per_second: float
    function_calls: int
    tool_time_ms: float
    errors: tuple[str, ...] = ()
    start_time: int = 0
    first_token_time: int | None = None
    end_time: int = 0

"""A turn in figures. Source: API reference, stream_metrics and analyze_metrics."""

from msgspec import Struct
from msgspec.structs import replace

from agents.core.events import StreamMetrics


class Tally(Struct, frozen=True):
    """What is counted while a turn runs. Times in monotonic seconds, as given to turn.step.

    tokens, bytes: of the model calls that are over. errors: one line each, of tools, retries and the end.
    """

    started_s: float
    first_token_s: float | None = None
    executing_since_s: float = 0.0
    tool_time_s: float = 0.0
    tokens: int = 0
    bytes: int = 0
    errors: tuple[str, ...] = ()

    def heard(self, tokens: int, text: str) -> "Tally":
        size_bytes = len(text.encode(errors="surrogatepass"))
        return replace(self, tokens=self.tokens + tokens, bytes=self.bytes + size_bytes)

    def failed(self, error: str) -> "Tally":
        return replace(self, errors=(*self.errors, error))


def metrics(tally: Tally, function_calls: int, now_s: float) -> StreamMetrics:
    total_s = max(now_s - tally.started_s, 1e-9)
    first = tally.first_token_s
    return StreamMetrics(
        total_time_ms=total_s * 1000,
        time_to_first_token_ms=None if first is None else (first - tally.started_s) * 1000,
        token_count=tally.tokens,
        byte_count=tally.bytes,
        tokens_per_second=tally.tokens / total_s,
        bytes_per_second=tally.bytes / total_s,
        function_calls=function_calls,
        tool_time_ms=tally.tool_time_s * 1000,
        errors=tally.errors,
    )

"""The answers of the benchmarks' provider, by the model's name, as prepared bytes.

    tokens-20                  twenty tokens, all at once
    tokens-20-every-10ms       an event every 10 ms; each token is the time at which it was written
    calls-8-of-nap             eight calls of the tool `nap` in parallel, and twenty tokens once their results are there

A chat stream as OpenAI sends it: one HTTP chunk per event, padding included.
"""

import json
import re
import time
from collections.abc import Iterable
from functools import cache
from typing import Final, Self

from msgspec import Struct

HEAD: Final = (
    b"HTTP/1.1 200 OK\r\n"
    b"content-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\n"
    b"openai-processing-ms: 5\r\n"
    b"x-request-id: req_0123456789abcdef0123456789abcdef\r\n\r\n"
)
LAST: Final = b"0\r\n\r\n"
PADDING: Final = "Zr3kQx8VbN1mWs"
WORDS: Final = (" the", " process", " restarts", " its", " child", ",", " and", " goes", " on", ".")
STAMP: Final = f"{0:018} "
"""The time in a paced token, in nanoseconds of a clock that all OS processes share. A space divides joined tokens."""
AFTER_CALLS: Final = 20

_MODEL = re.compile(r"tokens-(\d+)(?:-every-(\d+)ms)?|calls-(\d+)-of-(\w+)")


class Asked(Struct, frozen=True):
    """A model's name, read. tokens: of the answer, or of the answer after the calls."""

    tokens: int
    every_ms: int | None = None
    calls: int = 0
    tool: str = ""

    @classmethod
    def of(cls, model: str) -> Self:
        found = _MODEL.fullmatch(model)
        assert found, f"expected a model like tokens-20, tokens-20-every-10ms or calls-8-of-nap, got {model!r}"
        tokens, every_ms, calls, tool = found.groups()
        if tool:
            return cls(AFTER_CALLS, calls=int(calls), tool=tool)
        return cls(int(tokens), int(every_ms) if every_ms else None)

    @property
    def size(self) -> int:
        """The number of characters of the answer's text."""
        return sum(map(len, self.words()))

    def words(self) -> Iterable[str]:
        return (STAMP if self.every_ms else WORDS[number % len(WORDS)] for number in range(self.tokens))


@cache
def frames(asked: Asked) -> tuple[bytes, ...]:
    """Return the body of a stream of text, one HTTP chunk per event: role, tokens, finish, usage, [DONE]."""
    events = [{"content": word} for word in asked.words()]
    return _stream({"content": ""}, events, "stop", asked.tokens)


@cache
def frames_of_calls(asked: Asked) -> tuple[bytes, ...]:
    """Return the body of a stream of calls: each call starts, then its arguments come in pieces."""
    events: list[dict[str, object]] = []
    for index in range(asked.calls):
        function = {"name": asked.tool, "arguments": ""}
        events.append(_piece({"index": index, "id": f"call_{index:024}", "type": "function", "function": function}))
        pieces = ('{"num', 'ber": ', f"{index}", "}")
        events += [_piece({"index": index, "function": {"arguments": piece}}) for piece in pieces]
    return _stream({"content": None}, events, "tool_calls", 12 * asked.calls)


@cache
def body(asked: Asked, calls: bool) -> bytes:
    return b"".join((HEAD, *(frames_of_calls if calls else frames)(asked), LAST))


def stamped(frame: bytes) -> bytes:
    """Return the frame of a paced token, which contains the time."""
    return frame.replace(STAMP.encode(), b"%018d " % time.monotonic_ns())


def sent_ns(text: str) -> list[int]:
    """Return the times at which the paced tokens of this text were written."""
    return [int(stamp) for stamp in text.split()]


def _stream(role: dict[str, object], deltas: Iterable[object], finish: str, tokens: int) -> tuple[bytes, ...]:
    events = [_chunk({"delta": {"role": "assistant", "refusal": None, **role}}, 0)]
    events += [_chunk({"delta": delta}, number) for number, delta in enumerate(deltas)]
    events.append(_chunk({"delta": {}, "finish_reason": finish}, 0))
    usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": tokens + 9}
    events.append(_chunk(None, 0, usage))
    return tuple(_framed(event) for event in (*events, b"[DONE]"))


def _piece(call: dict[str, object]) -> dict[str, object]:
    return {"tool_calls": [call]}


def _chunk(choice: dict[str, object] | None, number: int, usage: dict[str, int] | None = None) -> bytes:
    choices = [] if choice is None else [{"index": 0, "logprobs": None, "finish_reason": None, **choice}]
    event = {
        "id": "chatcmpl-C0ffee0123456789abcdefghijklm",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
        "choices": choices,
        "usage": usage,
        "obfuscation": PADDING[: 4 + number % 10],
    }
    return json.dumps(event, separators=(",", ":")).encode()


def _framed(payload: bytes) -> bytes:
    event = b"data: " + payload + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)

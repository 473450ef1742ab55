"""CPU microseconds per token of reading a model's stream, beside the minimum of any reader: split and decode.

python -m benchmarks.read_streams
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from agents.llm.chat import ChatReader
from agents.llm.responses import ResponsesReader

TOKENS = 20_000
ROUNDS = 9
CHUNK_BYTES = 16 * 1024


def chat_events() -> Iterator[bytes]:
    """A chat stream as OpenAI sends it, with its padding field."""
    for number in range(TOKENS):
        yield _event(
            {
                "id": "chatcmpl-C0ffee0123456789abcdefghijklm",
                "object": "chat.completion.chunk",
                "created": 1760000000,
                "model": "gpt-4o-mini-2024-07-18",
                "service_tier": "default",
                "system_fingerprint": "fp_0123456789",
                "choices": [{"index": 0, "delta": {"content": f" w{number}"}, "logprobs": None, "finish_reason": None}],
                "usage": None,
                "obfuscation": "abcdefgh",
            }
        )
    yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    yield b"data: [DONE]\n\n"


def responses_events() -> Iterator[bytes]:
    """A Responses stream of one text."""
    item_id = "msg_0123456789abcdef0123456789abcdef0123456789abcdef01"
    for number in range(TOKENS):
        data = {
            "type": "response.output_text.delta",
            "item_id": item_id,
            "output_index": 0,
            "content_index": 0,
            "delta": f" w{number}",
            "sequence_number": number + 4,
            "logprobs": [],
            "obfuscation": "abcdefgh",
        }
        yield b"event: response.output_text.delta\n" + _event(data)
    done = {"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": []}}
    yield b"event: response.completed\n" + _event(done)


def floor(chunks: Sequence[bytes]) -> None:
    """Split at blank lines, decode to plain Python data, and nothing else."""
    decode = msgspec.json.Decoder().decode
    rest = b""
    for chunk in chunks:
        *events, rest = (rest + chunk).split(b"\n\n")
        for event in events:
            data = event[event.index(b"data: ") + 6 :]
            if data != b"[DONE]":
                decode(data)


def chat(chunks: Sequence[bytes]) -> None:
    _read(ChatReader(str), chunks)


def responses(chunks: Sequence[bytes]) -> None:
    _read(ResponsesReader(str), chunks)


def measured(read: Callable[[Sequence[bytes]], None], chunks: Sequence[bytes]) -> float:
    """Return the best of several rounds, in CPU microseconds per token."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        read(chunks)
        best = min(best, time.process_time() - started)
    return best / TOKENS * 1e6


def main() -> None:
    print(f"{'CPU us a token':<24}{'floor':>8}{'ours':>8}")
    for name, events, read in (
        ("chat", list(chat_events()), chat),
        ("responses", list(responses_events()), responses),
    ):
        body = b"".join(events)
        pieces = [body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES)]
        for form, chunks in (("16 KiB chunks", pieces), ("an event a chunk", events)):
            print(f"{name + ', ' + form:<24}{measured(floor, chunks):8.2f}{measured(read, chunks):8.2f}")


def _read(reader: ChatReader | ResponsesReader, chunks: Sequence[bytes]) -> None:
    count = sum(len(reader.feed(chunk)) for chunk in chunks) + len(reader.end())
    assert count == TOKENS + 1, count


def _event(data: object) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


if __name__ == "__main__":
    main()

"""The sum of one answer's deltas. It checks the laws of their order."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any, Protocol, assert_never

from msgspec import Struct, field

from agents.core.deltas import (
    CallDelta,
    CallDone,
    CallStarted,
    Delta,
    Failed,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
)
from agents.core.errors import Fault


class Reader(Protocol):
    def feed(self, chunk: bytes) -> list[Delta]: ...

    def end(self) -> list[Delta]: ...

    def break_off(self, fault: Fault) -> list[Delta]: ...


class Answer(Struct):
    content: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    extra: dict[int, dict[str, Any] | None] = field(default_factory=dict)
    finished: Finished | None = None
    fault: Fault | None = None

    @property
    def ended(self) -> bool:
        return self.finished is not None or self.fault is not None


def answer_of(deltas: Iterable[Delta], *, exact: bool = True) -> Answer:
    """Return the answer, or fail on a broken law. exact: each call's end must agree with its deltas."""
    answer = Answer()
    for delta in deltas:
        assert not answer.ended, f"{delta} came after the end"
        match delta:
            case TextDelta(text):
                assert text
                answer.content += text
            case ReasoningDelta(text):
                assert text
                answer.reasoning += text
            case RefusalDelta(text):
                assert text
                answer.refusal += text
            case CallStarted(index, id_, name):
                assert index == len(answer.calls)
                assert id_
                assert name
                answer.calls.append({"id": id_, "name": name, "arguments": ""})
            case CallDelta(index, arguments):
                assert arguments
                assert index not in answer.done
                answer.calls[index]["arguments"] += arguments
            case CallDone(index, arguments, extra):
                assert index not in answer.done
                assert not exact or answer.calls[index]["arguments"] == arguments
                answer.calls[index]["arguments"] = arguments
                answer.done.append(index)
                answer.extra[index] = extra
            case Finished():
                assert sorted(answer.done) == list(range(len(answer.calls)))
                answer.finished = delta
            case Failed(fault):
                answer.fault = fault
            case _:
                assert_never(delta)
    ids = [call["id"] for call in answer.calls]
    assert len(set(ids)) == len(ids)
    return answer


def read(reader: Reader, *chunks: bytes) -> Answer:
    """Return the answer in these chunks and a regular end of the stream."""
    answer = answer_of([delta for chunk in chunks for delta in reader.feed(chunk)] + reader.end())
    assert answer.ended
    assert reader.feed(b'data: {"choices":[]}\n\n') == reader.end() == []
    return answer


def ids() -> Callable[[], str]:
    numbers: Iterator[int] = count(1)
    return lambda: f"made_up_{next(numbers)}"


def events(*data: str) -> bytes:
    return "".join(f"data: {text}\n\n" for text in data).encode()

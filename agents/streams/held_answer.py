"""The answer of a model call until the host's hooks have decided on it."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from agents.core.conversation import Function, ToolCall
from agents.core.deltas import CallDone, CallStarted, Delta, Failed, Finished, ReasoningDelta, TextDelta
from agents.hooks.models import ModelAnswer


class HeldAnswer:
    """The deltas of one model call. Its end is held back; with `hold` all of it.

    publish_: takes the deltas that subscribers may see.
    """

    def __init__(self, publish: Callable[[list[Delta]], Awaitable[None] | None], *, hold: bool) -> None:
        self._publish, self._hold = publish, hold
        self._deltas: list[Delta] = []
        self._end: Finished | Failed | None = None

    def take(self, deltas: list[Delta]) -> None:
        """Take the deltas of one read from the provider."""
        if isinstance(last := deltas[-1], Finished | Failed):
            self._end, deltas = last, deltas[:-1]
        self._deltas += deltas
        if deltas and not self._hold:
            self._publish(deltas)

    @property
    def is_shown(self) -> bool:
        """Whether subscribers have the text already."""
        return not self._hold

    @property
    def finished(self) -> Finished | None:
        """The end of a whole answer; None if the model call failed."""
        return self._end if isinstance(self._end, Finished) else None

    @property
    def seen(self) -> ModelAnswer:
        """The answer, as hooks get it."""
        names = {each.index: each for each in self._deltas if isinstance(each, CallStarted)}
        calls = tuple(
            ToolCall(names[each.index].id, Function(names[each.index].name, each.arguments), each.index)
            for each in self._deltas
            if isinstance(each, CallDone)
        )
        return ModelAnswer(self._joined(TextDelta), self._joined(ReasoningDelta), calls)

    def give_up(self) -> None:
        """Publish that the model call failed. No hook has decided on held text, so it is dropped."""
        if self._end is not None:
            self._publish([self._end])

    def publish(self, content: str) -> None:
        """Publish the answer with this text. A replaced text leaves out the model's reasoning."""
        end = self.finished
        assert end is not None
        if content != self.seen.content:
            others = [each for each in self._deltas if not isinstance(each, TextDelta | ReasoningDelta)]
            text: list[Delta] = [TextDelta(content)] if content else []
            self._publish([*text, *others, replace(end, items=self._without_text(end))])
        else:
            self._publish([*self._deltas, end] if self._hold else [end])

    def _without_text(self, end: Finished) -> tuple[dict[str, Any], ...]:
        """Return the data to send back without the replaced text: without calls, nothing needs the rest."""
        calls = any(isinstance(each, CallDone) for each in self._deltas)
        return tuple(item for item in end.items if calls and item.get("type") != "message")

    def _joined(self, kind: type[TextDelta] | type[ReasoningDelta]) -> str:
        return "".join(each.text for each in self._deltas if isinstance(each, kind))

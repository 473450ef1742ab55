"""The plan of a compaction: what goes so that a request fits into the context window. Pure.

Old tool results go first, then the oldest turns. The turns to keep go only if the rest does not fit. The older model
calls of the present turn go last, because the model may then repeat them. The last results go only if no other message
makes room for them. A model call goes with all its results, and with its reasoning.
"""

from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from agents.core.compaction import Compaction, cleared, prompt_of
from agents.core.context import ContextPolicy, text_tokens, tokens_in, tokens_of
from agents.core.conversation import AssistantMessage, Conversation, ToolMessage, UserMessage
from agents.core.events import StreamCompacted

SHARE = 0.5
"""The share of the limit that a compaction leaves. A small share makes compactions rare, so that the provider's cache
of the conversation's begin stays useful for many model calls."""
REFUSED = 0.75
"""The share of a refused request that may fit. Its true limit is unknown."""


class Room(Struct, frozen=True):
    """The room for a request, in the provider's tokens: the most, and what a compaction aims at."""

    limit: float
    goal: float


def question_in(conversation: Conversation) -> int:
    """Return the position of the conversation's last user message, or 0."""
    users = (place for place in range(len(conversation) - 1, -1, -1) if isinstance(conversation[place], UserMessage))
    return next(users, 0)


def room_of(policy: ContextPolicy) -> Room | None:
    limit = policy.limit
    return None if limit is None else Room(limit, limit * SHARE)


def refused(policy: ContextPolicy, tokens: float) -> Room:
    """Return the room after a provider refused a request. tokens: its estimated length."""
    known = room_of(policy) or Room(tokens, tokens)
    return Room(min(known.limit, tokens * REFUSED), min(known.goal, tokens * SHARE))


def estimate(policy: ContextPolicy, compaction: Compaction, conversation: Conversation) -> int:
    """Return the estimated tokens of the next request, not corrected by the compaction's rate."""
    return tokens_in(compaction.sent(conversation)) + policy.extra


def plan(
    policy: ContextPolicy, now: Compaction, conversation: Conversation, question: int, window: Room, spare: int = 0
) -> Compaction:
    """Return the compaction with which the request fits, or the one that comes nearest.

    question: the position of the message that the present turn answers, in the whole conversation. spare: the tokens
    of a summary that is still to be written.
    """
    prompt = prompt_of(conversation)
    extra = policy.extra + spare + tokens_in(prompt)
    draft = _Draft(now, conversation[len(prompt) :], extra, window)
    question -= len(prompt)
    kept = draft.first_kept(question, policy.keep_turns)
    draft.clear(kept)
    draft.omit(draft.turns(0, kept))
    if draft.too_long:
        draft.clear(draft.last_group(question))
    if draft.too_long:
        draft.omit(draft.turns(kept, question))
    if draft.is_too_long_without(draft.groups(question + 1)):
        draft.clear(len(draft.messages))
    if draft.too_long:
        draft.omit(draft.groups(question + 1))
    return draft.compaction()


def omitted_by(now: Compaction, planned: Compaction, conversation: Conversation) -> Conversation:
    """Return the messages that only the planned compaction leaves out."""
    before = {place for begin, end in now.omitted for place in range(begin, end)}
    messages = conversation[len(prompt_of(conversation)) :]
    after = (place for begin, end in planned.omitted for place in range(begin, end))
    return tuple(messages[place] for place in after if place not in before)


def announced(
    now: Compaction, following: Compaction, conversation: Conversation, asked: int, asks: int
) -> StreamCompacted:
    """Return the event of a compaction. asked, asks: the estimates of the request before and after it."""
    return StreamCompacted(
        round(asked * now.rate),
        round(asks * now.rate),
        len(omitted_by(now, following, conversation)),
        _cleared_by(now, following, conversation),
        following.summary,
    )


def _cleared_by(now: Compaction, following: Compaction, conversation: Conversation) -> int:
    """Return the number of results that only the following compaction replaces by a short text."""
    messages = conversation[len(prompt_of(conversation)) :]
    gone = {place for begin, end in following.omitted for place in range(begin, end)}
    places = (place for place in range(now.cleared, following.cleared) if place not in gone)
    results = (message for place in places if isinstance(message := messages[place], ToolMessage))
    return sum(cleared(message) is not message for message in results)


class _Draft:
    """A compaction in the making. sizes: the estimated tokens of each message, as it is sent."""

    def __init__(self, now: Compaction, messages: Conversation, extra: int, window: Room) -> None:
        self.messages = messages
        self._now, self._window, self._rate = now, window, now.rate
        self._cleared = now.cleared
        self._gone = bytearray(len(messages))
        for begin, end in now.omitted:
            self._gone[begin:end] = b"\1" * (min(end, len(messages)) - begin)
        self._sizes = [0 if self._gone[place] else self._size(place) for place in range(len(messages))]
        self._users = [place for place, message in enumerate(messages) if isinstance(message, UserMessage)]
        self._total = extra + sum(self._sizes) + text_tokens(now.note)

    @property
    def too_long(self) -> bool:
        return self._total * self._rate > self._window.limit

    def is_too_long_without(self, ranges: Iterable[tuple[int, int]]) -> bool:
        """Return whether the request does not fit even if these ranges are left out."""
        size = sum(sum(self._sizes[begin:end]) for begin, end in ranges)
        return (self._total - size) * self._rate > self._window.limit

    def first_kept(self, question: int, keep_turns: int) -> int:
        """Return the position of the first message that stays while the others are enough."""
        earlier = [place for place in self._users if place < question]
        kept = earlier[-keep_turns:] if keep_turns else []
        return kept[0] if kept else max(question, 0)

    def last_group(self, question: int) -> int:
        """Return the position of the last model call of the present turn, or of its question."""
        answers = (place for place in range(len(self.messages) - 1, question, -1) if self._begins_group(place))
        return next(answers, max(question, 0))

    def turns(self, begin: int, end: int) -> Iterable[tuple[int, int]]:
        """Yield the ranges of the turns between two positions that begin turns."""
        begins = [begin, *(place for place in self._users if begin < place < end), end]
        yield from pairwise(begins)

    def groups(self, begin: int) -> Iterable[tuple[int, int]]:
        """Yield the ranges of the model calls from a position on, without the last one."""
        begins = [place for place in range(begin, len(self.messages)) if self._begins_group(place)]
        for place in begins[:-1]:
            end = place + 1
            while isinstance(self.messages[end], ToolMessage):
                end += 1
            yield place, end

    def clear(self, until: int) -> None:
        """Replace the long results before this position, unless the request is short enough."""
        before, total = self._cleared, self._total
        if total * self._rate <= self._window.goal:
            return
        self._cleared = max(before, until)
        for place in range(before, until):
            if not self._gone[place] and isinstance(self.messages[place], ToolMessage):
                self._resize(place, self._size(place))
        if self._total == total:
            self._cleared = before

    def omit(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Leave out these ranges, the first ones first, until the request is short enough."""
        for begin, end in ranges:
            if self._total * self._rate <= self._window.goal:
                return
            for place in range(begin, end):
                self._gone[place] = 1
                self._resize(place, 0)

    def compaction(self) -> Compaction:
        ranges: list[tuple[int, int]] = []
        begin = self._gone.find(1)
        while begin >= 0:
            end = self._gone.find(0, begin)
            end = len(self._gone) if end < 0 else end
            ranges.append((begin, end))
            begin = self._gone.find(1, end)
        return replace(self._now, omitted=tuple(ranges), cleared=self._cleared)

    def _begins_group(self, place: int) -> bool:
        return isinstance(self.messages[place], AssistantMessage)

    def _size(self, place: int) -> int:
        message = self.messages[place]
        return tokens_of(cleared(message) if place < self._cleared and isinstance(message, ToolMessage) else message)

    def _resize(self, place: int, size: int) -> None:
        self._total += size - self._sizes[place]
        self._sizes[place] = size

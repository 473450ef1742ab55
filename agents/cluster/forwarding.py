"""The calls and follows that a stand-in has forwarded, or will forward as soon as it has a link.

A call that was sent over a link that ended is sent again only if it has the same effect twice. Any other one fails with
NO_CONNECTION, since the agent may have carried it out.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from actors import NORMAL, Caller, CallFailed, Pid
from actors.clock import unix_s
from agents.agent_registry import step_aside
from agents.cluster.errors import Garbage, TooLarge
from agents.cluster.follower import RemoteFollower
from agents.cluster.link.link import Link
from agents.cluster.link.wire import CallAnswered, CallRefused
from agents.cluster.requests import OPENINGS, RemoteRequest, packed_request, unpacked_answer
from agents.core.errors import HandlerCrashed
from agents.core.events import StreamError
from agents.instance.elsewhere import PARKED, FarFault, StopFar
from agents.instance.followers import follow_parked
from agents.instance.requests import Cancel, Retire, Steer

NO_CONNECTION: Final = "noconnection"
"""The reason of a call that fails, and of a stand-in that ends, without a link to the owner. Erlang: noconnection."""


class ForwardedCall(Struct, frozen=True):
    request: RemoteRequest
    caller: Caller

    @property
    def repeatable(self) -> bool:
        """Whether the request names its object, so that a second one changes nothing."""
        match self.request:
            case Steer() | Retire() | Cancel(stream_id=None) | StopFar():
                return False
        return True

    def fail(self, me: Pid, reason: object) -> None:
        self.caller.settle(CallFailed(me, reason))


class Forwarding:
    """State: the link, the calls and follows that were sent over it, by id, and those that wait for a link.

    draining: followers whose follow has ended, and whose subscribers have no room for the last events.
    """

    def __init__(self, session: str, me: Pid) -> None:
        self._session, self._me = session, me
        self.link: Link | None = None
        self.calls: dict[int, ForwardedCall] = {}
        self.follows: dict[int, RemoteFollower] = {}
        self._waiting_calls: list[ForwardedCall] = []
        self.waiting: list[RemoteFollower] = []
        self.draining: list[RemoteFollower] = []

    @property
    def needs_link(self) -> bool:
        return self.link is None and bool(self._waiting_calls or self.waiting)

    @property
    def empty(self) -> bool:
        return not (self.calls or self._waiting_calls or any(self.followers()))

    def followers(self) -> Iterator[RemoteFollower]:
        yield from self.follows.values()
        yield from self.waiting
        yield from self.draining

    def call(self, call: ForwardedCall) -> None:
        if self.link is None:
            self._waiting_calls.append(call)
            return
        try:
            self.calls[self.link.call(self._session, packed_request(call.request), self._me)] = call
        except TooLarge as large:
            call.fail(self._me, str(large))

    def add(self, follower: RemoteFollower) -> bool:
        """Forward a new follow. Return False if the subscriber gets these events already."""
        others = [each for each in self.followers() if each.subscriber == follower.subscriber]
        subscriptions = [each for each in others if each.subscribes]
        streams = {each.stream for each in others if not each.subscribes and each.stream is not None}
        if subscriptions if follower.subscribes else follower.stream in streams:
            return False
        follower.skipped = streams
        for each in subscriptions:
            each.skipped.add(follower.stream or "")
        self.follow(follower)
        return True

    def follow(self, follower: RemoteFollower) -> None:
        if self.link is None:
            self.waiting.append(follower)
            return
        try:
            id_ = self.link.open(self._session, OPENINGS.packed(follower.again()), self._me)
        except TooLarge as large:
            self.last_words(follower, str(large))
        else:
            self.follows[id_] = follower

    def linked(self, link: Link) -> None:
        """Send everything that waits, in its order."""
        self.link = link
        calls, self._waiting_calls = self._waiting_calls, []
        follows, self.waiting = self.waiting, []
        for follower in follows:
            self.follow(follower)
        for call in calls:
            self.call(call)

    def unlinked(self) -> None:
        """Let everything wait that may be sent again, and fail the other calls."""
        if self.link is not None and not self.link.ended:
            for id_ in self.follows:
                self.link.close(id_)
        self.link = None
        for call in self.calls.values():
            if call.repeatable:
                self._waiting_calls.append(call)
            else:
                call.fail(self._me, NO_CONNECTION)
        for follower in self.follows.values():
            self.wait(follower)
        self.calls, self.follows = {}, {}

    def wait(self, follower: RemoteFollower) -> None:
        """Let a follow wait for another link."""
        follower.lost_link()
        self.waiting.append(follower)

    def again(self, id_: int) -> bool:
        """Let a call or a follow wait that the node of the link does not serve. Return whether it is known."""
        call, follower = self.calls.pop(id_, None), self.follows.pop(id_, None)
        if call is not None:
            self._waiting_calls.append(call)
        if follower is not None:
            self.wait(follower)
        return call is not None or follower is not None

    def settle(self, message: CallAnswered | CallRefused) -> bool:
        """Give the caller its answer. Return whether the agent retires."""
        call = self.calls.pop(message.id, None)
        if call is None:
            return False
        if isinstance(message, CallRefused):
            call.fail(self._me, FarFault(message.kind, message.text))
            return False
        try:
            answer = unpacked_answer(call.request, message.value)
        except Garbage as garbage:
            call.fail(self._me, str(garbage))
            return False
        retired = isinstance(call.request, Retire) and answer is True
        if retired:
            step_aside(self._session)  # before the answer, after which the caller may use the name
        call.caller.reply(answer)
        return retired

    def deliver(self, id_: int, follower: RemoteFollower) -> None:
        """Deliver events, and give credit for them. Forget a follower that is done."""
        credit = follower.deliver(self._me)
        if self.link is not None and credit:
            self.link.credit(id_, credit)
        if follower.gone:
            self.close(id_)
        elif follower.done:
            del self.follows[id_]  # the owner ends the follow after the terminal event

    def close(self, id_: int) -> None:
        if self.follows.pop(id_, None) is not None and self.link is not None:
            self.link.close(id_)

    def unfollow(self, subscriber: Pid) -> None:
        for id_ in [id_ for id_, each in self.follows.items() if each.subscriber == subscriber]:
            self.close(id_)
        self.waiting = [each for each in self.waiting if each.subscriber != subscriber]
        self.draining = [each for each in self.draining if each.subscriber != subscriber]

    def forget_ended(self) -> None:
        """Close the follows of subscribers that have ended."""
        for id_ in [id_ for id_, each in self.follows.items() if each.gone]:
            self.close(id_)
        self.waiting = [each for each in self.waiting if not each.gone]

    def fail_all(self, fault: FarFault) -> None:
        """Refuse everything that waits for a link."""
        for call in self._waiting_calls:
            call.fail(self._me, fault)
        for follower in self.waiting:
            self.refuse(follower, fault)
        self._waiting_calls, self.waiting = [], []

    def refuse(self, follower: RemoteFollower, fault: FarFault) -> bool:
        """End a follow whose agent can't be started. Return False for a stream that has begun: its end is not known."""
        if follower.caller is not None:
            follower.caller.settle(CallFailed(self._me, fault))
            follower.caller = None
        elif follower.seq:
            return False
        elif not follower.subscribes:
            self.last_words(follower, fault.text)
        return True

    def agent_ended(self, follower: RemoteFollower, *, parked: bool) -> object:
        """End the follow of an agent that ended in order. Return the reason with which its stand-in ends.

        The followers of a parked turn wait on this node until the turn goes on.
        """
        if not parked:
            self.last_words(follower, "its agent ended")
            return NORMAL
        for each in (follower, *self.followers()):
            each.accepted(found=True)
            each.deliver_all(self._me)
            if each.subscriber is not None and not each.done:
                follow_parked(self._session, each.stream, each.subscriber, each.seq, all_streams=each.subscribes)
        return PARKED

    def last_words(self, follower: RemoteFollower, why: str) -> None:
        """End a follower's stream, whose terminal event will not come."""
        if follower.stream is not None and not follower.over:
            fault = HandlerCrashed(why)
            follower.came(StreamError(fault, stream_id=follower.stream, seq=follower.seq + 1, at=unix_s()), 0)
        follower.deliver_all(self._me)

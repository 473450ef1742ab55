"""The stand-in for an agent of another node: a process that understands the agent's messages, and forwards them.

It has the agent's name, so the functions of agents/agent.py take its Pid and the agent's id as they take any. It
outlives the agent's node: when the link ends, or the session has another owner, it holds its requests until it has
found the owner, and continues each follow from its last seq.
"""

from collections.abc import Awaitable
from typing import Any, Final, TypeAlias

from msgspec import Struct

from actors import (
    NORMAL,
    Caller,
    Down,
    Error,
    Exit,
    GenServer,
    NoReply,
    Outcome,
    Reply,
    Shutdown,
    Stop,
    monitor,
    send_after,
    spawn_link,
)
from actors.server.outcomes import Next
from agents.agent_registry import begin_to_stand_in, belongs_to, find_agent
from agents.cluster.event import Stored
from agents.cluster.follower import Received, RemoteFollower, read
from agents.cluster.forwarding import NO_CONNECTION, ForwardedCall
from agents.cluster.link.address import PeerNode
from agents.cluster.link.link import Arrived
from agents.cluster.link.wire import CallAnswered, CallRefused, FollowEnded, NotHere
from agents.cluster.relay import AGENT_ENDED, AGENT_PARKED, NO_STREAM, OVER, REFUSED
from agents.cluster.remote import Remote, StandInState
from agents.cluster.requests import FollowStream, SubscribeTo, asked_by
from agents.cluster.seeking import Found, seek
from agents.instance.elsewhere import CANNOT_START, Control, FarFault
from agents.instance.requests import AgentRequest, Follow, Subscribe, Unsubscribe
from agents.instance.state import StreamChat
from supervisors import AlreadyStarted

MAX_MISSES: Final = 3
CHECK_S: Final = 0.1  # between two looks at full mailboxes
PAGE: Final = 512
Start: TypeAlias = StandInState | Error


class Check(Struct, frozen=True):
    """Reminder: look at full mailboxes again."""


class IdleCheck(Struct, frozen=True):
    """Reminder: end, if nothing was asked since. asked: the number of requests at that time."""

    asked: int


class StandIn(GenServer[StandInState]):
    """The stand-in of one session."""

    trap_exit = True

    def init(self, session: str, remote: Remote, owner: str | None = None, known: PeerNode | None = None) -> Start:
        """Stand in for the session's agent. owner: the user who owns the agent. known: see StandInState."""
        if (other := find_agent(session)) is not None:
            return Error(AlreadyStarted(other, session))
        begin_to_stand_in(self.pid, session)
        if owner is not None:
            belongs_to(self.pid, owner)
        send_after(remote.idle_s, self.pid, IdleCheck(0))
        return StandInState(session, remote, self.pid, known)

    def handle_call(
        self, request: AgentRequest | Control, caller: Caller, state: StandInState
    ) -> Outcome[StandInState]:
        state.asked += 1
        if not isinstance(request, Follow):
            state.forwarding.forget_ended()  # so that the agent knows which streams are followed
            state.forwarding.call(ForwardedCall(request, caller))
            return NoReply(self._seeking(state))
        opening, size = FollowStream(request.stream_id, request.after), state.remote.buffer_size
        if not state.forwarding.add(RemoteFollower(request.subscriber, opening, size, caller)):
            return Reply(True, state)
        return NoReply(self._seeking(state))

    def handle_info(self, message: Any, state: StandInState) -> Next[StandInState] | Awaitable[Next[StandInState]]:
        """Handle events at once: a coroutine per message would cost more than all the rest."""
        return self._arrived(message, state) if type(message) is Arrived else self._handle(message, state)

    async def _handle(self, message: Any, state: StandInState) -> Next[StandInState]:
        forwarding = state.forwarding
        match message:
            case CallAnswered() | CallRefused() | FollowEnded() | NotHere():
                return await self._answered(message, state)
            case Found(link=None, fault=FarFault() as fault):
                forwarding.fail_all(fault)
                return Stop(Shutdown(fault), state)
            case Found(link):
                state.seeker = None
                if link is None:
                    return Stop(Shutdown(NO_CONNECTION), state)
                monitor(link.pid)
                forwarding.linked(link)
            case Down(pid=pid) if forwarding.link is not None and pid == forwarding.link.pid:
                forwarding.unlinked()
            case Exit(pid) if pid == state.seeker:
                return Stop(Shutdown(NO_CONNECTION), state)
            case Check():
                state.checking = False
                await self._check(state)
            case IdleCheck(asked):
                forwarding.forget_ended()
                if asked == state.asked and forwarding.empty:
                    return Stop(NORMAL, state)
                send_after(state.remote.idle_s, self.pid, IdleCheck(state.asked))
            case StreamChat() | Subscribe() | Unsubscribe():
                self._request(message, state)
        return NoReply(self._seeking(state))

    async def _answered(
        self, message: CallAnswered | CallRefused | FollowEnded | NotHere, state: StandInState
    ) -> Next[StandInState]:
        forwarding = state.forwarding
        match message:
            case CallAnswered() | CallRefused():
                state.misses = 0
                if forwarding.settle(message):
                    return Stop(NORMAL, state)
            case FollowEnded(id_, reason):
                if (follower := forwarding.follows.pop(id_, None)) is not None:
                    return await self._follow_ended(follower, reason, state)
            case NotHere(id_) if forwarding.again(id_):
                return self._missed(state)
        return NoReply(state)

    def terminate(self, reason: Any, state: StandInState) -> None:
        for follower in state.forwarding.followers():
            follower.deliver_all(self.pid)
        for id_ in list(state.forwarding.follows):
            state.forwarding.close(id_)

    def _request(self, message: StreamChat | Subscribe | Unsubscribe, state: StandInState) -> None:
        state.asked += 1
        size = state.remote.buffer_size
        match message:
            case StreamChat(_, subscriber):
                state.forwarding.add(RemoteFollower(subscriber, asked_by(message), size))
            case Subscribe(subscriber):
                state.forwarding.add(RemoteFollower(subscriber, SubscribeTo(), size))
            case Unsubscribe(subscriber):
                state.forwarding.unfollow(subscriber)

    def _seeking(self, state: StandInState) -> StandInState:
        """Look for the owner if a request waits for a link."""
        if state.seeker is None and state.forwarding.needs_link:
            state.seeker = spawn_link(seek, self.pid, *state.search())
        return state

    def _missed(self, state: StandInState) -> Next[StandInState]:
        """Look for the owner again, or end after too many misses."""
        state.misses += 1
        if state.misses > MAX_MISSES:
            return Stop(Shutdown(NO_CONNECTION), state)
        state.forwarding.unlinked()
        return NoReply(self._seeking(state))

    def _arrived(self, message: Arrived, state: StandInState) -> Next[StandInState] | Awaitable[Next[StandInState]]:
        follower = state.forwarding.follows.get(message.id)
        if follower is None:
            return NoReply(state)
        follower.accepted(found=True)
        events = [(read(received), len(received)) for received in message.events]
        if events:
            state.misses = 0
        if any(type(event) is Stored for event, _ in events):
            return self._arrived_stored(message.id, follower, events, state)
        self._take(message.id, follower, events, state)
        return NoReply(state)

    async def _arrived_stored(
        self, id_: int, follower: RemoteFollower, events: list[Received], state: StandInState
    ) -> Next[StandInState]:
        """Read from the store the events that came without their data."""
        for place, (event, size) in enumerate(events):
            if isinstance(event, Stored):
                found = await state.remote.read(event.stream_id, event.seq - 1, 1)
                events[place] = found[0] if found else None, size
        self._take(id_, follower, events, state)
        return NoReply(state)

    def _take(self, id_: int, follower: RemoteFollower, events: list[Received], state: StandInState) -> None:
        forwarding = state.forwarding
        for event, size in events:
            if event is not None and not isinstance(event, Stored) and not follower.skips(event):
                follower.came(event, size)
            elif forwarding.link is not None:
                forwarding.link.credit(id_, 1)  # nothing to deliver
        forwarding.deliver(id_, follower)
        if follower.waits:
            self._check_later(state)

    async def _follow_ended(self, follower: RemoteFollower, reason: str, state: StandInState) -> Next[StandInState]:
        forwarding = state.forwarding
        if reason in (AGENT_ENDED, AGENT_PARKED):
            return Stop(forwarding.agent_ended(follower, parked=reason == AGENT_PARKED), state)
        if reason == NO_STREAM and follower.caller is not None:
            follower.accepted(found=False)
        elif reason.startswith(REFUSED):
            if not forwarding.refuse(follower, fault := FarFault(CANNOT_START, reason.removeprefix(REFUSED))):
                return Stop(Shutdown(fault), state)
        elif reason == NO_STREAM or (reason == OVER and follower.over):
            follower.from_store = not follower.over
            forwarding.draining.append(follower)
            await self._check(state)
        else:
            forwarding.wait(follower)
            return self._missed(state)
        return NoReply(self._seeking(state))

    async def _check(self, state: StandInState) -> None:
        """Deliver the events that wait for room, and read on in the store."""
        forwarding = state.forwarding
        for id_, follower in list(forwarding.follows.items()):
            forwarding.deliver(id_, follower)
        for follower in [*forwarding.waiting, *forwarding.draining]:
            follower.deliver(self.pid)
            while follower.from_store and not follower.over and not follower.waits:
                await self._read_on(follower, state)
        forwarding.draining = [each for each in forwarding.draining if not each.done]
        if any(each.waits for each in forwarding.followers()):
            self._check_later(state)

    async def _read_on(self, follower: RemoteFollower, state: StandInState) -> None:
        events = await state.remote.read(follower.stream or "", follower.seq, PAGE)
        for event in events:
            follower.came(event, 0)
        if not events:
            state.forwarding.last_words(follower, "its agent ended")
        follower.deliver(self.pid)

    def _check_later(self, state: StandInState) -> None:
        if not state.checking:
            state.checking = True
            send_after(CHECK_S, self.pid, Check())

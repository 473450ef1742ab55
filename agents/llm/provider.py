"""A provider: the process that holds one endpoint's client and its circuit breaker.

State: ProviderState. The first model call to an endpoint starts its provider, and all agents of that endpoint share it.
A provider ends after idle_s without a call, and the next call starts it again. The same address with another key,
other headers or another query is another provider.

    lease = await acquire(endpoint)         # raises ProviderFailed(CircuitOpen) while the breaker is open
    ...                                     # one model call with lease.client
    report(lease, outcome)
"""

import asyncio
from collections.abc import Awaitable
from hashlib import blake2b
from secrets import token_bytes
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from actors import (
    IGNORE,
    NOPROC,
    NORMAL,
    TIMEOUT,
    After,
    Caller,
    CallFailed,
    Down,
    Error,
    GenServer,
    Next,
    NoReply,
    Pid,
    Ready,
    Ref,
    Reply,
    StartFailed,
    Stop,
    call,
    cast,
    demonitor,
    monitor,
    register,
    whereis,
)
from actors.log import get_logger
from actors.server.outcomes import NOTHING, Ignore
from agents.core.errors import CircuitOpen, LimitReached
from agents.llm.breaker import CLOSED, Admitted, Breaker, BreakerPolicy, Open, Outcome, admit, record
from agents.llm.client import ModelClient, NewClient
from agents.llm.endpoint import Endpoint, ProviderFailed
from supervisors.dynamic_supervisor import start_child
from supervisors.errors import MaxChildren

LLM_SUPERVISOR: Final = "llm_supervisor"
IDLE: Final = (NORMAL, NOPROC)

log = get_logger("understudy.agents")


class ProviderPolicy(Struct, frozen=True):
    """The settings of all providers. idle_s: how long an unused provider is kept. max_count: the most providers."""

    breaker: BreakerPolicy = BreakerPolicy()
    idle_s: float = 300.0
    max_count: int = 1000

    @property
    def kept_s(self) -> float:
        """The time before an unused provider ends. It is at least open_s, so that an open breaker is not forgotten."""
        return max(self.idle_s, self.breaker.open_s)


class Acquire(Struct, frozen=True):
    """A request for a lease. The reply is a Lease or CircuitOpen."""


class GetBreaker(Struct, frozen=True):
    """A request for the breaker. The reply is the provider's address and its breaker."""


class ChangePolicy(Struct, frozen=True):
    """A request to apply a policy. The reply is None, after the policy applies."""

    policy: ProviderPolicy


class Lease(Struct, frozen=True):
    """Permission for one model call. A lease ends with its report or with the process that acquired the lease."""

    ref: Ref
    provider: Pid
    client: ModelClient


class LeaseEnded(Struct, frozen=True):
    """The end of a leased model call."""

    ref: Ref
    outcome: Outcome


class ProviderState(Struct, frozen=True):
    """The state of a provider.

    address: without parts that may be secret. leases: the running calls, each with whether it is the breaker's probe;
    this dict changes in place. used_s: the loop's time of the latest lease or report.
    """

    address: str
    client: ModelClient
    policy: ProviderPolicy
    leases: dict[Ref, bool]
    used_s: float
    breaker: Breaker = CLOSED


async def acquire(endpoint: Endpoint) -> Lease:
    """Return a lease for one model call, and start the endpoint's provider if there is none.

    Raises ProviderFailed if the breaker is open (CircuitOpen), the address or the key is unusable, or max_count
    providers run (LimitReached).
    """
    while True:
        provider = await open_provider(endpoint)
        try:
            answer: Lease | CircuitOpen = await call(provider, Acquire(), timeout_s=None)
        except CallFailed as failed:
            if failed.reason not in IDLE:
                raise
        else:
            if isinstance(answer, CircuitOpen):
                raise ProviderFailed(answer)
            return answer


def report(lease: Lease, outcome: Outcome) -> None:
    """Report a lease's outcome. The caller of acquire calls this once per lease."""
    cast(lease.provider, LeaseEnded(lease.ref, outcome))


async def open_provider(endpoint: Endpoint) -> Pid:
    """Return the endpoint's provider, and start it if necessary. Raises the errors of acquire except CircuitOpen."""
    name = name_of(endpoint)
    try:
        while (running := whereis(name)) is None:
            await start_child(LLM_SUPERVISOR, endpoint)
    except MaxChildren as full:
        raise ProviderFailed(LimitReached("providers.max_count", full.limit)) from None
    except StartFailed as failed:
        if isinstance(failed.reason, ProviderFailed):
            raise failed.reason from None
        raise
    return running


def name_of(endpoint: Endpoint) -> str:
    """Return the provider's name: its address and a keyed hash of its secrets, which reveals nothing about them."""
    identity = endpoint.identity.encode(errors="surrogatepass")
    return f"provider:{endpoint.address}#{blake2b(identity, key=_SALT, digest_size=16).hexdigest()}"


class Provider(GenServer[ProviderState]):
    """A provider process. It is temporary: it has no lasting state, and the next model call starts it again."""

    trap_exit = True

    async def init(
        self, policy: ProviderPolicy, new_client: NewClient, endpoint: Endpoint
    ) -> Ready[ProviderState] | Error | Ignore:
        try:
            client = new_client(endpoint)
            if isinstance(client, Awaitable):
                client = await client
        except ProviderFailed as failed:
            return Error(failed)
        if whereis(name_of(endpoint)) is not None:  # two calls started this provider at the same time
            await client.close()
            return IGNORE
        register(name_of(endpoint), self.pid)
        state = ProviderState(endpoint.address, client, policy, {}, _now_s())
        return Ready(state, _until_idle(state))

    def handle_call(
        self, request: Acquire | GetBreaker | ChangePolicy, caller: Caller, state: ProviderState
    ) -> Reply[ProviderState]:
        match request:
            case Acquire():
                return self._lease(caller, replace(state, used_s=_now_s()))
            case GetBreaker():
                return Reply((state.address, state.breaker), state, _until_idle(state))
            case ChangePolicy(policy):
                state = replace(state, policy=policy)
                return Reply(None, state, _until_idle(state))

    def _lease(self, caller: Caller, state: ProviderState) -> Reply[ProviderState]:
        admitted = admit(state.policy.breaker, state.breaker, _now_s())
        if not isinstance(admitted, Admitted):
            return Reply(CircuitOpen(state.address, admitted.retry_after_s), state, _until_idle(state))
        ref = monitor(caller.pid) if caller.pid is not None else Ref()
        state.leases[ref] = admitted.probe
        lease = Lease(ref, self.pid, state.client)
        return Reply(lease, replace(state, breaker=admitted.breaker), _until_idle(state))

    def handle_cast(self, ended: LeaseEnded, state: ProviderState) -> NoReply[ProviderState]:
        demonitor(ended.ref)
        return _ended(ended.ref, ended.outcome, state)

    def handle_info(self, message: Any, state: ProviderState) -> Next[ProviderState]:
        if message is TIMEOUT and not state.leases:
            return Stop(NORMAL, state)
        if isinstance(message, Down):
            return _ended(message.ref, Outcome.UNKNOWN, state)
        return NoReply(state, _until_idle(state))

    async def terminate(self, reason: Any, state: ProviderState) -> None:
        await state.client.close()


def _ended(ref: Ref, outcome: Outcome, state: ProviderState) -> NoReply[ProviderState]:
    probe = state.leases.pop(ref, None)
    if probe is None:
        return NoReply(state, _until_idle(state))
    breaker = record(state.policy.breaker, state.breaker, outcome, _now_s(), probe=probe)
    if type(breaker) is not type(state.breaker):
        _log_change(state, breaker)
    state = replace(state, breaker=breaker, used_s=_now_s())
    return NoReply(state, _until_idle(state))


def _until_idle(state: ProviderState) -> Any:
    """Return the timer for the end of an unused provider. Only leases and reports postpone that end."""
    return NOTHING if state.leases else After(max(0.0, state.used_s + state.policy.kept_s - _now_s()))


def _log_change(state: ProviderState, breaker: Breaker) -> None:
    if isinstance(breaker, Open):
        log.warning("circuit_opened", provider=state.address, open_s=state.policy.breaker.open_s)
    elif breaker == CLOSED:
        log.info("circuit_closed", provider=state.address)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


_SALT: Final = token_bytes(16)

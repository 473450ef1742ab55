"""The policy of a tool: how its calls run. An invalid option is refused where the tool is defined."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypedDict, get_args

import msgspec
from msgspec import UNSET

from agents.core.faults import Fault
from agents.core.nearest import suggestion
from agents.core.outcome import OnUnknown
from agents.core.waiting import OnTimeout
from agents.tools.plain import plain
from agents.tools.result import MAX_RESULT_BYTES

Isolation: TypeAlias = Literal["process", "task", "thread"]
Large: TypeAlias = Literal["aside", "whole"]
Restart: TypeAlias = Literal["temporary", "transient"]
OnUnknownName: TypeAlias = Literal["tell", "ask", "run"]
Needed: TypeAlias = bool | Callable[..., bool]

DEFAULT_TIMEOUT_S = 30.0

TWICE = "unless idempotent=True: a failed call may have had its effect, and a retry would repeat it"
SECONDS = "a number of seconds above 0"
LEAST = {"cpu_s": 1, "memory_bytes": 1, "open_files": 0, "file_bytes": 0, "processes": 0}
"""The limits of a call on its machine, each with its smallest allowed value."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Every option of `tool`, with its default.

    timeout_s: the deadline of one attempt, counted from its start. None means the settings'
    streaming.tool_timeout.
    isolation: "process" runs calls in a worker OS process, "task" on the event loop, "thread" in a thread. A thread
    can't be killed.

    idempotent: running a call twice has no more effect than running it once. retries, restart and eager require it.
    retries: further attempts after an attempt that raised or was late. The pause before the first retry is backoff_s.
    Each later pause doubles, up to 30 s. A random part of up to half of each pause is left out.
    restart: "transient" retries a call whose worker crashed, max_restarts times within 60 s. "temporary" does not.
    eager: the call may start when its own arguments are complete, before the model has finished its answer.

    parallel: False runs the call while no other call of its turn runs.
    requires_approval: True, or a function with the tool's parameters that answers at once. The call then runs only
    after an approval. If the function raises, approval is required.
    asks: the function, a `def`, answers at once with a Question. Its call never runs anything else: a person's answer
    is the result. Until then the call is one that waits for an approval, also after a crash.
    approval_timeout_s: the time for an answer. on_approval_timeout: "deny" or "approve" a call without an answer. A
    question has its default then.

    fallback: the result, as JSON data, of a call that finally failed: it raised, was late, crashed, or used its CPU
    time.
    on_unknown: the treatment of a call that may have taken effect, if a crash cut it and its `verify` does not know the
    outcome: "tell" the model, "ask" a person, or "run" it again. None means the agent's on_unknown.

    max_output_bytes: the limit of a result. A longer text, or a value with longer JSON, is cut and marked.
    large_results: "aside" lets an agent with large_results put a large result aside. "whole" gives the model all of it.

    cpu_s: the CPU time that a call may use. memory_bytes: the memory that it may add to its worker. open_files: the
    files and sockets that it may hold open. file_bytes: the size up to which it may write a file. Each process that the
    call starts has the same limits. processes: the number of them that may live at once. These five need isolation
    "process".
    """

    timeout_s: float | None = None
    isolation: Isolation = "process"
    idempotent: bool = False
    retries: int = 0
    backoff_s: float = 0.5
    restart: Restart = "temporary"
    max_restarts: int = 2
    eager: bool = False
    parallel: bool = True
    requires_approval: Needed = False
    asks: bool = False
    approval_timeout_s: float = 300.0
    on_approval_timeout: OnTimeout = "deny"
    fallback: Any = field(default=UNSET, hash=False)
    on_unknown: OnUnknown | None = None
    max_output_bytes: int = MAX_RESULT_BYTES
    large_results: Large = "aside"
    cpu_s: int | None = None
    memory_bytes: int | None = None
    open_files: int | None = None
    file_bytes: int | None = None
    processes: int | None = None

    @property
    def deadline_s(self) -> float:
        """Return timeout_s, or DEFAULT_TIMEOUT_S if no timeout is set."""
        return DEFAULT_TIMEOUT_S if self.timeout_s is None else self.timeout_s

    @property
    def gated(self) -> bool:
        """Return whether a call may have to wait for a person before it runs, or in place of its run."""
        return self.asks or self.requires_approval is not False


class Options(TypedDict, total=False):
    """Policy as keywords of `tool`. isolation None: chosen by the kind of function."""

    timeout_s: float | None
    isolation: Isolation | None
    idempotent: bool
    retries: int
    backoff_s: float
    restart: Restart
    max_restarts: int
    eager: bool
    parallel: bool
    requires_approval: Needed
    asks: bool
    approval_timeout_s: float
    on_approval_timeout: OnTimeout
    fallback: Any
    on_unknown: OnUnknown | OnUnknownName | None
    max_output_bytes: int
    large_results: Large
    cpu_s: int | None
    memory_bytes: int | None
    open_files: int | None
    file_bytes: int | None
    processes: int | None


Rule: TypeAlias = tuple[str, bool, str]
"""An option, whether its value is valid, and the expected value."""


def unknown_options(names: Iterable[str]) -> list[Fault]:
    known = ("name", "description", *Options.__annotations__, "verify")
    return [Fault((), ", ".join(known), f"{name}{suggestion(name, known)}") for name in names if name not in known]


def policy_faults(policy: Policy) -> list[Fault]:
    """Return the faults.

    A rule between two options is checked only if each option is valid without the other.
    """
    return _broken(policy, _own_rules(policy)) or _broken(policy, _joint_rules(policy))


def _broken(policy: Policy, rules: Iterable[Rule]) -> list[Fault]:
    return [
        Fault((), expected, repr(getattr(policy, name)), inside=name) for name, holds, expected in rules if not holds
    ]


def _own_rules(policy: Policy) -> Iterator[Rule]:
    for name in ("timeout_s", "backoff_s", "approval_timeout_s"):
        optional = name == "timeout_s" and policy.timeout_s is None
        yield name, optional or _is_seconds(getattr(policy, name)), SECONDS
    for name in ("idempotent", "eager", "parallel", "asks"):
        yield name, isinstance(getattr(policy, name), bool), "True or False"
    for name in ("retries", "max_restarts"):
        yield name, _is_whole(getattr(policy, name), 0), "0 or more"
    for name, least in LEAST.items():
        value = getattr(policy, name)
        yield name, value is None or _is_whole(value, least), f"a whole number, {least} or more"
    yield "isolation", policy.isolation in get_args(Isolation), "process, task or thread"
    yield "restart", policy.restart in get_args(Restart), "temporary or transient"
    yield "large_results", policy.large_results in get_args(Large), "aside or whole"
    yield "requires_approval", _may_ask(policy.requires_approval), "True, False, or a def that is called as the tool is"
    yield "on_approval_timeout", policy.on_approval_timeout in get_args(OnTimeout), "deny or approve"
    yield "fallback", policy.fallback is UNSET or _is_json(policy.fallback), "plain JSON data"
    yield "on_unknown", policy.on_unknown is None or policy.on_unknown in [*OnUnknown], "tell, ask or run"
    within = _is_whole(policy.max_output_bytes, 1) and policy.max_output_bytes <= MAX_RESULT_BYTES
    yield "max_output_bytes", within, f"1 to {MAX_RESULT_BYTES}"


def _joint_rules(policy: Policy) -> Iterator[Rule]:
    again = policy.idempotent
    yield "retries", again or not policy.retries, f"0 {TWICE}"
    yield "restart", again or policy.restart == "temporary", f"temporary {TWICE}"
    yield (
        "eager",
        again or not policy.eager,
        "False unless idempotent=True: the model may not finish, or may begin again",
    )
    yield "eager", not (policy.eager and policy.requires_approval), "False where approval is required"
    yield "on_unknown", not again or policy.on_unknown is None, "None where idempotent=True: the call runs again"
    yield "eager", not (policy.eager and policy.asks), "False where a person is asked"
    yield "requires_approval", not (policy.asks and policy.requires_approval), "False where a person is asked"
    yield "on_approval_timeout", not policy.asks or policy.on_approval_timeout == "deny", "deny where a person is asked"
    yield "isolation", not policy.asks or policy.isolation == "thread", "a def without isolation where asks=True"
    for name in LEAST:
        kept = policy.isolation == "process" or getattr(policy, name) is None
        yield name, kept, 'None unless isolation is "process"'


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _may_ask(value: object) -> bool:
    return isinstance(value, bool) or (callable(value) and not inspect.iscoroutinefunction(value))


def _is_json(value: object) -> bool:
    try:
        msgspec.json.encode(value)
        plain(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True

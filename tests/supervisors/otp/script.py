"""The language of the differential test: what may befall a supervisor, as data that Erlang reads, too.

A script is a list of steps. A step's answer, what happened because of it, and the tree as it stands when all is quiet
again are one line of the transcript; ours and OTP's must be the same. Every name is unique in its script: a child is
addressed by its id, the supervisor that everything stands under is "top". Times play no part: the period is an hour.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

TOP: Final = "top"

Reason: TypeAlias = Literal["normal", "shutdown", "shutdown_why", "kill", "boom"]
"""shutdown_why: {shutdown, why}."""
Come: TypeAlias = Literal["ok", "info", "ignore", "error", "garbage", "crash", "taken"]
"""What a start comes to. info: {ok, Pid, info}; garbage: no result that a start may have; taken: already_started."""


Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"]
AutoShutdown: TypeAlias = Literal["never", "any_significant", "all_significant"]
Restart: TypeAlias = Literal["permanent", "transient", "temporary"]
Shutdown: TypeAlias = int | Literal["brutal_kill", "infinity"]
Runs: TypeAlias = Literal["plain", "trapping", "stubborn", "odd"]
By: TypeAlias = Literal["server", "function", "task"]


class Outcome(Struct, frozen=True):
    """Of one start. meanwhile: what befalls the waiting supervisor before that, one thing after the other."""

    come: Come = "ok"
    meanwhile: "tuple[Meanwhile, ...]" = ()


class Spec(Struct, frozen=True):
    """A child. runs: how it takes signals, see members.py; by: what its start function is; tree: if a supervisor's."""

    id: str
    restart: Restart = "permanent"
    significant: bool = False
    type: Literal["worker", "supervisor"] = "worker"
    shutdown: Shutdown = 5000
    runs: Runs = "plain"
    by: By = "server"
    tree: "Tree | None" = None


class Tree(Struct, frozen=True):
    """A supervisor's flags and children. simple_one_for_one: the one child is the template."""

    strategy: Strategy
    intensity: int
    auto_shutdown: AutoShutdown
    children: tuple[Spec, ...]


def _verb(name: str) -> str:
    """start_child for StartChild."""
    return re.sub(r"(?<=.)([A-Z])", r"_\1", name).lower()


class Verb(Struct, frozen=True, tag_field="verb", tag=_verb):
    """Base of the steps."""


class Plan(Verb, frozen=True):
    """The next starts of a child come to these; all after them succeed."""

    child: str
    starts: tuple[Outcome, ...]


class StartLink(Verb, frozen=True):
    """Start the top supervisor, unless it runs."""

    tree: Tree


class StartChild(Verb, frozen=True):
    """Under simple_one_for_one only the id is used: it goes to the start function."""

    spec: Spec
    sup: str = TOP


class OfChild(Verb, frozen=True):
    child: str
    sup: str = TOP


class TerminateChild(OfChild, frozen=True):
    pass


class RestartChild(OfChild, frozen=True):
    pass


class DeleteChild(OfChild, frozen=True):
    pass


class GetChildspec(OfChild, frozen=True):
    pass


class WhichChildren(Verb, frozen=True):
    sup: str = TOP


class CountChildren(Verb, frozen=True):
    sup: str = TOP


class End(Verb, frozen=True):
    """A process ends by itself: gen_server:stop/2, or exit/1."""

    child: str
    reason: Reason


class Exit(Verb, frozen=True):
    """An exit signal from outside: exit/2."""

    child: str
    reason: Reason


Request: TypeAlias = (
    StartChild | TerminateChild | RestartChild | DeleteChild | GetChildspec | WhichChildren | CountChildren
)
Meanwhile: TypeAlias = Request | End
"""Requests go to the supervisor that waits, whatever they say; End concerns its children only."""
Step: TypeAlias = Plan | StartLink | Request | End | Exit
Script: TypeAlias = tuple[Step, ...]
Transcript: TypeAlias = list[Any]


def term(script: Script) -> str:
    """The script as an Erlang term on one line: structs are maps, text is atoms."""
    return f"{_term(msgspec.to_builtins(script))}."


def _term(value: object) -> str:
    match value:
        case None:
            return "undefined"
        case bool() | int():
            return str(value).lower()
        case str():
            return f"'{value}'"
        case dict():
            return "#{" + ",".join(f"{_term(key)}=>{_term(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_term, value)) + "]"
    raise TypeError(f"expected data of a script, got {value!r}")


def comparable(script: Script, transcript: Transcript) -> Transcript:
    """The transcript, where order is a matter of chance sorted: of dynamic children, and after a supervisor's kill."""
    if not any(map(_disorders, script)):
        return transcript
    return [[answer, meanwhile, sorted(events, key=str), tree] for answer, meanwhile, events, tree in transcript]


def _disorders(step: Step) -> bool:
    match step:
        case StartLink(tree):
            return any(each.strategy == "simple_one_for_one" for each in trees(tree))
        case Exit(child):
            return len(child) > 1
    return False


def trees(tree: Tree) -> Sequence[Tree]:
    """It, and those below."""
    return [tree, *(below for spec in tree.children if spec.tree is not None for below in trees(spec.tree))]

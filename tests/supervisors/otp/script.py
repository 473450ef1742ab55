"""The language of the differential test: the events of a supervisor, as data that Erlang can read.

A script is a list of steps. One line of the transcript has a step's answer, its events, and the tree after all has
settled. Our lines and OTP's must be the same. Every name is unique in its script: a child is addressed by its id, and
the root supervisor is "top". Times do not matter: the period is an hour.
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
"""The result of a start. info: {ok, Pid, info}; garbage: a result that a start may not have; taken: already_started."""


Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"]
AutoShutdown: TypeAlias = Literal["never", "any_significant", "all_significant"]
Restart: TypeAlias = Literal["permanent", "transient", "temporary"]
Shutdown: TypeAlias = int | Literal["brutal_kill", "infinity"]
Runs: TypeAlias = Literal["plain", "trapping", "stubborn", "odd"]
By: TypeAlias = Literal["server", "function", "task"]


class Outcome(Struct, frozen=True):
    """The outcome of one start. meanwhile: the steps that reach the waiting supervisor earlier, one after another."""

    come: Come = "ok"
    meanwhile: "tuple[Meanwhile, ...]" = ()


class Spec(Struct, frozen=True):
    """A child. runs: its kind, see members.py. by: its start function. tree: its tree if it is a supervisor."""

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
    """Return the Erlang name of a step: start_child for StartChild."""
    return re.sub(r"(?<=.)([A-Z])", r"_\1", name).lower()


class Verb(Struct, frozen=True, tag_field="verb", tag=_verb):
    """The base of the steps."""


class Plan(Verb, frozen=True):
    """The outcomes of the next starts of a child. Later starts succeed."""

    child: str
    starts: tuple[Outcome, ...]


class StartLink(Verb, frozen=True):
    """Start the top supervisor, unless it runs."""

    tree: Tree


class StartChild(Verb, frozen=True):
    """Start a child. Under simple_one_for_one only its id is used, as an argument of the start function."""

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
    """The end of a process without an exit signal: gen_server:stop/2 or exit/1."""

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
    """Return the script as an Erlang term on one line: structs are maps, text is atoms."""
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
    """Return the transcript with its random parts sorted: dynamic children, and events after a supervisor's kill."""
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
    """Yield a tree and all trees below it."""
    return [tree, *(below for spec in tree.children if spec.tree is not None for below in trees(spec.tree))]

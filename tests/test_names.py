"""The names of classes: one name is one thing. The sizes of source files."""

import ast
from collections import defaultdict
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted(chain.from_iterable((ROOT / package).rglob("*.py") for package in ("actors", "supervisors", "agents")))

MAX_LINES = 250
LONGER = {
    "agents/__init__.py": "the public names, each on a line of its own",
    "agents/agent.py": "one function for each documented request, with its description",
}

DIALECTS = "Chat Completions and Responses have a class each for the calls of an answer"
VERB = "a client's request and the agent's request of the same verb"
ADDRESS = "an error about an address to listen on: the gateway's or the rehearsal's, and the one for other nodes"
PUBLIC = "two public names, each documented in its package"
SHARED = {
    "CallState": DIALECTS,
    "Calls": DIALECTS,
    "AnswerQuestion": VERB,
    "Approve": VERB,
    "Cancel": VERB,
    "Deny": VERB,
    "Settle": VERB,
    "Steer": VERB,
    "StreamChat": VERB,
    "Subscribe": VERB,
    "StoredSessions": "the sessions of the store, for the commands and for the gateway",
    "Endpoint": "an address and a key, of a provider and of the rehearsal that plays one",
    "Bound": PUBLIC,
    "Error": PUBLIC,
    "Call": "gen_server's call, and a tool call in the terminal's view",
    "Ask": "a request to the gateway, and the answer of a hook",
    "Caller": "a process that waits for a reply, and the user of a request to the gateway",
    "Counts": "the children of a supervisor, and the daemon's metrics",
    "Delivery": "the settings by which events are sent, and the messages to an agent that is being woken",
    "Host": "the gateway's host program, and the Host header",
    "CannotListen": ADDRESS,
    "NotSafe": ADDRESS,
    "Unreachable": "a daemon for its client, and a node for another one",
    "Left": "members that left a group, and a user who left the program",
    "Origin": "the Origin header, and the source of an agent's configuration",
    "Place": "a daemon's address for its clients, and a place in a stream",
    "Run": "the answer of a hook, and a run of the testing kit",
    "Running": "the error for a child that runs, and the turn that runs",
    "_Revoked": "the exception of each of two connections, private to its module",
}
"""Names that two files may define, and the two things that each name stands for."""


def test_a_class_name_stands_in_one_file() -> None:
    files = defaultdict(set)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                files[node.name].add(str(path.relative_to(ROOT)))
    twice = {name: sorted(paths) for name, paths in files.items() if len(paths) > 1}
    assert {name: paths for name, paths in twice.items() if name not in SHARED} == {}
    assert SHARED.keys() <= twice.keys(), "a name in the table stands in only one file"


def test_a_source_file_has_at_most_250_lines() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {path: count for path, count in lines.items() if count > MAX_LINES and path not in LONGER} == {}

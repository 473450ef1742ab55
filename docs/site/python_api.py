"""The reference of the Python interface: one page for each public module, from its docstrings."""

import importlib
import inspect
import re
from functools import partial
from types import ModuleType
from typing import Final

MODULES: Final = {
    "agents": "start agents, talk to them, read their events, write tools",
    "agents.agent": "chat, stream, follow, steer, cancel, approve",
    "agents.agent_registry": "find an agent by its id, its stream or its owner",
    "agents.application": "start and end everything",
    "agents.client": "a client of the daemon",
    "agents.configuration": "read sys.config, the environment and flags",
    "agents.gateway": "agents over HTTP, in a program of your own",
    "agents.hooks": "functions that decide on model calls and tool calls",
    "agents.rehearsal": "a model server that plays a script",
    "agents.settings": "the settings, with their defaults",
    "agents.streaming_function_handler": "the functions that run one turn",
    "agents.testing": "an application for one test",
    "actors": "processes, mailboxes, links, monitors, GenServer, Task",
    "actors.pg": "groups of processes",
    "actors.sys": "inspection of a running server",
    "actors.testing": "virtual time, and orders that a seed decides",
    "supervisors": "supervisors and restart policy",
    "supervisors.agent_supervisor": "the supervisor of agents",
    "supervisors.dynamic_supervisor": "children on demand, from one template",
}
"""Each public module, with the purpose that the list of modules gives."""

FOLDER: Final = "reference/python"

PLAIN: Final = re.compile(r"[A-Z`]")
COLUMNS: Final = re.compile(r"\S {3,}\S|^ ", re.MULTILINE)
"""The marks of a paragraph of prose, and of one with columns or an indented program."""


def listing() -> str:
    """Return the page that lists the modules."""
    lines = [f"| [`{name}`](python/{name}.md) | {purpose} |" for name, purpose in MODULES.items()]
    return "\n".join(("# Python API", "", OPENING, "| module | for |", "|---|---|", *lines, ""))


OPENING = """\
Programs import from these modules. All other modules are internal, and change without notice.
"""


def module_page(name: str) -> str:
    """Return the page of a module: its description, then its names, each by a directive of mkdocstrings."""
    module = importlib.import_module(name)
    parts = [f"# {name}", description(module)]
    parts += [f"::: {home(module, each)}" for each in _documented(module)]
    return "\n\n".join(parts) + "\n"


def home(module: ModuleType, name: str) -> str:
    """Return the path of a name of the module, where the source defines it."""
    value = getattr(module, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        return f"{value.__module__}.{value.__qualname__}"
    return f"{module.__name__}.{name}"


def module_pages() -> dict[str, partial[str]]:
    """Return the pages of all modules by their paths."""
    return {f"{FOLDER}/{name}.md": partial(module_page, name) for name in MODULES}


def description(module: ModuleType) -> str:
    """Return a module's docstring. Its programs and columns keep their line breaks, as blocks of text."""
    parts: list[str] = []
    for paragraph in (inspect.getdoc(module) or "").split("\n\n"):
        if PLAIN.match(paragraph) and not COLUMNS.search(paragraph):
            parts.append(" ".join(paragraph.split()))
        elif parts and parts[-1].endswith("```"):
            parts[-1] = f"{parts[-1].removesuffix('```')}\n{paragraph}\n```"
        else:
            parts.append(f"```text\n{paragraph}\n```")
    return "\n\n".join(parts)


def _documented(module: ModuleType) -> list[str]:
    """Return the names of a module that have a text of their own: no module, and no value without a docstring."""
    return sorted((name for name in module.__all__ if not inspect.ismodule(getattr(module, name))), key=str.lower)

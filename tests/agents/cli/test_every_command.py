"""Every command with a full disk, closed descriptors and narrow encodings: never a traceback, always a fitting code."""

from collections.abc import AsyncIterator
from typing import Any, Final

from agents.cli import COMMANDS
from tests.agents.cli.forked import CLOSED, Forks
from tests.agents.cli.terminal import Ended
from tests.agents.gateway.site import Site

FULL: Final = "/dev/full"
NO_SPACE: Final = "understudy: expected to write to stdout, got: No space left on device\n"
WIDE: Final = "hüllo, 日本 😀"

CALLS: Final[dict[str, tuple[str, ...]]] = {
    "answer": ("s", "x"),
    "approvals": (),
    "inbox": (),
    "schedules": (),
    "spend": (),
    "backup": ("/none/b.tar", "--state-dir", "/none"),
    "approve": ("s", "none"),
    "cancel": ("s",),
    "chat": (WIDE, "--agent", "a"),
    "cluster": ("status",),
    "config": ("show",),
    "demo": ("--help",),
    "deny": ("none",),
    "doctor": ("--url", "http://127.0.0.1:1"),
    "drain": (),
    "effects": (),
    "mcp": ("login", "none"),
    "open": ("--print",),
    "ps": (),
    "record": ("--upstream", "none"),
    "rehearse": ("--script", "/none"),
    "reload": (),
    "reset": ("a",),
    "restore": ("/dev/null", "--store", "postgresql://none/none"),
    "serve": ("--set", "gateway.port=none"),
    "sessions": ("show", "a"),
    "steer": ("s", WIDE),
    "stop": ("none",),
    "stop-daemon": (),
    "tail": ("s",),
    "timeline": ("s",),
    "top": ("--json",),
    "tree": (),
    "undrain": (),
    "where": ("a",),
}
"""A call of each command. Each call ends without a signal."""

MORE: Final[tuple[tuple[str, ...], ...]] = (
    ("--version",),
    ("chats",),
    ("sessions", "list"),
    ("sessions", "list", "--json"),
    ("sessions", "export", "a"),
    ("sessions", "rename", "a", WIDE),
    ("sessions", "fork", "a"),
    ("sessions", "delete", "none", "--yes"),
    ("sessions", "prune", "--older-than", "1d", "--json"),
    ("config", "init", "/dev/null/none"),
    ("tail", "s", "--json"),
    ("top",),
    ("mcp",),
    ("chat",),
    ("chat", "-", "--agent", "a"),
)


async def each_call(commands: Forks, here: Site, **request: Any) -> AsyncIterator[tuple[str, Ended, Ended]]:
    """Yield each call: its words, its end as usual, and its end with the request."""
    await here.agent("echo", "a", name=WIDE, system_prompt=WIDE)
    await here.stream("a", WIDE, stream_id="s")
    for words in [*((name, *more) for name, more in CALLS.items()), *MORE]:
        key = " ".join(words)
        if key not in USUAL:
            USUAL[key] = await commands.understudy(*words, stdin=WIDE)
        ended = await commands.understudy(*words, stdin=WIDE, **request)
        assert not any(word in ended.err for word in ("Traceback", "Exception", 'File "')), (words, ended.err)
        yield key, USUAL[key], ended


USUAL: Final[dict[str, Ended]] = {}


def test_every_command_has_a_call() -> None:
    assert set(COMMANDS) <= set(CALLS)


async def test_a_full_disk_is_one_line_and_code_1_for_a_command_that_prints(commands: Forks, here: Site) -> None:
    async for words, usual, full in each_call(commands, here, stdout=FULL):
        if usual.out:
            assert full.code == 1, (words, full)
            assert full.err.endswith(NO_SPACE), (words, full)
        else:
            assert (full.code, NO_SPACE in full.err) == (usual.code, False), words


async def test_closed_descriptors_are_as_the_null_device(commands: Forks, here: Site) -> None:
    async for words, usual, closed in each_call(commands, here, stdin_file=CLOSED, stdout=CLOSED, stderr=CLOSED):
        expected = 2 if words.startswith("chat -") else usual.code  # stdin has no message
        assert (closed.code, closed.out, closed.err) == (expected, "", ""), words


async def test_a_narrow_encoding_and_a_full_stderr_change_no_code(commands: Forks, here: Site) -> None:
    async for words, usual, narrow in each_call(commands, here, encoding="ascii", stderr=FULL):
        assert (narrow.code, narrow.err) == (usual.code, ""), words
        assert "?" in narrow.out or usual.out.isascii() or words.startswith("sessions export"), words

"""The measurements, in the order of the tables, and the limit of each figure."""

from typing import Final

from benchmarks.cluster.figures import CLUSTER
from benchmarks.endurance_figures import LEFT_BEHIND
from benchmarks.others import OTHERS
from benchmarks.streams import STREAMS
from benchmarks.subject import (
    Daemon,
    Gateway,
    Journal,
    Lasting,
    McpCalls,
    Otp,
    Processes,
    Resume,
    Supervision,
)
from benchmarks.suite import Suite, Target
from benchmarks.tool_figures import TOOL_CALLS
from benchmarks.workload import Load

OTP: Final = {"otp": "OTP", "core": "OTP, one core"}

BESIDE_OTP: Final = """\
CPU time, but for the restart and the call from another thread, which are taken by the clock. OTP runs in the same
rounds: as it comes, with a scheduler for each core, and with one scheduler, as we have one loop. Reports are off in
both. Bytes: of OTP what its memory holds more, of ours what the OS process holds more."""


KEPT: Final = """\
The same agent where sessions are kept, at `batched`, on SQLite in a file that is synced at every commit: what it takes
on top, in CPU time of all threads. A slower disk makes larger groups, which cost less."""

THROUGH_HTTP: Final = """\
By the clock, in a client that is an OS process of its own and only counts. The server is the same, the gateway's; the
prepared bytes are those of as many tokens, made before. The first line is what the gateway is held against: a server
that is told of each event; the second one encodes nothing, waits for nobody and writes 512 events as one piece."""


LASTING: Final = """\
CPU time of all threads, on SQLite in a file, at `batched`. The conversation has 250 turns with a call each. Two budgets
are checked, of an owner's day and of an agent's month. A call is a tenth of a turn with ten calls of an `async def`
that does nothing, the model's part included. Turns of the two kinds alternate. Writes are transactions of the store."""

IDLE: Final = """\
A daemon on a store that exists, with its fork server, that is asked nothing. By the clock, but for CPU time; it is
watched for ten seconds, from 20 s after its start on. The start is one OS process that imports: where others have the
cores, it takes as much longer."""


SUITES: Final = (
    *STREAMS,
    TOOL_CALLS,
    Suite(
        "processes",
        "The process system",
        "us",
        [Processes(), Supervision(), Otp("otp"), Otp("core")],
        {
            "one_way": "a message, one way from a Task to a GenServer",
            "ping_pong": "a hop, to and fro between two GenServers",
            "call": "a call of a GenServer and its reply",
            "call_from_thread": "the same from another thread",
            "spawn_server": "a spawn of a GenServer; OTP: of a bare process",
            "spawn_task": "a spawn of a Task",
            "spawn_child": "a spawn of a GenServer, supervised and monitored",
            "start_100k_s": "seconds to spawn 100,000 of them",
            "child_bytes": "bytes that one of them holds",
            "restart": "from a crash to the new process, supervised",
        },
        targets={
            "one_way": [Target(1 / 0.7, "otp_one_way")],
            "ping_pong": [Target(1.5, "otp_ping_pong")],
            "call": [Target(4, "otp_call")],
            "call_from_thread": [Target(60)],
            "spawn_child": [Target(8, "otp_spawn_server")],
            "start_100k_s": [Target(2)],
            "child_bytes": [Target(2600)],
            "restart": [Target(60)],
        },
        beside=OTP,
        remark=BESIDE_OTP,
    ),
    Suite(
        "mcp_calls",
        "A call of an MCP server's tool over stdio, without the server's own time",
        "CPU ms a call",
        [McpCalls()],
        {
            "bare": "the official client alone, one call after another",
            "call": "an agent's call, one after another",
            "bare_at_once": "the official client alone, 100 calls at once",
            "at_once": "an agent's calls, 100 at once",
        },
        targets={"call": [Target(2, "bare", above=True)], "at_once": [Target(2, "bare_at_once", above=True)]},
    ),
    Suite(
        "gateway",
        "A stream of 20,000 tokens as server-sent events, to one client",
        "us an event",
        [Gateway()],
        {
            "prepared": "the server sends prepared bytes, event by event",
            "prepared_at_once": "the server sends prepared bytes, 512 events at a time",
            "sse": "an agent's stream, from the provider to the client",
            "chat_completions": "the same as chunks of a chat completion",
            "responses": "the same as events of a response",
            "resume_ms": "ms to read on in a stream of 2,000 events that is over",
        },
        targets={
            "sse": [Target(2, "prepared")],
            **{name: [Target(10, "sse", above=True)] for name in ("chat_completions", "responses")},
            "resume_ms": [Target(50)],
        },
        beside={},
        remark=THROUGH_HTTP,
    ),
    Suite(
        "sessions",
        "Sessions that are kept",
        "",
        [Journal(Load(1, 20_000), "one"), Journal(Load(100, 200), "many"), Resume()],
        {
            "one_agent": "a token of one stream of 20,000, to a subscriber process, us",
            "one_journal": "to keep it, on top, us",
            "many_agent": "a token of 100 streams at once of 200, us",
            "many_journal": "to keep it, on top, us",
            "resume_first_ms": "2,000 events read again from the store, the first time, ms",
            "resume_ms": "the same, the median, ms",
        },
        targets={
            "one_journal": [Target(3)],
            "many_journal": [Target(3)],
            "resume_first_ms": [Target(50)],
            "resume_ms": [Target(50)],
        },
        beside={},
        remark=KEPT,
    ),
    Suite(
        "lasting",
        "Turns that last",
        "",
        [Lasting()],
        {
            "estimate_ms": "the length of 1,000 messages, before a model call, ms",
            "compaction_ms": "the plan of their compaction, ms",
            "check_us": "a check of two budgets, us",
            "charge_us": "a charge, to the store, us",
            "idempotent_us": "a call of an idempotent tool, kept, us",
            "ledger_us": "of one that is not: the ledger, on top, us",
            "idempotent_writes": "writes of a turn with ten idempotent calls",
            "ledger_writes": "of one whose calls are in the ledger",
        },
        targets={
            "compaction_ms": [Target(5)],
            "check_us": [Target(20)],
            "ledger_us": [Target(100)],
        },
        beside={},
        remark=LASTING,
    ),
    Suite(
        "daemon",
        "A daemon that is asked nothing",
        "",
        [Daemon()],
        {
            "daemon_ready_s": "from its start to ready, s",
            "daemon_ready_cpu_s": "CPU time of that, s",
            "daemon_rss_mib": "its resident memory, MiB",
            "daemon_family_mib": "the same with its fork server, what they share counted once, MiB",
            "daemon_idle_percent": "CPU time of all of them, % of a core",
        },
        targets={
            "daemon_ready_s": [Target(0.8)],
            "daemon_rss_mib": [Target(120)],
            "daemon_idle_percent": [Target(0.001)],
        },
        beside={},
        remark=IDLE,
    ),
    LEFT_BEHIND,
    *OTHERS,
    *CLUSTER,
)

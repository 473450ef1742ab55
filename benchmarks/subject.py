"""One measurement in a separate OS process: print its figures as one line of JSON.

python -m benchmarks.subject '{"job": "processes", "sizes": {}}'
python -m benchmarks.subject '{"job": "cpu", "reader": "floor", "load": {...}}'  http://127.0.0.1:8080/v1
"""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeAlias, assert_never

import msgspec
from msgspec import Struct, field

from actors import new_event_loop
from benchmarks import (
    chat_page,
    daemon,
    daemon_clients,
    endurance,
    failover,
    gateway,
    lasting,
    mcp_calls,
    otp,
    processes,
    reading,
    sessions,
    supervised_calls,
    supervision,
    turns,
)
from benchmarks.cluster import far_agents, local_agents, membership, scale_out
from benchmarks.reading import Reading
from benchmarks.workload import Load, Measured


class Processes(Struct, frozen=True, tag_field="job", tag="processes"):
    """The cost of messages and spawns."""

    sizes: processes.Sizes = field(default_factory=processes.Sizes)


class Supervision(Struct, frozen=True, tag_field="job", tag="supervision"):
    """The cost of supervised children."""

    sizes: supervision.Sizes = field(default_factory=supervision.Sizes)


class Endurance(Struct, frozen=True, tag_field="job", tag="endurance"):
    """The traces of very many restarts and processes."""

    sizes: endurance.Sizes = field(default_factory=endurance.Sizes)


class Turns(Struct, frozen=True, tag_field="job", tag="turns"):
    """The traces of very many turns."""

    sizes: turns.Sizes = field(default_factory=turns.Sizes)


class Gateway(Struct, frozen=True, tag_field="job", tag="gateway"):
    """The cost of an event on its way to a client."""

    sizes: gateway.Sizes = field(default_factory=gateway.Sizes)


class Journal(Struct, frozen=True, tag_field="job", tag="journal"):
    """The journal's share of a token. name: of the figures."""

    load: Load
    name: str


class Resume(Struct, frozen=True, tag_field="job", tag="resume"):
    """The time to read a stream again."""

    sizes: sessions.Sizes = field(default_factory=sessions.Sizes)


class Call(Struct, frozen=True, tag_field="job", tag="call"):
    """The cost of a tool call and of its supervision."""

    sizes: supervised_calls.Sizes = field(default_factory=supervised_calls.Sizes)


class McpCalls(Struct, frozen=True, tag_field="job", tag="mcp_calls"):
    """The cost of a call of an MCP server's tool."""

    sizes: mcp_calls.Sizes = field(default_factory=mcp_calls.Sizes)


class Lasting(Struct, frozen=True, tag_field="job", tag="lasting"):
    """The cost of what makes turns last."""

    sizes: lasting.Sizes = field(default_factory=lasting.Sizes)


class Daemon(Struct, frozen=True, tag_field="job", tag="daemon"):
    """The cost of an idle daemon."""

    idle: daemon.Idle = field(default_factory=daemon.Idle)


class Clients(Struct, frozen=True, tag_field="job", tag="clients"):
    """The cost of a server of many clients. prefix: of the names of the figures."""

    server: str
    clients: int
    prefix: str = ""
    pace: daemon_clients.Pace = field(default_factory=daemon_clients.Pace)


class ChatPage(Struct, frozen=True, tag_field="job", tag="chat_page"):
    """The cost of a long answer on the chat page."""

    answer: chat_page.Answer = field(default_factory=chat_page.Answer)


class Failover(Struct, frozen=True, tag_field="job", tag="failover"):
    """The pause of streams after a fault of their cluster."""

    fault: failover.Fault
    sizes: failover.Sizes = field(default_factory=failover.Sizes)


class FarAgents(Struct, frozen=True, tag_field="job", tag="far_agents"):
    """The cost of an agent of another node."""

    sizes: far_agents.Sizes = field(default_factory=far_agents.Sizes)


class LocalAgents(Struct, frozen=True, tag_field="job", tag="local_agents"):
    """The cost of an agent on its own node, with and without a cluster."""

    sizes: local_agents.Sizes = field(default_factory=local_agents.Sizes)


class Membership(Struct, frozen=True, tag_field="job", tag="membership"):
    """The cost of idle nodes."""

    sizes: membership.Sizes = field(default_factory=membership.Sizes)


class ScaleOut(Struct, frozen=True, tag_field="job", tag="scale_out"):
    """The same streams through one node and through two. name: of the figures."""

    name: str
    load: Load


class Otp(Struct, frozen=True, tag_field="job", tag="otp"):
    """The cost in OTP. kind: "otp" with defaults, "core" on one core."""

    kind: str


Work: TypeAlias = (
    Reading
    | Processes
    | Supervision
    | Endurance
    | Turns
    | Gateway
    | Journal
    | Resume
    | Call
    | McpCalls
    | Lasting
    | Daemon
    | Clients
    | ChatPage
    | Failover
    | FarAgents
    | LocalAgents
    | Membership
    | ScaleOut
)
"""The jobs that run on a loop of ours."""
Job: TypeAlias = Work | Otp


def measure(job: Job, base_url: str) -> Measured:
    """Run the job on a new event loop, of the same kind for all jobs."""
    if isinstance(job, Otp):
        return otp.measured(job.kind)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_work(job, base_url))


def _work(job: Work, base_url: str) -> Coroutine[Any, Any, Measured]:
    if isinstance(job, Reading):
        return reading.measured(job, base_url)
    match job:
        case Processes(sizes):
            return processes.measured(sizes)
        case Supervision(sizes):
            return supervision.measured(sizes)
        case Endurance(sizes):
            return endurance.measured(sizes)
        case Turns(sizes):
            return turns.measured(base_url, sizes)
        case Gateway(sizes):
            return gateway.measured(base_url, sizes)
        case Journal(load, name):
            return sessions.journal_us(base_url, load, name)
        case Resume(sizes):
            return sessions.resume_ms(sizes)
        case Call(sizes):
            return supervised_calls.measured(sizes)
        case McpCalls(sizes):
            return mcp_calls.measured(sizes)
        case Lasting(sizes):
            return lasting.measured(base_url, sizes)
        case Daemon(idle):
            return daemon.idle_daemon(idle)
        case Clients(server, clients, prefix, pace):
            return daemon_clients.measured(server, base_url, clients, prefix, pace)
        case ChatPage(answer):
            return chat_page.measured(answer)
        case Failover(fault, sizes):
            return failover.measured(fault, sizes)
        case FarAgents(sizes):
            return far_agents.measured(base_url, sizes)
        case LocalAgents(sizes):
            return local_agents.measured(base_url, sizes)
        case Membership(sizes):
            return membership.measured(sizes)
        case ScaleOut(name, load):
            return scale_out.measured(name, load)
    assert_never(job)


if __name__ == "__main__":
    job: Job = msgspec.json.decode(sys.argv[1], type=Job)
    print(msgspec.json.encode(measure(job, sys.argv[2])).decode())

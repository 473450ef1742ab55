"""The measurements beside other libraries for agents, and beside servers of token streams written by hand."""

from typing import Final

from benchmarks.peers.environments import PEERS
from benchmarks.reading import Beside, Cpu, FirstToken
from benchmarks.subject import Clients, Job
from benchmarks.suite import Suite, Target
from benchmarks.workload import Load

FLOOR: Final = {"floor": "bare socket"}
SDK: Final = {"sdk": "AsyncOpenAI"}
SERVERS: Final = {
    "off": "sessions off",
    "proxied": "FastAPI + AsyncOpenAI",
    "prepared": "FastAPI, prepared bytes",
    "bare": "bare loop",
}

BESIDE_PEERS: Final = """\
By `make bench PEERS=1`: each library in a virtual environment of its own, each measurement in an OS process of its own,
on uvloop, against the same provider. All use Chat Completions, and the openai client that they bring; tracing is off.
Ours: an agent whose subscriber is a process. Blocking tools are plain functions with each library's defaults, ours in
worker processes; the gap is the longest between two tokens of another stream of that OS process meanwhile."""

CLIENTS: Final = """\
Each client reads a stream of 300 tokens at 20 tokens/s, as server-sent events; the clients are one other OS process.
The figures are the server's own, requests included: CPU time of all threads, and the time between two arrivals that a
client sees. Ours: the daemon with an agent a client, sessions kept at `batched`. Prepared bytes: the server waits for a
timer and asks no provider. The bare loop is a timer and a write. FastAPI + AsyncOpenAI is measured at 100 and 300."""


def _beside_peers(reader: str, prefix: str) -> list[Job]:
    return [
        Cpu(reader, Load(1, 20_000), f"{prefix}one"),
        Cpu(reader, Load(100, 200), f"{prefix}many"),
        FirstToken(reader, Load(100, 20), f"{prefix}first"),
    ]


def _clients(server: str, prefix: str, *clients: int) -> list[Job]:
    return [Clients(server, count, prefix) for count in clients]


OTHERS: Final = (
    Suite(
        "peers",
        "Other libraries for agents",
        "",
        [
            *_beside_peers("process", ""),
            Beside("tools", "calls-8-of-block", "block"),
            *_beside_peers("floor", "floor_"),
            *(
                job
                for reader in ("sdk", *PEERS)
                for job in (
                    *_beside_peers(reader, f"{reader}_"),
                    Beside(reader, "calls-8-of-block", "block", f"{reader}_"),
                )
            ),
        ],
        {
            "one": "one stream of 20,000 tokens, CPU us a token",
            "many": "100 streams at once of 200 tokens, CPU us a token",
            "first": "time to first token, median of 100, ms",
            "block_turn": "8 sync tools that wait for 200 ms: the turn, ms",
            "block_gap": "the worst gap of another stream meanwhile, ms",
        },
        beside=FLOOR | SDK | {name: peer.title for name, peer in PEERS.items()},
        remark=BESIDE_PEERS,
        peers=True,
    ),
    Suite(
        "daemon_clients",
        "A daemon whose clients read 20 tokens a second",
        "",
        [
            *_clients("batched", "", 100, 300, 1000),
            *_clients("off", "off_", 100, 300, 1000),
            *_clients("proxied", "proxied_", 100, 300),
            *_clients("prepared", "prepared_", 100, 300, 1000),
            *_clients("bare", "bare_", 100, 300, 1000),
        ],
        {
            f"{name}_{clients}": title
            for clients in (100, 300, 1000)
            for name, title in {
                "cpu": f"{clients:,} clients: CPU us a token",
                "core": "the same, % of a core",
                "gap": "p99 of the gaps that a client sees, ms",
            }.items()
        },
        targets={"cpu_100": [Target(90)], "core_1000": [Target(90)], "gap_1000": [Target(150)]},
        beside=SERVERS,
        remark=CLIENTS,
        peers=True,
    ),
)

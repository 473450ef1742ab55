"""The measurements that run only if they are named: beside other libraries, with many clients, in a browser."""

from typing import Final

from benchmarks.peers.environments import PEERS
from benchmarks.reading import Beside, Cpu, FirstToken
from benchmarks.subject import ChatPage, Clients, Failover, Job
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

PAGE: Final = """\
By `python -m benchmarks --only chat_page`, in Debian's headless chromium, beside the daemon and a provider on the same
cores. The answer is Markdown: headings, paragraphs, lists and code. First paint: the median of ten loads with an empty
cache. A frame's time is what passes between two animation frames; the first one does not count. A heap is measured
after a collection. Frames and tasks are the page's; other work on the machine lengthens them."""

FAULTS: Final = {
    "kill": "after kill -9 of their node",
    "stop": "after SIGSTOP of their node",
    "restart": "after the return of the engine",
}

CLUSTER: Final = """\
By `python -m benchmarks --only failover`, on a PostgreSQL of its own, beside the provider and all clients on the same
cores. 200 streams of one of two nodes, at the default lease time; each client goes to the other node when its own one
fails, or is silent for 1.5 s. The stopped node goes on living for the clients, which ask both nodes in turn."""


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
    Suite(
        "chat_page",
        "The chat page with an answer of 20,000 tokens, 200 a second",
        "",
        [ChatPage()],
        {
            "page_kib": "the page with all its files, KiB",
            "page_paint": "first paint, ms",
            "frame_p99": "p99 of the frames' times, ms",
            "frame_longest": "the longest frame, ms",
            "frames_over": "frames over 50 ms",
            "tasks_over": "tasks over 50 ms",
            "heap_early": "heap after 2,000 tokens, MiB",
            "heap_late": "heap after 20,000 tokens, MiB",
        },
        targets={
            "page_kib": [Target(100)],
            "page_paint": [Target(300)],
            "frame_longest": [Target(50)],
            "frames_over": [Target(0)],
            "tasks_over": [Target(0)],
        },
        beside={},
        remark=PAGE,
        long=True,
    ),
    Suite(
        "failover",
        "The pause of 200 streams",
        "s",
        [Failover("kill"), Failover("stop"), Failover("restart")],
        {
            f"{fault}_{which}": f"{words}, {title}"
            for fault, words in FAULTS.items()
            for which, title in (("first", "the first stream"), ("median", "the median"), ("last", "the last stream"))
        },
        targets={"kill_last": [Target(3.5)], "stop_last": [Target(7.5)], "restart_last": [Target(1)]},
        beside={},
        remark=CLUSTER,
        long=True,
    ),
)

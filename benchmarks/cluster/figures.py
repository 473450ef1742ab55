"""The measurements of a cluster, which run only if they are named."""

from typing import Final

from benchmarks.subject import FarAgents, LocalAgents, Membership, ScaleOut
from benchmarks.suite import Suite, Target
from benchmarks.workload import Load

FAR: Final = """\
By `python -m benchmarks --only far_agents`: two nodes without gateways, which are OS processes, on a PostgreSQL of
their own that does not wait for the disk. 200 streams of 250 tokens, 50 tokens a second each; CPU time is that of one
node, from the last stream's begin to the first one's end. Sending: beyond an agent that nobody follows. Receiving:
beyond what a reader on the agent's own node costs there. Provider, database and both nodes share the cores, so a
delay is theirs. Replies: medians of 50, one after the other, the same questions to an agent here and there in turn.
The first question finds the owner and opens the stand-in; the next one knows both."""

MEMBERS: Final = """\
By `python -m benchmarks --only membership`, at the default lease time: a beat of each node a second, and two looks at
the others. Each node is a whole application with a lease of its own, in an OS process of its own, on one PostgreSQL.
They are forked from one program, have no gateway, no agents and no links, and are asked nothing. Watched for 20 s."""

LOCAL: Final = """\
By `python -m benchmarks --only local_agents`, on one PostgreSQL that does not wait for the disk, with a database
each: a program that has its store for itself, and one of two nodes of a cluster. They are measured in turn, four
times each; the figures are medians. 100 streams of 150 tokens, 50 tokens a second each, to subscriber processes; 60
turns of an agent, of 20 tokens that come at once, from the question to the whole answer. CPU time is that of the
program, its beats and looks included. Agents whose turns run at the same time share writes."""

SCALE: Final = """\
By `python -m benchmarks --only scale_out`: daemons on a PostgreSQL of their own that does not wait for the disk,
sessions at `batched`. Each client asks the node that has its agent. CPU time of a token is that of the nodes alone,
requests included. Everything shares two cores, so three loads: 600 streams of 20 tokens a second and 1,200 of 10 are
what one node can carry; 1,200 of 20 are more than it can, and with two nodes, the provider, the database and the
clients they are more than the machine can."""

LOADS: Final = {
    "slow": (Load(600, 300, every_ms=50), "600 streams, 20 tokens/s each"),
    "wide": (Load(1200, 150, every_ms=100), "1,200 streams, 10 tokens/s each"),
    "full": (Load(1200, 300, every_ms=50), "1,200 streams, 20 tokens/s each"),
}

SHARES: Final = {
    "nodes": "the nodes, % of a core",
    "provider": "the provider, % of a core",
    "engine": "the database, % of a core",
    "clients": "the clients, % of a core",
}


def _scale_titles(name: str, words: str) -> dict[str, str]:
    titles = {
        "cpu": f"{words}: CPU us a token",
        "rate": "tokens a second",
        "gap": "p99 of the gaps that a client sees, ms",
        **SHARES,
    }
    counts = {"one": "one node", "two": "two nodes"}
    return {
        f"{name}_{figure}_{count}": f"{title}, {number}"
        for figure, title in titles.items()
        for count, number in counts.items()
    }


CLUSTER: Final = (
    Suite(
        "far_agents",
        "Agents of another node",
        "",
        [FarAgents()],
        {
            "left": "a token of an agent that nobody follows, CPU us",
            "local": "of an agent with a reader on its node",
            "owner": "of an agent with a reader on another node: the agent's node",
            "holder": "the reader's node",
            "sending": "sending it to the other node, CPU us",
            "receiving": "receiving it there, CPU us",
            "frame": "tokens a frame of the link",
            "local_delay": "delay of a token on its node, median, ms",
            "local_delay_p99": "the same, p99, ms",
            "far_delay": "delay of a token on the other node, median, ms",
            "far_delay_p99": "the same, p99, ms",
            "here_first_asked": "time to first token of an agent here, its first question, ms",
            "there_first_asked": "of an agent there, which is looked up, ms",
            "here_first": "time to first token of an agent here, ms",
            "there_first": "of an agent there, whose node is known, ms",
            "here_chat": "a whole answer of 20 tokens of an agent here, ms",
            "there_chat": "of an agent there, ms",
            "here_info": "the info of an agent here, ms",
            "there_info": "of an agent there, ms",
        },
        targets={
            "sending": [Target(10)],
            "receiving": [Target(10)],
            "there_first_asked": [Target(2, "here_first_asked", above=True)],
            "there_first": [Target(1, "here_first", above=True)],
        },
        beside={},
        remark=FAR,
        long=True,
    ),
    Suite(
        "membership",
        "Nodes that have nothing to do",
        "% of a core",
        [Membership()],
        {
            "few_engine": "the database of 3 nodes",
            "few_node": "one of 3 nodes",
            "many_engine": "the database of 100 nodes",
            "many_node": "one of 100 nodes",
        },
        targets={"many_engine": [Target(3)]},
        beside={},
        remark=MEMBERS,
        long=True,
    ),
    Suite(
        "local_agents",
        "An agent on its own node, with and without a cluster",
        "",
        [LocalAgents()],
        {
            "token_alone": "a token without a cluster, CPU us",
            "token_member": "with one, CPU us",
            "token_more": "that is more by, %",
            "turn_alone": "a short turn of one agent without a cluster, CPU us",
            "turn_member": "with one, CPU us",
            "turn_more": "that is more by, %",
            "turns_alone": "a short turn of 8 agents at once without a cluster, CPU us",
            "turns_member": "with one, CPU us",
            "turns_more": "that is more by, %",
        },
        targets={"token_more": [Target(2)], "turn_more": [Target(2)], "turns_more": [Target(2)]},
        beside={},
        remark=LOCAL,
        long=True,
    ),
    Suite(
        "scale_out",
        "The same streams through one node, and through two",
        "",
        [ScaleOut(name, load) for name, (load, _) in LOADS.items()],
        {key: title for name, (_, words) in LOADS.items() for key, title in _scale_titles(name, words).items()},
        targets={f"{name}_cpu_two": [Target(1 / 0.9, f"{name}_cpu_one")] for name in ("slow", "wide")},
        beside={},
        remark=SCALE,
        long=True,
    ),
)

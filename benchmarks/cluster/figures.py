"""The measurements of a cluster, which run only if they are named."""

from typing import Final

from benchmarks.subject import FarAgents
from benchmarks.suite import Suite, Target

FAR: Final = """\
By `python -m benchmarks --only far_agents`: two nodes without gateways, which are OS processes, on a PostgreSQL of
their own that does not wait for the disk. 200 streams of 250 tokens, 50 tokens a second each; CPU time is that of one
node, from the last stream's begin to the first one's end. Sending: beyond an agent that nobody follows. Receiving:
beyond what a reader on the agent's own node costs there. Provider, database and both nodes share the cores, so a
delay is theirs. Replies: medians of 50, one after the other, the same questions to an agent here and there in turn.
The first question finds the owner and opens the stand-in; the next one knows both."""

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
)

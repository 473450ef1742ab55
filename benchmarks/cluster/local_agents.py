"""The cost of an agent on its own node: where the node belongs to a cluster, and where it has its store for itself."""

from statistics import median

from msgspec import Struct

from benchmarks.cluster.database import Server
from benchmarks.cluster.node import Read, Turns
from benchmarks.cluster.nodes import Node, shares
from benchmarks.workload import Load, Measured


class Sizes(Struct, frozen=True):
    """load: the streams of a pass. turns: of one agent in a pass. passes: of each node, in turn.

    agents: of the turns that are taken at the same time, and whose records share writes.
    """

    load: Load = Load(100, 150, every_ms=20)
    ramp_s: float = 0.5
    agents: int = 8
    turns: int = 60
    passes: int = 4


async def measured(base_url: str, sizes: Sizes) -> Measured:
    """Return the CPU time of a token and of a turn without and with a cluster of two nodes, and what is more, in %."""
    with Server.running() as server:
        url = await server.database()
        async with (
            Node.running(server.node(await server.database(), None), base_url) as alone,
            Node.running(server.node(url, "a"), base_url) as member,
            Node.running(server.node(url, "b"), base_url),
        ):
            nodes = {"alone": alone, "member": member}
            passes = [await _pass(nodes, sizes, number) for number in range(sizes.passes + 1)]
    found = {name: median(each[name] for each in passes[1:]) for name in passes[0]}  # the first one warms
    more = {kind: (found[f"{kind}_member"] / found[f"{kind}_alone"] - 1) * 100 for kind in ("token", "turn", "turns")}
    return {**found, **{f"{kind}_more": value for kind, value in more.items()}}


async def _pass(nodes: dict[str, Node], sizes: Sizes, number: int) -> Measured:
    """Measure each node once. Every second pass begins with the other one."""
    found: Measured = {}
    for name, node in sorted(nodes.items(), reverse=number % 2 == 1):
        await node.begin(f"{name}-{number}", sizes.load)
        read = Read(f"{name}-{number}", sizes.load, sizes.ramp_s)
        found[f"token_{name}"] = (await shares(node, read, [node.program])).us[0]
        for kind, agents in (("turn", 1), ("turns", sizes.agents)):
            group = f"{name}-{kind}-{number}"
            await node.begin(group, Load(agents, 20))
            found[f"{kind}_{name}"] = (await node.do(Turns(group, agents, sizes.turns)))["cpu"]
    return found

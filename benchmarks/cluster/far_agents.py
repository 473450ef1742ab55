"""The cost of an agent of another node: of a forwarded token on both nodes, and the time until it replies."""

from typing import Final

from msgspec import Struct

from benchmarks.cluster.database import Server
from benchmarks.cluster.node import Begin, Leave, Read, Wait
from benchmarks.cluster.nodes import Node, Shares, shares
from benchmarks.workload import Load, Measured

WARMING: Final = Load(20, 20, every_ms=5)


class Sizes(Struct, frozen=True):
    """ramp_s: the streams of a load begin within this time. replies: of each kind."""

    load: Load = Load(200, 250, every_ms=20)
    ramp_s: float = 1.0
    replies: int = 50


async def measured(base_url: str, sizes: Sizes) -> Measured:
    """Return the CPU time of a token by node, and the times to replies, in ms.

    left: an agent that nobody follows. local: one with a reader on its node. owner, holder: one with a reader on the
    other node. sending: the owner's, without its agent. receiving: the holder's, without its reader.
    """
    with Server.running() as server:
        url = await server.database()
        async with (
            Node.running(server.node(url, "owner"), base_url) as owner,
            Node.running(server.node(url, "holder"), base_url) as holder,
        ):
            for node, group in ((owner, "warm-local"), (holder, "warm-far")):
                await _read(owner, node, group, WARMING, 0.02)
            found = await _tokens(owner, holder, sizes)
            return found | await _replies(owner, holder, sizes.replies)


async def _tokens(owner: Node, holder: Node, sizes: Sizes) -> Measured:
    load, ramp_s = sizes.load, sizes.ramp_s
    await owner.begin("left", load)
    seconds = load.tokens * (load.every_ms or 0) / 1000 - ramp_s
    left = await shares(owner, Leave("left", load, ramp_s, seconds * 0.9), [owner.program])
    local = await _read(owner, owner, "local", load, ramp_s)
    far = await _read(owner, holder, "far", load, ramp_s)
    return {
        "left": left.us[0],
        "local": local.us[0],
        "owner": far.us[0],
        "holder": far.us[1],
        "sending": far.us[0] - left.us[0],
        "receiving": far.us[1] - (local.us[0] - left.us[0]),
        "frame": far.frame,
        **{f"local_{name}": value for name, value in local.delays.items()},
        **{f"far_{name}": value for name, value in far.delays.items()},
    }


async def _read(owner: Node, reader: Node, group: str, load: Load, ramp_s: float) -> Shares:
    await owner.begin(group, load)
    programs = [owner.program] if owner is reader else [owner.program, reader.program]
    return await shares(reader, Read(group, load, ramp_s), programs)


async def _replies(owner: Node, holder: Node, count: int) -> Measured:
    for node, group in ((owner, "there"), (holder, "here")):
        await node.do(Begin(group, count, "tokens-20"))
    return await holder.do(Wait(["here", "there"], count))

"""Laws of ownership: at most one living node owns a session, and a node that does not own it writes nothing of it."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from sqlalchemy import Connection, create_engine, func, select

from agents.core.checkpoint import TurnCheckpoint
from agents.sessions import Batch, Checkpoint, Elsewhere, Fenced, Joining, Lost, nodes, ownership
from agents.sessions.checkpoints import HEAD
from agents.sessions.fence import pass_fence
from agents.sessions.records import SUSPECTED
from agents.sessions.rows import rows_of
from agents.sessions.schema import METADATA
from agents.sessions.tables import LAST_SEQ, NODES, STREAMS, TAIL, WRITER
from agents.sessions.tail import TailWriter, empty
from agents.sessions.write import write
from tests.agents.sessions.keeping import batch, ended, session, stream, tokens

IDS = ("s1", "s2", "s3")


class Node:
    """A node on a connection that all share, as if each were an OS process of its own."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.connection, self.tail = connection, TailWriter()
        self.fence = nodes.join(connection, Joining(name, 6.0), f"incarnation of {name}", sure=True)
        self.epoch = self.fence.epoch
        connection.execute(NODES.update().where(NODES.c.epoch == self.epoch).values(owner=f"host boot {self.epoch} 1"))
        self.tail.start(self.epoch, node=True)

    def write(self, records: Batch) -> None:
        rows = rows_of(records)
        try:
            while True:
                next(rows)
        except StopIteration as made:
            found = made.value
        try:
            with self.connection.begin_nested():
                pass_fence(self.connection, self.fence)
                write(self.connection, found, self.tail, self.epoch, str(self.epoch))
        except BaseException:
            self.tail.forget()
            raise


class Ownership(RuleBasedStateMachine):
    """Nodes that join, leave, die, claim, release, take over and write in any order, beside a model of who owns what.

    owners: the last owner of each session. open: the session of each open stream. last, takeovers: of each stream.
    calling: the open streams whose calls run.
    """

    nodes: Bundle[Node] = Bundle("nodes")

    def __init__(self) -> None:
        super().__init__()
        self.connection = create_engine("sqlite://").connect()
        METADATA.create_all(self.connection)
        self.connection.execute(WRITER.insert().values(id=1, epoch=0))
        self.alive: set[int] = set()
        self.owners: dict[str, int | None] = {}
        self.open: dict[str, str] = {}
        self.last: dict[str, int] = {}
        self.takeovers: dict[str, int] = {}
        self.calling: set[str] = set()
        self.count = 0

    def teardown(self) -> None:
        self.connection.close()

    def owner(self, id_: str) -> int | None:
        return self.owners[id_] if self.owners.get(id_) in self.alive else None

    def own(self, node: Node, id_: str) -> None:
        died = self.owner(id_) is None and self.owners.get(id_) is not None
        if died and (streams := [name for name, of in self.open.items() if of == id_]):
            self.takeovers[min(streams)] += SUSPECTED if min(streams) in self.calling else 1
        self.owners[id_] = node.epoch

    def try_to_write(self, node: Node, id_: str, records: Batch) -> bool:
        """Write records of the session. Return whether the node may, after a check that the store says the same."""
        if node.epoch in self.alive and self.owner(id_) == node.epoch:
            node.write(records)
            return True
        with pytest.raises(Lost if node.epoch in self.alive else Fenced):
            node.write(records)
        return False

    @rule(target=nodes)
    def join(self) -> Node:
        self.count += 1
        node = Node(self.connection, f"n{self.count}")
        self.alive.add(node.epoch)
        return node

    @rule(node=nodes, id_=st.sampled_from(IDS))
    def begin_session(self, node: Node, id_: str) -> None:
        records = batch([session(id_)])
        if node.epoch not in self.alive:
            with pytest.raises(Fenced):
                node.write(records)
        elif self.owner(id_) in (None, node.epoch):
            node.write(records)
            self.own(node, id_)
        else:
            with pytest.raises(Elsewhere) as refused:
                node.write(records)
            assert refused.value.epoch == self.owner(id_)

    @rule(node=nodes, id_=st.sampled_from(IDS))
    def begin_stream(self, node: Node, id_: str) -> None:
        if id_ not in self.owners:
            return
        self.count += 1
        name = f"t{self.count}"
        if self.try_to_write(node, id_, batch(streams=[stream(name, id_)])):
            self.open[name], self.last[name], self.takeovers[name] = id_, 0, 0

    @rule(node=nodes, data=st.data(), count=st.integers(1, 3))
    def add_events(self, node: Node, data: st.DataObject, count: int) -> None:
        if not self.open:
            return
        name = data.draw(st.sampled_from(sorted(self.open)))
        first = self.last[name] + 1
        records = batch(events=[(name, tokens(name, first, first + count - 1))])
        if self.try_to_write(node, self.open[name], records):
            self.last[name] += count

    @rule(node=nodes, data=st.data(), calling=st.booleans())
    def keep_checkpoint(self, node: Node, data: st.DataObject, calling: bool) -> None:
        mine = sorted(name for name, id_ in self.open.items() if self.owner(id_) == node.epoch)
        if not mine:
            return
        name = data.draw(st.sampled_from(mine))
        saved = Checkpoint(name, self.last[name], HEAD.written(TurnCheckpoint((), calling=calling)))
        node.write(batch(checkpoints=[saved]))
        self.calling = self.calling | {name} if calling else self.calling - {name}

    @rule(node=nodes, data=st.data())
    def end_stream(self, node: Node, data: st.DataObject) -> None:
        if not self.open:
            return
        name = data.draw(st.sampled_from(sorted(self.open)))
        if self.try_to_write(node, self.open[name], batch(ended=[ended(name, self.open[name])])):
            del self.open[name]

    @rule(node=nodes, id_=st.sampled_from(IDS))
    def release(self, node: Node, id_: str) -> None:
        ownership.release(self.connection, node.epoch, [id_])
        node.tail.forget()
        if self.owners.get(id_) == node.epoch:
            self.owners[id_] = None

    @rule(node=nodes)
    def leave(self, node: Node) -> None:
        nodes.leave(self.connection, node.fence)
        self.alive.discard(node.epoch)

    @rule(node=nodes, beats=st.integers(0, 1))
    def declare_dead(self, node: Node, beats: int) -> None:
        row = self.connection.execute(select(NODES.c.beat).where(NODES.c.epoch == node.epoch)).scalar() or 0
        if beats and node.epoch in self.alive:
            nodes.send_beat(self.connection, node.fence, load=0)
        died = nodes.declare_dead(self.connection, node.fence, row)
        assert died == (node.epoch in self.alive and not beats)
        if died:
            self.alive.remove(node.epoch)
            with pytest.raises(Fenced):
                nodes.send_beat(self.connection, node.fence, load=0)

    @rule(node=nodes, limit=st.integers(1, 3))
    def take_over(self, node: Node, limit: int) -> None:
        if node.epoch not in self.alive:
            return
        cut = sorted({id_ for id_ in self.open.values() if self.owner(id_) is None})
        assert ownership.take_over(self.connection, node.epoch, limit) == cut[:limit]
        for id_ in cut[:limit]:
            self.own(node, id_)

    @rule()
    def move_the_tail(self) -> None:
        empty(self.connection)
        assert self.connection.execute(select(func.count()).select_from(TAIL)).scalar_one() == 0

    @invariant()
    def the_store_has_what_was_written(self) -> None:
        found = self.connection.execute(select(STREAMS.c.id, STREAMS.c.status, STREAMS.c.takeovers, LAST_SEQ)).all()
        assert {id_ for id_, status, *_ in found if status == "open"} == self.open.keys()
        assert {id_: count for id_, _, count, _ in found} == self.takeovers
        assert {id_: last for id_, _, _, last in found} == self.last


TestOwnership = Ownership.TestCase
TestOwnership.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

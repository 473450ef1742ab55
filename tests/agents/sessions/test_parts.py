"""Laws of the bytes of parts in a store: each once, as long as a session uses them, and never changed."""

import json
import os
import stat
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from agents.core.conversation import AssistantMessage, Conversation, Function, ToolCall, ToolMessage, UserMessage
from agents.core.parts import ImagePart, TextPart
from agents.sessions import Elsewhere, Lost, RecordsRefused, Store, StoreDamaged, history
from agents.sessions.disused import disused, total_size
from tests.agents.sessions.keeping import batch, ended, session, stream, tokens
from tests.agents.sessions.test_in_use import other
from tests.agents.sessions.test_nodes import joined

DATA = b"\x89PNG\r\n\x1a\n" + b"x" * 1000
OTHER = b"GIF89a"


def key_of(data: bytes) -> str:
    return sha256(data).hexdigest()


def asked(data: bytes) -> Conversation:
    image = ImagePart(key_of(data), "image/png", len(data), "a.png")
    return UserMessage((TextPart("Look:"), image)), AssistantMessage("Seen.")


async def keep(store: Store, id_: str, *turns: bytes) -> None:
    """Write a session with a turn for each of these images."""
    await store.write(batch([session(id_)]))
    for number, data in enumerate(turns):
        await store.put_parts(id_, {key_of(data): data})
        of = f"{id_}-{number}"
        await store.write(batch(streams=[stream(of, id_)], events=[(of, tokens(of, 1, 2))]))
        await store.write(batch(ended=[ended(of, id_, asked(data))]))


async def kept(store: Store) -> set[str]:
    """Return the hashes that the store has rows for. Their bytes must be there."""
    async with store.changing() as connection:
        keys = set((await connection.execute(text("SELECT sha256 FROM parts"))).scalars())
    assert set(await store.parts(sorted(keys))) == keys
    if store.files is not None:
        assert set(store.files.keys()) == keys
    return keys


async def test_bytes_are_kept_once_and_go_with_their_last_session(store: Store) -> None:
    await keep(store, "a", DATA, OTHER)
    await keep(store, "b", DATA)
    assert await store.parts([key_of(DATA), key_of(OTHER)]) == {key_of(DATA): DATA, key_of(OTHER): OTHER}
    await history.delete(store, "a")
    assert await kept(store) == {key_of(DATA)}
    await history.delete(store, "b")
    assert await kept(store) == set()


async def test_a_fork_uses_the_parts_of_its_own_messages(store: Store) -> None:
    await keep(store, "a", DATA, OTHER)
    await history.fork(store, "a", "first", ("a-0", None))
    await history.fork(store, "a", "none", ("a-0", 0))
    await history.fork(store, "a", "all")
    await history.delete(store, "a")
    assert await kept(store) == {key_of(DATA), key_of(OTHER)}
    await history.delete(store, "all")
    assert await kept(store) == {key_of(DATA)}
    await history.delete(store, "first")
    assert await kept(store) == set()
    assert await store.has_session("none")


async def test_a_fork_uses_the_large_results_that_its_messages_name(store: Store) -> None:
    text_of_result, handle = b"a long result", key_of(b"a long result")
    call = ToolCall("c", Function("log", "{}"))
    result = ToolMessage("c", "log", f'a long [read_result reads the rest: handle="{handle}"]')
    other = ToolMessage("c", "log", f"the text of another tool: {key_of(DATA)}")
    await store.write(batch([session("a")]))
    await keep(store, "b", DATA)
    await store.put_parts("a", {handle: text_of_result})
    messages = (UserMessage("go"), AssistantMessage("", (call,)), result, other, AssistantMessage("Read."))
    await store.write(batch(streams=[stream("a-0", "a")], events=[("a-0", tokens("a-0", 1, 2))]))
    await store.write(batch(ended=[ended("a-0", "a", messages)]))
    await history.fork(store, "a", "none", ("a-0", 0))
    await history.fork(store, "a", "all")
    assert await store.parts_used("all") == {handle}
    assert await store.parts_used("none") == set()
    await history.delete(store, "a")
    assert handle in await kept(store)
    await history.delete(store, "all")
    assert handle not in await kept(store)


async def test_a_message_has_the_hash_and_not_the_bytes(store: Store, url: str) -> None:
    await keep(store, "a", DATA)
    assert await store.conversation("a") == asked(DATA)
    if store.files is not None:
        database = Path(str(store.url.database))
        assert b"x" * 50 not in database.read_bytes() + database.with_name(database.name + "-wal").read_bytes()
        (file,) = store.files.folder.iterdir()
        assert file.read_bytes() == DATA
        assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]


async def test_retention_counts_the_bytes(store: Store) -> None:
    await keep(store, "a", DATA)
    await keep(store, "b", DATA)
    sizes = {each.id: each.size for each in await disused(store, None, 9)}
    assert min(sizes.values()) > len(DATA)
    assert sum(sizes.values()) > await total_size(store) > len(DATA)


async def test_an_export_has_each_part_once_in_a_line_of_its_own(store: Store) -> None:
    await keep(store, "a", DATA, DATA, OTHER)
    lines = [json.loads(line) async for line in history.export(store, "a")]
    parts = [line for line in lines if line["type"] == "part"]
    assert sorted((each["sha256"], b64decode(each["data"])) for each in parts) == sorted(
        (key_of(each), each) for each in (DATA, OTHER)
    )
    assert all(len(json.dumps(line)) < 1000 for line in lines if line["type"] != "part")


async def test_bytes_that_are_gone_or_changed_are_damage_and_an_export_says_so(store: Store) -> None:
    await keep(store, "a", DATA, OTHER)
    if store.files is not None:
        (store.files.folder / key_of(DATA)).write_bytes(b"y")
        (store.files.folder / key_of(OTHER)).unlink()
    else:
        async with store.changing() as connection:
            await connection.execute(text("UPDATE parts SET data = NULL"))
    for data in (DATA, OTHER):
        with pytest.raises(StoreDamaged, match=key_of(data)):
            await store.parts([key_of(data)])
    lines = [json.loads(line) async for line in history.export(store, "a")]
    assert [line["data"] for line in lines if line["type"] == "part"] == [None, None]
    await store.put_parts("a", {key_of(OTHER): OTHER})
    if store.files is not None:
        assert await store.parts([key_of(OTHER)]) == {key_of(OTHER): OTHER}


async def test_a_session_that_does_not_exist_keeps_nothing(store: Store) -> None:
    with pytest.raises(RecordsRefused):
        await store.put_parts("none", {key_of(DATA): DATA})
    await store.close()
    await store.claim()
    assert await kept(store) == set()


async def test_a_hash_is_never_a_path(store: Store) -> None:
    for key in ("../sessions.db", "/etc/passwd", "a" * 63, "A" * 64):
        with pytest.raises(StoreDamaged):
            await store.parts([key])


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_file_without_a_row_goes_when_the_store_is_opened_again(store: Store) -> None:
    assert store.files is not None
    await keep(store, "a", DATA)
    lost = [store.files.folder / name for name in (key_of(OTHER), key_of(OTHER) + ".new")]
    for path in lost:
        path.write_bytes(OTHER)
    await store.close()
    await store.claim()
    assert not any(path.exists() for path in lost)
    assert await kept(store) == {key_of(DATA)}


async def test_a_session_uses_only_its_own_parts(store: Store) -> None:
    await keep(store, "a", DATA, DATA)
    await keep(store, "b", OTHER)
    assert await store.parts_used("a") == {key_of(DATA)}
    assert await store.parts_used("b") == {key_of(OTHER)}
    assert await store.parts_used("none") == set()


NODE = """
import asyncio, sys
from agents.sessions import Joining, Store, history
from tests.agents.sessions.test_parts import DATA, keep

async def main():
    store = await Store.open(sys.argv[1])
    await store.join(Joining("a", 3.0))
    await keep(store, "a", DATA)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await history.delete(store, "b")
    print("deleted", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await store.close()

asyncio.run(main())
"""
"""A program that joins as node a, has a picture in session a, and deletes session b at the first line on stdin."""


async def test_bytes_go_with_their_last_session_whichever_node_deletes_it(url: str) -> None:
    async with other(NODE, url) as process, joined(url, "b") as store:
        assert store.node is not None
        await keep(store, "b", DATA, OTHER)
        with pytest.raises(Lost):
            await store.put_parts("a", {key_of(OTHER): OTHER})
        with pytest.raises(Elsewhere):
            await history.delete(store, "a")
        await store.node.release("b")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        assert await process.stdout.readline() == b"deleted\n"
        assert await kept(store) == {key_of(DATA)}
        await process.communicate(b"")
        await history.delete(store, "a")
        assert await kept(store) == set()


async def test_a_node_that_joins_leaves_the_files_that_another_one_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"
    async with joined(url, "one") as one:
        await keep(one, "a", DATA)
        assert one.files is not None
        written, left = (one.files.folder / f"{key_of(OTHER)}.{name}.new" for name in ("now", "old"))
        written.touch()
        left.touch()
        os.utime(left, (0, 0))
        async with joined(url, "two"):
            assert written.exists()
            assert not left.exists()

"""`understudy backup`, `understudy restore` and `understudy sessions prune`."""

import asyncio
import io
import os
import signal
import sqlite3
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from agents.daemon.lock import locked
from agents.sessions import Store, history
from agents.sessions.backup.archive import Manifest
from agents.sessions.migrations import HEAD
from tests.agents.cli.forked import Forks, understudy
from tests.agents.cli.terminal import environment, started
from tests.agents.gateway.site import Site
from tests.agents.sessions.keeping import batch, begun, ended, session, stream
from tests.agents.sessions.test_migrations import changed, steps
from tests.waiting import eventually

DATA = b"\x89PNG\r\n\x1a\n" + b"x" * 1000
KEY = sha256(DATA).hexdigest()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Claim a store and keep it open, as a daemon does."""
    store = await Store.open(f"sqlite:///{tmp_path}/old/sessions.db")
    await store.claim()
    await store.write(begun("t", "first"))
    await store.write(batch(ended=[ended("t", "first")]))
    await store.put_parts("first", {KEY: DATA})
    await store.write(begun("u", "second"))
    yield store
    await store.close()


async def exported(store: Store, *ids: str) -> list[bytes]:
    return [line for id_ in ids async for line in history.export(store, id_)]


async def backup(commands: Forks, folder: Path, name: str = "b.tar") -> Path:
    file = folder / name
    ended = await commands.understudy("backup", str(file), "--state-dir", str(folder / "old"))
    assert (ended.code, ended.err) == (0, "")
    return file


async def test_a_backup_of_a_store_in_use_restores_all_of_it(commands: Forks, store: Store, tmp_path: Path) -> None:
    file = await backup(commands, tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    before = await exported(store, "first", "second")
    await store.write(begun("v", "third"))  # the store still has its writer
    new = tmp_path / "new"
    restored = await commands.understudy("restore", str(file), "--state-dir", str(new))
    assert restored == (0, "restored: sessions: 2, parts: 1\n", "")
    assert sorted(os.listdir(new)) == ["sessions.db", "sessions.db.parts"]
    assert [(path.stat().st_mode & 0o777) for path in (new, new / "sessions.db")] == [0o700, 0o600]
    other = await Store.open(f"sqlite:///{new}/sessions.db")
    try:
        await other.claim()  # the writer of the old store lives, and does not have this one
        assert await exported(other, "first", "second") == before
        assert [each.id for each in await other.sessions(None, 10)] == ["second", "first"]
    finally:
        await other.close()


async def test_a_backup_beside_a_writer_is_of_one_moment(commands: Forks, store: Store, tmp_path: Path) -> None:
    stop = asyncio.Event()

    async def write() -> None:
        for number in range(10_000):
            data = os.urandom(4096)
            id_ = f"s{number}"
            await store.write(batch([session(id_)], [stream(f"t{number}", id_)]))
            await store.put_parts(id_, {sha256(data).hexdigest(): data})
            if number % 2:
                await history.delete(store, f"s{number - 1}")
            if stop.is_set():
                return

    writing = asyncio.create_task(write())
    files = [await backup(commands, tmp_path, f"{number}.tar") for number in range(3)]
    stop.set()
    await writing
    for file in files:
        new = tmp_path / file.stem
        assert (await commands.understudy("restore", str(file), "--state-dir", str(new))).code == 0
        with closing(sqlite3.connect(new / "sessions.db")) as there:
            named = {key for (key,) in there.execute("SELECT sha256 FROM parts")}
        assert named == set(os.listdir(new / "sessions.db.parts"))


async def test_a_backup_that_is_killed_leaves_no_file_with_its_name(store: Store, tmp_path: Path) -> None:
    file, old = tmp_path / "b.tar", str(tmp_path / "old")
    async with started("backup", str(file), "--state-dir", old, env=environment()) as process:
        left = await eventually(lambda: list(tmp_path.glob(".b.tar.*.new")), what="an unfinished backup", pause_s=0.0)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    if file.exists():  # it was quicker
        file.unlink()
    again = await understudy("backup", str(file), "--state-dir", old, env=environment())
    assert (again.code, again.err) == (0, "")
    assert left
    assert not list(tmp_path.glob(".b.tar.*"))


async def test_a_backup_replaces_no_file_and_a_restore_no_store(commands: Forks, store: Store, tmp_path: Path) -> None:
    file = await backup(commands, tmp_path)
    whole = file.read_bytes()
    old = ("--state-dir", str(tmp_path / "old"))
    for arguments, words in (
        (("backup", str(file), *old), f"expected a new file for the backup, got {file}, which exists"),
        (("backup", str(tmp_path / "no" / "b.tar"), *old), "expected a file in a folder that exists"),
        (("restore", str(file), *old), f"got {tmp_path}/old/sessions.db, which exists"),
        (("backup", str(tmp_path / "c"), "--store", "postgresql://host/db"), "the store is in PostgreSQL"),
    ):
        refused = await commands.understudy(*arguments)
        assert (refused.code, refused.out, refused.err.count("\n")) == (3, "", 1), arguments
        assert words in refused.err
    gone = await commands.understudy("backup", str(tmp_path / "c"), "--state-dir", str(tmp_path / "none"))
    assert gone == (4, "", f"understudy: no store exists at {tmp_path}/none/sessions.db\n")
    assert file.read_bytes() == whole


async def test_a_restore_below_a_running_daemon_is_refused(commands: Forks, store: Store, tmp_path: Path) -> None:
    file = await backup(commands, tmp_path)
    new = tmp_path / "new"
    new.mkdir(0o700)
    with locked(new / "lock"):
        refused = await commands.understudy("restore", str(file), "--state-dir", str(new))
        assert refused.code == 3
        assert f"a daemon runs already with the state directory {new}: pid {os.getpid()}" in refused.err
    assert os.listdir(new) == []


def rewritten(file: Path, change: Callable[[str, bytes], bytes | None], *more: tuple[str, bytes]) -> None:
    """Replace the members of an archive. None leaves a member out."""
    with tarfile.open(file) as archive:
        members = [(member.name, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]
    with tarfile.open(file, "w") as archive:
        for name, data in [*more, *members]:
            if (new := change(name, data)) is not None:
                member = tarfile.TarInfo(name)
                member.size = len(new)
                archive.addfile(member, io.BytesIO(new))


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def without_manifest(file: Path) -> None:
    rewritten(file, lambda name, data: None if name == "manifest.json" else data)


def with_a_changed_part(file: Path) -> None:
    rewritten(file, lambda name, data: data[:-1] + b"y" if name.startswith("parts/") else data)


def without_a_part(file: Path) -> None:
    rewritten(file, lambda name, data: None if name.startswith("parts/") else data)


def with_a_name_outside(file: Path) -> None:
    rewritten(file, lambda _, data: data, ("../outside", b"x"))


def with_a_damaged_database(file: Path) -> None:
    rewritten(file, lambda name, data: data[:8192] + b"\xff" * 4096 + data[12288:] if name == "sessions.db" else data)


def another_file(file: Path) -> None:
    file.write_bytes(b"SQLite format 3\0" * 100)


def of_a_newer_version(file: Path) -> None:
    def newer(name: str, data: bytes) -> bytes:
        if name != "sessions.db":
            return data
        file.with_suffix(".db").write_bytes(data)
        with closing(sqlite3.connect(file.with_suffix(".db"))) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        return file.with_suffix(".db").read_bytes()

    rewritten(file, newer)


def of_a_newer_format(file: Path) -> None:
    manifest = msgspec.json.encode(Manifest(2, HEAD, 2, 1))
    rewritten(file, lambda name, data: manifest if name == "manifest.json" else data)


async def test_a_damaged_or_newer_backup_is_refused_and_leaves_nothing(
    commands: Forks, store: Store, tmp_path: Path
) -> None:
    for spoil in (
        truncated,
        without_manifest,
        with_a_changed_part,
        without_a_part,
        with_a_name_outside,
        with_a_damaged_database,
        another_file,
        of_a_newer_version,
        of_a_newer_format,
    ):
        file, new = await backup(commands, tmp_path, f"{spoil.__name__}.tar"), tmp_path / spoil.__name__
        spoil(file)
        refused = await commands.understudy("restore", str(file), "--state-dir", str(new))
        assert (refused.code, refused.out, refused.err.count("\n")) == (3, "", 1), (spoil, refused)
        assert str(file) in refused.err
        assert ("9999" in refused.err) == (spoil is of_a_newer_version)
        assert os.listdir(new) == [], spoil
    assert not (tmp_path / "outside").exists()


async def test_a_backup_of_an_older_version_is_migrated(commands: Forks, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    await changed(f"sqlite:///{tmp_path}/old/sessions.db", lambda connection: steps(connection, "0002"))
    file = await backup(commands, tmp_path)
    assert (await commands.understudy("restore", str(file), "--state-dir", str(tmp_path / "new"))).code == 0
    with closing(sqlite3.connect(tmp_path / "new" / "sessions.db")) as there:
        assert there.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


async def test_prune_deletes_the_sessions_that_did_not_change_and_fit(
    commands: Forks, store: Store, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    for id_, days, owner in (("new", 1, "ann"), ("old", 40, "ann"), ("bobs", 40, "bob"), ("other", 40, "ann")):
        begin = msgspec.structs.replace(session(id_, owner=owner), at=now - timedelta(days=days))
        await store.write(batch([begin]))
    await store.write(batch(ended=[ended("u", "second")]))
    begin = msgspec.structs.replace(session("cut", owner="ann"), at=now - timedelta(days=40))
    await store.write(batch([begin], [msgspec.structs.replace(stream("c", "cut"), at=now - timedelta(days=40))]))
    await store.close()
    place = ("--state-dir", str(tmp_path / "old"))
    chosen = ("sessions", "prune", "--older-than", "30d", "--owner", "ann", *place)
    dry = await commands.understudy(*chosen, "--dry-run")
    assert {line.split()[0] for line in dry.out.splitlines()[1:]} == {"old", "other", "cut"}
    assert (dry.code, dry.err) == (0, "3 sessions would be deleted\n")
    one = await commands.understudy(*chosen, "--agent", "other", "--json")
    assert (one.code, one.err, msgspec.json.decode(one.out)["id"]) == (0, "1 of 1 session deleted\n", "other")
    assert (await commands.at_a_terminal(80, *chosen, keys="n\n")).code == 0
    kept = "understudy: kept cut: expected a session that is not in use, got 'cut'"
    assert (await commands.understudy(*chosen)).err == f"{kept}\n1 of 2 sessions deleted\n"
    listed = await commands.understudy("sessions", "list", *place)
    assert {line.split()[0] for line in listed.out.splitlines()[1:]} == {"first", "second", "new", "bobs", "cut"}
    wrong = await commands.understudy("sessions", "prune", "--older-than", "a month", *place)
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)


async def test_prune_of_a_daemon_keeps_sessions_whose_agents_run(commands: Forks, here: Site) -> None:
    await here.agent("echo", "runs")
    await here.agent("echo", "sleeps")
    assert (await here.json("DELETE", "/agents/sleeps"))[0] == 200
    pruned = await commands.understudy("sessions", "prune", "--older-than", "0m")
    assert (pruned.code, pruned.err) == (0, "1 of 1 session deleted\n")
    assert [each["id"] for each in (await here.json("GET", "/sessions"))[1]["sessions"]] == ["runs"]
    since = datetime.now(UTC).isoformat()
    assert (await here.json("DELETE", "/sessions/runs", params={"unused_since": since}))[0] == 409

"""Laws of file_ops: it reaches everything in its root and nothing outside, and no path blocks it."""

import os
import socket
from pathlib import Path

import pytest

from agents.tools.builtin import file_ops as module
from agents.tools.builtin.file_ops import file_ops
from agents.tools.errors import ToolRaised
from agents.tools.pool import WorkerPool
from agents.tools.tool import Tool


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with a file, a directory, and a secret outside of it."""
    root = tmp_path / "root"
    (root / "notes").mkdir(parents=True)
    (root / "hello.txt").write_text("hello\n")
    (tmp_path / "secret.txt").write_text("secret")
    return root


@pytest.fixture
def files(root: Path) -> Tool:
    return file_ops.bind(root=str(root))


def test_the_model_sees_no_root(files: Tool) -> None:
    for each in (files, file_ops):
        assert list(each.parameters["properties"]) == ["operation", "path", "content"]


def test_a_file_is_read(files: Tool) -> None:
    assert files("read", "./hello.txt") == "hello\n"


def test_a_directory_is_listed_without_following_anything(files: Tool, root: Path) -> None:
    (root / "link").symlink_to("/etc")
    os.mkfifo(root / "queue")
    listed = {entry["name"]: entry["kind"] for entry in files("list", ".")}
    assert listed == {"hello.txt": "file", "notes": "directory", "link": "link", "queue": "other"}
    assert list(listed) == sorted(listed)


def test_a_file_is_written_whole_with_its_missing_directories(files: Tool, root: Path) -> None:
    assert files("write", "a/b/c.txt", "é") == {"path": "a/b/c.txt", "size_bytes": 2}
    assert (root / "a/b/c.txt").read_text() == "é"
    assert os.listdir(root / "a/b") == ["c.txt"]


def test_a_replaced_file_keeps_its_mode_and_old_readers_their_text(files: Tool, root: Path) -> None:
    (root / "hello.txt").chmod(0o640)
    with (root / "hello.txt").open() as old:
        files("write", "hello.txt", "new")
        assert old.read() == "hello\n"
    assert (root / "hello.txt").read_text() == "new"
    assert (root / "hello.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("operation", ["read", "list", "write"])
@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "notes/../../secret.txt",
        "notes/..",
        "/etc/passwd",
        "//etc/passwd",
        "~/secret.txt",
        "hello.txt\0.md",
        "out/secret.txt",
        "out",
        "file",
        "proc/self/environ",
        "a" * 300,
        "a/" * 3000,
        "hello.txt/x",
    ],
)
def test_no_path_leads_outside(files: Tool, root: Path, operation: str, path: str) -> None:
    (root / "out").symlink_to("..")
    (root / "file").symlink_to("../secret.txt")
    (root / "proc").symlink_to("/proc")
    with pytest.raises(ValueError) as caught:
        files(operation, path, "text")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value).replace(repr(path), "")
    assert (root.parent / "secret.txt").read_text() == "secret"


@pytest.mark.parametrize("path", [".", "", "notes", "queue", "null", "socket", "linked"])
def test_only_regular_files_of_one_name_are_read(files: Tool, root: Path, path: str) -> None:
    os.mkfifo(root / "queue")
    (root / "null").symlink_to("/dev/null")
    os.link(root.parent / "secret.txt", root / "linked")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        with pytest.raises(ValueError):
            files("read", path)


@pytest.mark.parametrize("path", [".", "", "notes", "queue", "dangling"])
def test_only_regular_files_and_new_names_are_written(files: Tool, root: Path, path: str) -> None:
    os.mkfifo(root / "queue")
    (root / "dangling").symlink_to("nowhere")
    before = sorted(os.listdir(root))
    with pytest.raises(ValueError):
        files("write", path, "text")
    assert sorted(os.listdir(root)) == before


def test_a_link_that_takes_a_directorys_place_is_not_followed(files: Tool, root: Path) -> None:
    (root / "notes").rmdir()
    (root / "notes").symlink_to(root.parent)
    with pytest.raises(ValueError, match="no directory, or a link"):
        files("write", "notes/secret.txt", "overwritten")
    assert (root.parent / "secret.txt").read_text() == "secret"


def test_a_long_file_is_cut_with_a_mark(files: Tool, root: Path) -> None:
    (root / "long.txt").write_text("x" * (module.MAX_READ_BYTES + 1))
    text = files("read", "long.txt")
    assert text.endswith(f"\n[cut: the first {module.MAX_READ_BYTES} of {module.MAX_READ_BYTES + 1} bytes]")


def test_a_text_that_is_too_long_is_not_written(files: Tool, root: Path) -> None:
    with pytest.raises(ValueError, match="expected at most"):
        files("write", "long.txt", "x" * (module.MAX_WRITE_BYTES + 1))
    assert not (root / "long.txt").exists()


def test_invalid_utf8_is_read_with_replacement_characters(files: Tool, root: Path) -> None:
    (root / "raw").write_bytes(b"a\xff")
    assert files("read", "raw") == "a\ufffd"


async def test_it_runs_in_a_worker(pool: WorkerPool, files: Tool) -> None:
    assert await pool.run(files, '{"operation": "read", "path": "hello.txt"}') == "hello\n"
    with pytest.raises(ToolRaised, match="ValueError: path: expected one without"):
        await pool.run(files, '{"operation": "read", "path": "../secret.txt"}')

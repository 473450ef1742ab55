"""file_ops: read, list and write files in one directory that the host binds, and nowhere else.

A path is walked name by name. Each name is opened relative to the directory before it, with O_NOFOLLOW. So the tool
uses what it checked, and a link that replaces a name in the meantime has no effect.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from agents.tools.signature import Bound
from agents.tools.tool import tool

MAX_READ_BYTES = 256 * 1024
MAX_WRITE_BYTES = 1024 * 1024
MAX_ENTRIES = 1000
MAX_PATH_CHARS = 4096

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # NONBLOCK: an open must not wait for a FIFO's writer
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@tool(timeout_s=10.0)
def file_ops(
    operation: Annotated[Literal["read", "list", "write"], Field(description="What to do")],
    path: Annotated[str, Field(description="Relative to the workspace, such as notes/today.md; . is the workspace")],
    content: Annotated[str | None, Field(description="The whole new text, for write only")] = None,
    *,
    root: Annotated[str, Bound],
    make: Annotated[bool, Bound] = False,
    denied: Annotated[tuple[str, ...], Bound] = (),
) -> Any:
    """Read a text file, list a directory, or write a text file in the workspace.

    root: the workspace. It exists, or is made if `make` is set. denied: files and folders of the host. No name leads to
    them, or to the files in those folders.
    """
    names = _names(path)
    try:
        if make:
            _make(root)
        walk = Walk(root, _identities(denied, root))
        match operation:
            case "read":
                return _read(walk, names)
            case "list":
                return _list(walk, names)
            case "write":
                return _write(walk, names, content)
    except OSError as error:
        raise ValueError(f"{operation} {path!r}: {_reason(error)}") from None


class Walk(NamedTuple):
    """A walk from a directory.

    root: the directory where it begins. denied: device and inode of each file and folder that it may not open.
    """

    root: str
    denied: frozenset[tuple[int, int]]

    def open(self, name: str, flags: int, at: int | None = None) -> int:
        """Open a file or directory.

        Raises PermissionError for a denied file, since a later mount or link may lead to one.
        """
        descriptor = os.open(name, flags, dir_fd=at)
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) in self.denied:
            os.close(descriptor)
            raise PermissionError(errno.EACCES, "the file belongs to the host")
        return descriptor


def _make(root: str) -> None:
    """Make the folder with mode 0700, and the host's state directory if that is missing."""
    around = os.path.dirname(root)
    os.makedirs(os.path.dirname(around), exist_ok=True)
    for folder in (around, root):
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)


def _identities(denied: Iterable[str], root: str) -> frozenset[tuple[int, int]]:
    """Return device and inode of each denied path that exists. The workspace may be inside a denied folder."""
    found: set[tuple[int, int]] = set()
    for path in denied:
        with contextlib.suppress(OSError):
            status = os.stat(path)
            found.add((status.st_dev, status.st_ino))
            if stat.S_ISDIR(status.st_mode):
                with os.scandir(path) as entries:
                    inner = [entry.stat(follow_symlinks=False) for entry in entries if entry.path != root]
                found |= {(each.st_dev, each.st_ino) for each in inner}
    return frozenset(found)


def _read(walk: Walk, names: list[str]) -> str:
    """Return the text of a file, at most MAX_READ_BYTES of it."""
    with _opened(walk, names) as descriptor:
        size = _regular(descriptor).st_size
        text = _bytes(descriptor, MAX_READ_BYTES).decode(errors="replace")
    return text if size <= MAX_READ_BYTES else f"{text}\n[cut: the first {MAX_READ_BYTES} of {size} bytes]"


def _list(walk: Walk, names: list[str]) -> list[dict[str, Any]]:
    """Return the entries by name. Links are not followed."""
    with _directory(walk, names) as descriptor, os.scandir(descriptor) as entries:
        found = [_entry(entry) for entry, _ in zip(entries, range(MAX_ENTRIES + 1), strict=False)]
    if len(found) > MAX_ENTRIES:
        raise ValueError(f"expected a directory of at most {MAX_ENTRIES} entries")
    return sorted(found, key=lambda entry: str(entry["name"]))


def _write(walk: Walk, names: list[str], content: str | None) -> dict[str, Any]:
    """Replace the file completely, or leave it unchanged.

    The new text is written to another file, which is then renamed.
    """
    if content is None:
        raise ValueError("write: expected content, got none")
    body = content.encode()
    if len(body) > MAX_WRITE_BYTES:
        raise ValueError(f"write: expected at most {MAX_WRITE_BYTES} bytes, got {len(body)}")
    if not names:
        raise ValueError("write: expected the path of a file, got the workspace itself")
    with _directory(walk, names[:-1], create=True) as parent:
        mode = _mode_of_target(parent, names[-1])
        beside = f".{secrets.token_hex(8)}.tmp"
        try:
            with os.fdopen(os.open(beside, CREATE, 0o600, dir_fd=parent), "wb") as file:
                file.write(body)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.rename(beside, names[-1], src_dir_fd=parent, dst_dir_fd=parent)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=parent)
            raise
    return {"path": "/".join(names), "size_bytes": len(body)}


def _names(path: str) -> list[str]:
    """Return the names in the path. Raises ValueError for every path that could leave the workspace."""
    if len(path) > MAX_PATH_CHARS:
        raise ValueError(f"path: expected at most {MAX_PATH_CHARS} characters, got {len(path)}")
    if path.startswith(("/", "~")) or "\0" in path:
        raise ValueError(f"path: expected one relative to the workspace, got {path!r}")
    names = [name for name in path.split("/") if name not in ("", ".")]
    if ".." in names:
        raise ValueError(f"path: expected one without .., got {path!r}")
    return names


@contextlib.contextmanager
def _directory(walk: Walk, names: list[str], create: bool = False) -> Iterator[int]:
    """Return a descriptor of the directory at these names. If create is set, missing directories are made."""
    descriptor = walk.open(walk.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=descriptor)
            inner = walk.open(name, DIRECTORY, descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _opened(walk: Walk, names: list[str]) -> Iterator[int]:
    if not names:
        raise ValueError("read: expected the path of a file, got the workspace itself")
    with _directory(walk, names[:-1]) as parent:
        descriptor = walk.open(names[-1], READ, parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _regular(descriptor: int) -> os.stat_result:
    """Return the file's status. Raises ValueError unless it is a regular file with only this name.

    A hard link may have a second name outside of the workspace, and no walk can see that.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("read: expected a regular file, got a directory, device, FIFO or socket")
    if status.st_nlink > 1:
        raise ValueError("read: expected a file with one name, got one that is hard-linked")
    return status


def _bytes(descriptor: int, limit: int) -> bytes:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(limit)


def _mode_of_target(parent: int, name: str) -> int:
    """Return the permissions of the new file: those of the file that it replaces, else only the owner's."""
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0o600
    if not stat.S_ISREG(mode):
        raise ValueError("write: expected a regular file or a new name, got a link, directory, device, FIFO or socket")
    return stat.S_IMODE(mode) & 0o777


def _entry(entry: "os.DirEntry[str]") -> dict[str, Any]:
    status = entry.stat(follow_symlinks=False)
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
    return {"name": entry.name, "kind": kinds.get(stat.S_IFMT(status.st_mode), "other"), "size_bytes": status.st_size}


def _reason(error: OSError) -> str:
    """Return the error in the tool's words.

    On Linux, O_NOFOLLOW on a link gives "too many levels" or "not a directory".
    """
    match error:
        case FileNotFoundError():
            return "no such file or directory"
        case NotADirectoryError():
            return "a name on the way is no directory, or a link"
        case OSError(errno=errno.ELOOP):
            return "a link leads elsewhere"
        case _:
            return (error.strerror or type(error).__name__).lower()

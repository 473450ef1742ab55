"""A PostgreSQL for the tests: in a temporary folder, on a Unix socket in it, without a port."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

OWNER = "understudy"
SOCKET_FOLDER_CHARS = 90  # a Unix socket's path must be shorter than 108 bytes


@contextmanager
def cluster(**more: str) -> Iterator[Path]:
    """Yield the folder of the server's socket. PostgreSQL refuses to run as root, so root starts it as nobody.

    more: further settings of the server.
    """
    folder = Path(mkdtemp(prefix="understudy-postgres-"))
    assert len(str(folder)) < SOCKET_FOLDER_CHARS
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
    try:
        run("initdb", "-D", str(folder / "data"), "-U", OWNER, "--auth=trust", "-E", "UTF8", "--no-sync")
        settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off", **more}
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        start(folder)
        try:
            yield folder
        finally:
            stop(folder)
    finally:
        shutil.rmtree(folder)


def start(folder: Path, **env: str) -> None:
    run("pg_ctl", "start", "-w", "-D", str(folder / "data"), "-l", str(folder / "log"), **env)


def stop(folder: Path, mode: str = "fast") -> None:
    """Stop the server. mode: fast ends its sessions, immediate is a crash."""
    run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(folder / "data"))


def processes(folder: Path) -> list[int]:
    """Return all pids of the server, its own first."""
    first = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [first, *map(int, children)]


def run(program: str, *arguments: str, **env: str) -> None:
    as_nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
    command = [str(_path(program)), *arguments]
    subprocess.run(  # type: ignore[call-overload]
        command, check=True, stdout=subprocess.DEVNULL, cwd="/", env={**os.environ, **env}, **as_nobody
    )


def _path(program: str) -> Path:
    """Return the path of a server program. Debian keeps each version in a folder outside of the PATH."""
    if (found := shutil.which(program)) is not None:
        return Path(found)
    return max(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))

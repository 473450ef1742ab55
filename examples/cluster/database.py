"""A PostgreSQL for the demo: in a folder of its own, on a Unix socket in the folder, without a port."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any


@contextmanager
def database() -> Iterator[str]:
    """Yield the URL of a new database, whose server ends with the block. Raises FileNotFoundError without PostgreSQL.

    PostgreSQL refuses to run as root, so root starts it as nobody.
    """
    folder = Path(mkdtemp(prefix="understudy-pg-"))
    user: dict[str, Any] = {}
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []}

    def run(program: str, *arguments: str) -> None:
        command = [str(_path(program)), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **user)

    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-U", "demo", "--auth=trust", "-E", "UTF8")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
        run("pg_ctl", "start", "-w", "-D", data, "-l", str(folder / "log"), "-o", options)
        try:
            yield f"postgresql://demo@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "-w", "-m", "fast", "-D", data)
    finally:
        shutil.rmtree(folder)


def _path(program: str) -> Path:
    """Return the path of a server program. Debian keeps each version in a folder outside of the PATH."""
    if (found := shutil.which(program)) is not None:
        return Path(found)
    if not (installed := sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))):
        raise FileNotFoundError(f"expected PostgreSQL's {program}, found none: apt-get install postgresql")
    return installed[-1]

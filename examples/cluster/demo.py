"""Three nodes on one machine. The node that runs a turn is killed in mid-answer, and the answer goes on.

make cluster-demo, or: python examples/cluster/demo.py
"""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from agents import StreamReset, StreamToken
from agents.client import Client
from agents.rehearsal import RehearsalServer, parse

NAMES = ("a", "b", "c")
ENVIRONMENT = {**os.environ, "DEMO_KEY": "any"}
KILLED_AFTER = 30  # tokens
ANSWER = " ".join(f"word{number}" for number in range(1, 81))
SCRIPT = parse(f"""
[models.clerk]
token_delay_s = 0.05
[[models.clerk.turns]]
[[models.clerk.turns.steps]]
text = "{ANSWER}"
""")
CONFIG = """[
    {{agents, [{{model, "clerk"}}, {{base_url, "{base_url}"}}, {{api_key, {{env, "DEMO_KEY"}}}}]}},
    {{understudy, [
        {{agents, [[{{id, "clerk-1"}}]]}},
        {{sessions, [{{url, "{url}"}}]}},
        {{cluster, [{{enabled, true}}, {{name, "{name}"}}, {{secret_file, "{folder}/cluster.secret"}}]}},
        {{gateway, [{{port, 0}}, {{token_file, "{folder}/token"}}]}},
        {{daemon, [{{state_dir, "{folder}/{name}"}}]}}
    ]}}
]."""


async def main(url: str) -> None:
    """Run the nodes on the database at this URL."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("cluster.secret", "token"):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(secrets.token_urlsafe(32))
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(RehearsalServer(SCRIPT))
            nodes: dict[str, tuple[Process, str]] = {}
            for name in NAMES:
                config = folder / f"{name}.config"
                config.write_text(CONFIG.format(base_url=server.base_url, url=url, name=name, folder=folder))
                nodes[name] = await stack.enter_async_context(node(config))
                print(f"node {name} listens on {nodes[name][1]}")
            await watch(nodes, (folder / "token").read_text())


@asynccontextmanager
async def node(config: Path) -> AsyncIterator[tuple[Process, str]]:
    """Run a node within the block. Yield its OS process and its URL."""
    command = (sys.executable, "-m", "agents", "serve", "--config", str(config))
    with config.with_suffix(".log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=log, env=ENVIRONMENT)
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()  # "understudy listens on http://..."
        if not line:
            sys.exit(f"node {config.stem} did not start:\n{config.with_suffix('.log').read_text()}")
        yield process, line.split()[-1]
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def watch(nodes: dict[str, tuple[Process, str]], token: str) -> None:
    """Ask for an answer at a node that does not have the agent, and kill the node that has it."""
    async with Client([url for _, url in nodes.values()], token) as client:
        owner = await owner_of(client)
        print(f"\nnode {owner} has the agent; the client asks another node\n")
    others = [url for name, (_, url) in nodes.items() if name != owner]
    async with Client(others, token) as client:
        text, last, count, killed_s = "", "", 0, 0.0
        async for event in client.ask("clerk-1", "Tell me everything."):
            last = type(event).__name__
            if isinstance(event, StreamReset):
                print(f"\n\n{time.monotonic() - killed_s:.1f} s later: attempt {event.attempt}, on node", end=" ")
                print(await owner_of(client), end="\n\n")
                text = event.content
            if not isinstance(event, StreamToken):
                continue
            print(event.token, end="", flush=True)
            text += event.token
            count += 1
            if count == KILLED_AFTER:
                killed_s = time.monotonic()
                os.kill(nodes[owner][0].pid, signal.SIGKILL)
                print(f"\n\nkill -9: node {owner} is gone", end="", flush=True)
        print(f"\n\nThe stream ended with {last}, and the answer is whole: {text == ANSWER}")


async def owner_of(client: Client) -> str:
    """Return the name of the node that has the agent."""
    owners = (await client.get("/cluster/owners", id="clerk-1"))["owners"]
    return str(owners["clerk-1"])


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
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **user)  # noqa: S603 (PostgreSQL)

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


if __name__ == "__main__":
    try:
        with database() as where:
            asyncio.run(main(where))
    except FileNotFoundError as missing:
        sys.exit(str(missing))

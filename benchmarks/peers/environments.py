"""The environments of the peers. Each is made when it is first needed, and made again when its packages change.

The package of the OpenAI Agents SDK is called `agents`, as ours is. So a peer's Python ignores the working folder, and
its environment has a link to benchmarks/ instead.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from msgspec import Struct

BENCHMARKS: Final = Path(__file__).parents[1]
FOLDER: Final = BENCHMARKS.parent / ".venv-peers"
COMMON: Final = ("openai>=3.50,<4", "msgspec>=0.21,<1", "uvloop>=0.20,<1")


class Peer(Struct, frozen=True):
    """A library. packages: in the ranges that were tested."""

    title: str
    packages: tuple[str, ...]


PEERS: Final = {
    "agents_sdk": Peer("OpenAI Agents SDK", ("openai-agents>=0.24,<0.25",)),
    "pydantic_ai": Peer("Pydantic AI", ("pydantic-ai-slim[openai]>=2.68,<3",)),
    "langgraph": Peer("LangGraph", ("langgraph>=1.2,<2", "langchain>=1.5,<2", "langchain-openai>=1.7,<2")),
}
"""The peers by the names of their readers."""


def command(reader: str | None) -> list[str]:
    """Return the start of the command that runs a job: in the environment of its reader if that is a peer."""
    if reader in PEERS:
        return [str(python(reader)), "-I", "-m", "benchmarks.peers"]
    return [sys.executable, "-m", "benchmarks.subject"]


def python(name: str) -> Path:
    """Return the interpreter of a peer, whose packages are installed first if need be."""
    folder, packages = FOLDER / name, (*PEERS[name].packages, *COMMON)
    interpreter, stamp, wanted = folder / "bin" / "python", folder / ".packages", "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *packages], check=True)
        (_site_packages(folder) / BENCHMARKS.name).symlink_to(BENCHMARKS)
        stamp.write_text(wanted)
    return interpreter


def _site_packages(folder: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))

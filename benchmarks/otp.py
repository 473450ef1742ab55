"""The same figures for OTP, if an Erlang is installed: otp.erl with its defaults, and on one core, like ours."""

import subprocess
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.workload import Measured

SOURCE: Final = Path(__file__).with_name("otp.erl")
SCHEDULERS: Final = {"otp": (), "core": ("+S", "1:1")}
"""The commands, by the prefix of the figures' names."""
IDLE: Final = ("+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none")
"""A scheduler without work does not look for it busily: that would be counted as work."""
MANY: Final = ("+P", "1000000")


def measured(kind: str) -> Measured:
    """Return every figure once; none without an Erlang."""
    if which("erlc") is None:
        return {}
    with TemporaryDirectory() as folder:
        subprocess.run(["erlc", "-o", folder, SOURCE], check=True)
        command = ["erl", *SCHEDULERS[kind], *IDLE, *MANY, "-noshell", "-pa", folder, "-s", "otp", "main"]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found = msgspec.json.decode(done.stdout, type=Measured)
    found["start_100k_s"] = found["spawn_child"] / 10
    return {f"{kind}_{name}": value for name, value in found.items()}

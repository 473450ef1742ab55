"""The image of deploy/: its configuration, its health check, and a daemon that runs as its steps install it.

No test builds the image. The steps run in a virtual environment: `make test-versions`.
"""

import asyncio
import json
import re
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from agents.configuration import load
from tests.packaging.declared import ROOT
from tests.packaging.environment import Environment, uv

DEPLOY = ROOT / "deploy"
TOKEN = "t" * 43
SPARE_S = 10
START_S = 60.0


def instruction(name: str) -> str:
    """Return the arguments of an instruction of the Dockerfile, which it has once."""
    (found,) = re.findall(rf"^ *{name}[ =](.+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    return str(found)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the image's configuration, with its secrets and its state in a folder of the test."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, secret in (("token", TOKEN), ("database_url", f"sqlite:///{tmp_path / 'sessions.db'}")):
        (secrets / name).write_text(secret)
        (secrets / name).chmod(0o600)
    text = (DEPLOY / "sys.config").read_text().replace("/run/secrets", str(secrets))
    file = tmp_path / "sys.config"
    file.write_text(text.replace("/var/lib/understudy", str(tmp_path / "state")))
    return file


def test_the_image_has_a_valid_configuration_whose_drain_fits_the_time_to_stop(config: Path) -> None:
    settings = load(config, {}).settings
    (grace_s,) = re.findall(r"^    stop_grace_period: (\d+)s +#", (DEPLOY / "compose.yaml").read_text(), re.MULTILINE)
    assert settings.daemon.drain_time / 1000 + SPARE_S <= int(grace_s)
    assert instruction("STOPSIGNAL") == "SIGTERM"
    assert instruction("USER") != "root"
    assert settings.gateway.port == int(instruction("EXPOSE"))


async def checked(url: str, token: Path) -> int | None:
    """Return the exit code of the health check."""
    process = await asyncio.create_subprocess_exec(sys.executable, DEPLOY / "healthcheck.py", url, token, stdout=PIPE)
    await process.communicate()
    return process.returncode


@pytest.mark.versions
async def test_the_wheel_of_the_image_serves_and_drains_as_its_first_process_does(config: Path, tmp_path: Path) -> None:
    uv("build", "--quiet", "--wheel", "--out-dir", str(tmp_path / "wheels"), str(ROOT))
    (wheel,) = (tmp_path / "wheels").glob("understudy-*.whl")
    made = Environment(tmp_path / "venv").install(f"{wheel}[{instruction('ARG EXTRAS')}]")
    command = [str(made.folder / "bin" / word) for word in json.loads(instruction("ENTRYPOINT"))]
    env = {"PATH": "/usr/bin:/bin", "UNDERSTUDY_CONFIG": str(config), "UNDERSTUDY_GATEWAY__PORT": "0"}
    serve = (*command, "serve")
    token = tmp_path / "secrets" / "token"
    assert await checked("http://127.0.0.1:1", token) == 1
    process = await asyncio.create_subprocess_exec(*serve, cwd=tmp_path, env=env, stdout=PIPE, stderr=PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            line = (await process.stdout.readline()).decode()
        port = line.strip().rpartition(":")[2]
        assert await checked(f"http://127.0.0.1:{port}", token) == 0
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_S):
            _, log = await process.communicate()
        assert process.returncode == 0, log.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()

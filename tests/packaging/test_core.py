"""The core alone runs agents, and a feature of an extra says in one line what to install."""

import pkgutil
from pathlib import Path

import pytest

from tests.packaging.conftest import Core
from tests.packaging.declared import OWN, ROOT

TURN = str(Path(__file__).with_name("turn.py"))

INSTALL = "which is not installed: pip install 'understudy[daemon]'"

DURABLE = """
import asyncio
from agents import application
from agents.settings import SessionSettings, Settings

async def main():
    async with application.running(Settings(sessions=SessionSettings(durability="sync"))):
        pass

asyncio.run(main())
"""

JSON_SCHEMA = """
from agents.agent_config import agent_config
from agents.settings import Settings

agent_config({"model": "m", "answer_type": {"type": "object"}}, Settings())
"""

MCP_SERVER = """
import asyncio
from agents import application, mcp, start_agent

async def main():
    async with application.running():
        await start_agent(tools=[mcp.server("files", command=["true"])])

asyncio.run(main())
"""

SCHEDULE = """
import asyncio
from agents import application
from agents.settings import ScheduleSettings, Settings

every_hour = ScheduleSettings(name="news", agent="writer", message="News?", every=3600)
asyncio.run(application.start(Settings(schedules=(every_hour,))))
"""

TELEMETRY = """
import asyncio
from agents import application
from agents.settings import Settings, TelemetrySettings

asyncio.run(application.start(Settings(telemetry=TelemetrySettings(enabled=True))))
"""

BEDROCK = """
from agents.agent_config import agent_config
from agents.settings import Settings

agent_config({"model": "m", "aws": {"region": "us-east-1"}}, Settings())
"""

FEATURES = {
    TELEMETRY: "MissingExtra: telemetry needs opentelemetry, which is not installed: pip install 'understudy[otel]'",
    MCP_SERVER: "MissingExtra: an MCP server needs mcp, which is not installed: pip install 'understudy[mcp]'",
    "from agents.gateway import gateway": f"MissingExtra: the gateway needs fastapi, {INSTALL}",
    "from agents.configuration import load": f"MissingExtra: a configuration file needs lark, {INSTALL}",
    "from agents.sessions import Store": f"MissingExtra: a store of sessions needs sqlalchemy, {INSTALL}",
    "import agents.daemon.meter": f"MissingExtra: the daemon's metrics needs prometheus_client, {INSTALL}",
    "import agents.cli": f"MissingExtra: the command line needs click, {INSTALL}",
    SCHEDULE: f"StartFailed: scheduler did not start: a schedule needs sqlalchemy, {INSTALL}",
    DURABLE: f"StartFailed: journal did not start: a store of sessions needs sqlalchemy, {INSTALL}",
    JSON_SCHEMA: "InvalidAgentConfig: agent config: answer_type: expected jsonschema, which checks a JSON schema, "
    "to be installed, got none: pip install 'understudy[daemon]'",
    BEDROCK: "InvalidAgentConfig: agent config: aws: expected botocore, which finds credentials of AWS, "
    "to be installed, got none: pip install 'understudy[bedrock]'",
}

APART = (
    *("agents.rehearsal.command", "agents.rehearsal.record.command", "agents.rehearsal.whole_number"),
    *("agents.sessions.", "agents.testing"),
)
"""Modules that another module imports, which names the extra. pytest imports those of agents.testing."""

IMPORT_ALL = """
import importlib, sys
from agents.extras import MissingExtra

refused = ()
for name in sys.argv[1:]:
    if name.startswith(refused):
        continue
    try:
        importlib.import_module(name)
    except MissingExtra:
        refused += (f"{name}.",)  # its package names the extra
    except ImportError as error:
        print(name, error)
"""


async def test_the_core_runs_a_turn_with_tools(core: Core) -> None:
    ended = await core(TURN)
    assert (ended.out, ended.err, ended.code) == ("42 abab\n", "", 0)


@pytest.mark.parametrize("program", FEATURES)
async def test_a_feature_without_its_libraries_names_its_extra(program: str, core: Core) -> None:
    ended = await core("-c", program)
    assert ended.code == 1
    assert ended.err.splitlines()[-1].endswith(FEATURES[program])


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("agents", f"understudy: the command line needs click, {INSTALL}"),
        ("agents.rehearsal", f"python -m agents.rehearsal: this command needs click, {INSTALL}"),
    ],
)
async def test_a_command_without_its_libraries_ends_with_one_line(module: str, line: str, core: Core) -> None:
    ended = await core("-m", module, "--help")
    assert (ended.out, ended.err, ended.code) == ("", f"{line}\n", 2)


async def test_every_module_can_be_imported_or_names_its_extra(core: Core) -> None:
    names = [
        each.name
        for package in OWN
        for each in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
        if not each.name.startswith(APART)
    ]
    assert len(names) > 200
    ended = await core("-c", IMPORT_ALL, *names)
    assert (ended.out, ended.code) == ("", 0), ended.err

"""Laws of the agents of the configuration, which start side by side with the application."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors import AsyncioSystemBase, StartFailed, whereis
from agents import agent, application
from agents.agent_registry import find_agent
from agents.rehearsal import RehearsalServer, builtin
from agents.settings import Durability, SessionSettings, Settings
from agents.settings.agent import AgentSettings


def kept(file: Path, *agents: AgentSettings, base_url: str | None = None) -> Settings:
    sessions = SessionSettings(url=f"sqlite:///{file}", durability=Durability.SYNC)
    return Settings(base_url=base_url, api_key=SecretStr("any"), model="echo", sessions=sessions, agents=agents)


def in_store(file: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(statement).fetchall()


async def test_the_sessions_of_configured_agents_begin_in_one_write(tmp_path: Path) -> None:
    file, agents = tmp_path / "s.db", tuple(AgentSettings(id=f"a{number}") for number in range(50))
    async with application.running(kept(file)):
        pass
    in_store(file, "CREATE TABLE writes (batch)")
    in_store(file, "CREATE TRIGGER w AFTER UPDATE OF batch ON fences BEGIN INSERT INTO writes VALUES (new.batch); END")
    for start in (1, 2):
        async with application.running(kept(file, *agents)):
            assert all(find_agent(f"a{number}") is not None for number in range(50))
        assert len(in_store(file, "SELECT DISTINCT batch FROM writes WHERE batch > 0")) == start
    assert in_store(file, "SELECT count(*) FROM sessions") == [(50,)]


async def test_each_configured_agent_has_its_own_conversation_again(tmp_path: Path) -> None:
    agents = tuple(AgentSettings(id=name) for name in ("spoken", "silent", "other"))
    async with RehearsalServer(builtin()) as server:
        settings = kept(tmp_path / "s.db", *agents, base_url=server.base_url)
        async with application.running(settings):
            for name in ("spoken", "other"):
                await agent.chat(name, f"I am {name}.")
        async with application.running(settings):
            before = {name: await agent.conversation(name) for name in ("spoken", "silent", "other")}
            assert (await agent.chat("silent", "Now me.")).content == "Now me."
    texts = {name: [message.content for message in messages] for name, messages in before.items()}
    assert texts == {"spoken": ["I am spoken."] * 2, "silent": [], "other": ["I am other."] * 2}


async def test_the_first_wrong_agent_of_the_configuration_is_the_reason_and_none_is_left(tmp_path: Path) -> None:
    names = (["calculator"], ["calculater"], ["web_searhc"], ["calculator"])
    agents = tuple(AgentSettings(id=f"a{place}", tools=tools) for place, tools in enumerate(names))
    async with AsyncioSystemBase():
        with pytest.raises(StartFailed, match=r"^configured_agents did not start: .*: tools\[0\]: .* got 'calculater'"):
            await application.start(kept(tmp_path / "s.db", *agents))
        assert whereis(application.NAME) is None
        assert [find_agent(f"a{place}") for place in range(4)] == [None] * 4

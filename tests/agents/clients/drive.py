"""Call every route with the client that is generated from the document. The test checks and runs this file.

python drive.py URL TOKEN
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from understudy_api import AuthenticatedClient
from understudy_api.api.agents import agents_chat, agents_list, agents_show, agents_start, agents_stop, agents_stream
from understudy_api.api.docs import docs_page, docs_schema
from understudy_api.api.host import health, host_metrics, host_ready, host_reload, host_stop
from understudy_api.api.messages import messages_chat_stream, messages_create, messages_interrupt
from understudy_api.api.sessions import (
    sessions_delete,
    sessions_export,
    sessions_fork,
    sessions_list,
    sessions_rename,
    sessions_show,
)
from understudy_api.api.streams import (
    streams_approve,
    streams_cancel,
    streams_deny,
    streams_events,
    streams_show,
    streams_steer,
)
from understudy_api.api.system import system_config, system_processes, system_supervision_tree
from understudy_api.models import (
    AgentInfo,
    AgentPage,
    AgentStopped,
    ApprovalRequiredEvent,
    Approve,
    Ask,
    ChatAnswer,
    ChatStream,
    CompleteEvent,
    DaemonStopping,
    Decided,
    Deny,
    ErrorAnswer,
    FailedEvent,
    Fork,
    Health,
    MessageInterrupted,
    MessageReserved,
    Node,
    Reloaded,
    Rename,
    Session,
    SessionDeleted,
    SessionInfo,
    SessionPage,
    SettingsOutput,
    StartAgent,
    Steer,
    StreamCancelled,
    StreamSteered,
    StreamSummary,
    SystemReport,
    TokenEvent,
)
from understudy_api.models.agents_stream_error_event import AgentsStreamErrorEvent

T = TypeVar("T")


def a(kind: type[T], answer: object) -> T:
    assert isinstance(answer, kind), answer
    return answer


async def events(client: AuthenticatedClient, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """Yield the events when they arrive. The generated functions return a stream only after its end."""
    async with client.get_async_httpx_client().stream(**request) as response:
        fields: dict[str, Any] = {}
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "data":
                yield {**fields, "data": json.loads(value)}
                fields = {}
            elif name in ("id", "event"):
                fields[name] = int(value) if name == "id" else value


async def chats(client: AuthenticatedClient) -> None:
    info = a(AgentInfo, await agents_start.asyncio(client=client, body=StartAgent(id="ada", model="echo")))
    assert (info.id, info.model) == ("ada", "echo")
    assert "ada" in [each.id for each in a(AgentPage, await agents_list.asyncio(client=client)).agents]
    answer = a(ChatAnswer, await agents_chat.asyncio("ada", client=client, body=Ask(message="one two")))
    assert answer.response.content == "one two"
    shown = a(StreamSummary, await streams_show.asyncio(answer.stream_id, client=client))
    assert (shown.agent_id, shown.status.value) == ("ada", "complete")
    text = a(str, await streams_events.asyncio(answer.stream_id, client=client, after=0))
    assert "event: complete" in text
    assert (await streams_events.asyncio_detailed(answer.stream_id, client=client, after=shown.seq)).status_code == 204
    agents = a(AgentInfo, await agents_show.asyncio("ada", client=client))
    assert len(agents.streams) == 1
    refused = a(ErrorAnswer, await agents_show.asyncio("nobody", client=client))
    assert refused.error.type_ == "agent_not_found"


async def reads_and_cancels(client: AuthenticatedClient) -> None:
    a(AgentInfo, await agents_start.asyncio(client=client, body=StartAgent(id="slow", model="slow")))
    asked = agents_stream._get_kwargs(
        "slow", body=Ask(message="go", stream_id="s1"), error_event=AgentsStreamErrorEvent.FAILED
    )
    said, last = "", None
    async for event in events(client, asked):
        match event["event"]:
            case "token":
                said += TokenEvent.from_dict(event).data.text
            case "failed":
                last = FailedEvent.from_dict(event)
        if event.get("id") == 3:
            steered = await streams_steer.asyncio("s1", client=client, body=Steer(message="faster"))
            assert a(StreamSteered, steered).steered
            assert a(StreamCancelled, await streams_cancel.asyncio("s1", client=client)).cancelled
    assert last is not None
    assert last.data.content == said
    assert not a(StreamCancelled, await streams_cancel.asyncio("s1", client=client)).cancelled


async def decides(client: AuthenticatedClient) -> None:
    for stream_id, said in (("b1", "paid 500"), ("b2", "error: denied: too dear")):
        asked = agents_stream._get_kwargs("buyer", body=Ask(message="buy", stream_id=stream_id))
        async for event in events(client, asked):
            if event["event"] == "approval_required":
                call_id = ApprovalRequiredEvent.from_dict(event).data.tool_call.id
                if stream_id == "b1":
                    decided = await streams_approve.asyncio("b1", client=client, body=Approve(call_id=call_id))
                else:
                    denied = Deny(call_id=call_id, reason="too dear")
                    decided = await streams_deny.asyncio("b2", client=client, body=denied)
                assert a(Decided, decided).call_id == call_id
            if event["event"] == "complete":
                assert CompleteEvent.from_dict(event).data.answer == said


async def names_messages(client: AuthenticatedClient) -> None:
    reserved = a(MessageReserved, await messages_create.asyncio("m1", client=client))
    assert reserved.assistant_message_id == "m1"
    a(ErrorAnswer, await messages_create.asyncio("m1", client=client))
    body = ChatStream(query="go", session_id="slow", assistant_message_id="m1")
    last: dict[str, Any] = {}
    async for event in events(client, messages_chat_stream._get_kwargs(body=body)):
        last = event["data"]
        if last["type"] == "stream_chunk" and last["metadata"]["index"] == 1:
            assert a(MessageInterrupted, await messages_interrupt.asyncio("m1", client=client)).interrupted
    assert last["type"] == "interrupted"


async def keeps_sessions(client: AuthenticatedClient) -> None:
    assert "ada" in [each.id for each in a(SessionPage, await sessions_list.asyncio(client=client)).sessions]
    session = a(Session, await sessions_show.asyncio("ada", client=client))
    assert [each.role.value for each in session.conversation] == ["user", "assistant"]
    renamed = a(SessionInfo, await sessions_rename.asyncio("ada", client=client, body=Rename(title="First")))
    assert renamed.title == "First"
    exported = a(str, await sessions_export.asyncio("ada", client=client))
    assert [json.loads(line)["type"] for line in exported.splitlines()][:2] == ["session", "message"]
    fork = a(SessionInfo, await sessions_fork.asyncio("ada", client=client, body=Fork(id="fork")))
    assert fork.message_count == 2
    assert a(SessionDeleted, await sessions_delete.asyncio("fork", client=client)).deleted
    assert a(AgentStopped, await agents_stop.asyncio("ada", client=client)).stopped


async def looks(client: AuthenticatedClient) -> None:
    assert a(Health, await health.asyncio(client=client)).status == "ok"
    assert a(Health, await host_ready.asyncio(client=client)).status == "ready"
    assert a(Node, await system_supervision_tree.asyncio(client=client)).children
    assert a(SystemReport, await system_processes.asyncio(client=client, count=3)).system.processes > 3
    assert a(SettingsOutput, await system_config.asyncio(client=client)).gateway.heartbeat > 0
    assert await docs_schema.asyncio(client=client) is not None
    assert "<h1>" in a(str, await docs_page.asyncio(client=client))
    assert (await host_metrics.asyncio_detailed(client=client)).status_code == 200
    a(Reloaded, await host_reload.asyncio(client=client))
    assert a(DaemonStopping, await host_stop.asyncio(client=client)).stopping


async def main(url: str, token: str) -> None:
    async with AuthenticatedClient(url, token, raise_on_unexpected_status=True) as client:
        for does in (chats, reads_and_cancels, decides, names_messages, keeps_sessions, looks):
            await does(client)
            sys.stdout.write(f"{does.__name__}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

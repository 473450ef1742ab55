"""A provider: an endpoint's agents share it, its breaker refuses calls after failures, and it ends when idle."""

import asyncio
import logging

import pytest

from actors import (
    NOPROC,
    AsyncioSystemBase,
    CallFailed,
    Pid,
    call,
    cast,
    ended,
    get_state,
    process_info,
    processes,
    spawn,
)
from actors import exit as send_exit
from actors import sys as otp_sys
from actors.kernel.signals import KILL
from actors.testing import simulated
from agents.core.errors import CircuitOpen, LimitReached
from agents.llm.breaker import CLOSED, BreakerPolicy, Closed, HalfOpen, Open, Outcome
from agents.llm.endpoint import Endpoint, ProviderFailed
from agents.llm.key import CallableKey
from agents.llm.llm_supervisor import LlmSupervisor
from agents.llm.provider import LLM_SUPERVISOR, Acquire, Lease, ProviderPolicy, acquire, report
from agents.llm.providers import breakers, change_policy
from supervisors import ChildSpec, Flags, start_supervisor
from supervisors.dynamic_supervisor import count_children
from tests.agents.llm.scripted import ScriptedClient, providers

HERE = Endpoint("http://127.0.0.1:1/v1", "sk-here")
POLICY = ProviderPolicy(BreakerPolicy(max_failures=2, open_s=10.0), idle_s=60.0)


def new_client(_: Endpoint) -> ScriptedClient:
    return ScriptedClient([])


async def fail(times: int, endpoint: Endpoint = HERE) -> Lease:
    for _ in range(times):
        lease = await acquire(endpoint)
        report(lease, Outcome.FAILED)
    return lease


async def refused() -> CircuitOpen:
    with pytest.raises(ProviderFailed) as failed:
        await acquire(HERE)
    assert isinstance(failed.value.fault, CircuitOpen)
    return failed.value.fault


@simulated(seeds=5)
async def test_an_endpoint_is_one_provider_and_another_key_is_another() -> None:
    async with providers(new_client):
        same, other = Endpoint(HERE.base_url, "sk-here"), Endpoint(HERE.base_url, "sk-other")
        here, again, third = await asyncio.gather(acquire(HERE), acquire(same), acquire(other))
        assert here.client is again.client
        assert here.provider == again.provider != third.provider
        assert (await count_children(LLM_SUPERVISOR)).active == 2


@simulated(seeds=5)
async def test_after_max_failures_a_provider_is_refused_and_later_probed_with_one_call() -> None:
    async with providers(new_client, POLICY):
        lease = await fail(2)
        assert await refused() == CircuitOpen("http://127.0.0.1:1/v1", 10.0)
        assert isinstance((await get_state(lease.provider)).breaker, Open)
        await asyncio.sleep(10.0)
        probe = await acquire(HERE)
        assert await refused() == CircuitOpen("http://127.0.0.1:1/v1", 10.0)
        assert isinstance((await get_state(lease.provider)).breaker, HalfOpen)
        report(probe, Outcome.ANSWERED)
        assert (await acquire(HERE)).provider == lease.provider
        assert (await get_state(lease.provider)).breaker == CLOSED


@simulated(seeds=5)
async def test_a_failed_probe_opens_the_breaker_again() -> None:
    async with providers(new_client, POLICY):
        await fail(2)
        await asyncio.sleep(10.0)
        await fail(1)
        assert (await refused()).retry_after_s == 10.0


@simulated(seeds=5)
async def test_other_endpoints_are_asked_meanwhile() -> None:
    async with providers(new_client, POLICY):
        await fail(2)
        await refused()
        await acquire(Endpoint(HERE.base_url, "sk-other"))


@simulated(seeds=5)
async def test_a_success_in_between_restarts_the_count() -> None:
    async with providers(new_client, POLICY):
        for _ in range(5):
            lease = await fail(1)
            report(await acquire(HERE), Outcome.ANSWERED)
        assert (await get_state(lease.provider)).breaker == CLOSED


@simulated(seeds=5)
async def test_a_process_that_ends_with_a_lease_returns_it() -> None:
    async with providers(new_client, POLICY):
        lease = await fail(2)
        await asyncio.sleep(10.0)
        held: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()

        async def hold() -> None:
            held.set_result(await acquire(HERE))
            await asyncio.Event().wait()

        holder = spawn(hold)
        await held
        send_exit(holder, KILL)
        await ended(holder)
        report(await acquire(HERE), Outcome.ANSWERED)
        state = await get_state(lease.provider)
        assert (state.breaker, state.leases) == (CLOSED, {})


@simulated(seeds=5)
async def test_an_idle_provider_closes_its_connections_and_the_next_call_opens_new_ones() -> None:
    async with providers(new_client, POLICY):
        lease = await acquire(HERE)
        await asyncio.sleep(1000.0)
        assert lease.provider.alive
        report(lease, Outcome.ANSWERED)
        await asyncio.sleep(59.0)
        assert lease.provider.alive
        await asyncio.sleep(2.0)
        assert await ended(lease.provider) == NOPROC
        assert isinstance(lease.client, ScriptedClient)
        assert lease.client.ended
        again = await acquire(HERE)
        assert again.client is not lease.client


@simulated(seeds=5)
async def test_reading_the_breakers_does_not_keep_an_idle_provider() -> None:
    async with providers(new_client, POLICY):
        lease = await fail(1)
        for _ in range(5):
            await asyncio.sleep(10.0)
            assert await breakers() == [(HERE.address, Closed(1))]
        await asyncio.sleep(11.0)
        assert await ended(lease.provider) == NOPROC
        assert await breakers() == []


@simulated(seeds=5)
async def test_a_changed_policy_holds_for_providers_in_use() -> None:
    async with providers(new_client, POLICY):
        lease = await fail(1)
        await asyncio.sleep(30.0)
        await change_policy(ProviderPolicy(BreakerPolicy(max_failures=2, open_s=10.0), idle_s=40.0))
        await asyncio.sleep(9.0)
        assert lease.provider.alive
        await asyncio.sleep(2.0)
        assert await ended(lease.provider) == NOPROC


@simulated(seeds=5)
async def test_an_open_breaker_is_not_forgotten_by_idling() -> None:
    async with providers(new_client, ProviderPolicy(BreakerPolicy(1, open_s=100.0), idle_s=1.0)):
        await fail(1)
        await asyncio.sleep(90.0)
        assert (await refused()).retry_after_s == 10.0


@simulated(seeds=5)
async def test_no_more_providers_run_than_are_allowed() -> None:
    async with providers(new_client, ProviderPolicy(max_count=2)):
        for number in range(2):
            await acquire(Endpoint(HERE.base_url, f"sk-{number}"))
        with pytest.raises(ProviderFailed) as failed:
            await acquire(HERE)
        assert failed.value.fault == LimitReached("providers.max_count", 2)


def test_the_tree_of_the_providers_is_plain_data_that_needs_no_loop() -> None:
    flags, template = LlmSupervisor().tree(ProviderPolicy(max_count=3))
    assert (flags.max_children, template.id) == (3, "provider")


async def real_providers() -> None:
    await start_supervisor(Flags(), [ChildSpec(LLM_SUPERVISOR, LlmSupervisor, ProviderPolicy(), name=LLM_SUPERVISOR)])


async def test_without_a_key_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with AsyncioSystemBase():
        await real_providers()
        with pytest.raises(ProviderFailed, match="expected an API key"):
            await acquire(Endpoint(HERE.base_url))
        assert (await count_children(LLM_SUPERVISOR)).active == 0


async def test_a_key_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    endpoint = Endpoint(
        "http://user:sk-in-the-address@127.0.0.1:1/v1?token=sk-in-the-query",
        "sk-very-secret",
        headers=(("x-key", "sk-in-a-header"),),
        query=(("key", "sk-in-a-parameter"),),
    )
    async with AsyncioSystemBase():
        await real_providers()
        lease = await acquire(endpoint)
        supervisor = await get_state(LLM_SUPERVISOR)
        shown = [
            repr(endpoint),
            repr(await get_state(lease.provider)),
            repr(await otp_sys.get_status(lease.provider)),
            repr(supervisor),
            repr(lease),
            repr([process_info(pid) for pid in processes()]),
        ]
        cast(lease.provider, "no message of a provider")
        await ended(lease.provider)
        with pytest.raises(CallFailed) as failed:
            await call(lease.provider, Acquire())
        shown += [repr(failed.value), caplog.text]
    assert "process_crashed" in caplog.text
    assert not [text for text in shown if "sk-" in text]


async def test_other_headers_another_query_and_another_source_of_keys_are_another_provider() -> None:
    def source() -> str:
        return "key"

    endpoints = [
        HERE,
        Endpoint(HERE.base_url, HERE.api_key, headers=(("x-tenant", "a"),)),
        Endpoint(HERE.base_url, HERE.api_key, query=(("tenant", "a"),)),
        Endpoint(HERE.base_url, HERE.api_key, api_version="1", deployment="a"),
        Endpoint(HERE.base_url, HERE.api_key, api_version="1", deployment="b"),
        Endpoint(HERE.base_url, CallableKey(source)),
        Endpoint(HERE.base_url, CallableKey(lambda: "key")),
    ]
    async with AsyncioSystemBase():
        await real_providers()
        leases = [await acquire(each) for each in endpoints]
        assert len({lease.provider for lease in leases}) == len(endpoints)
        assert (await acquire(Endpoint(HERE.base_url, CallableKey(source)))).provider == leases[5].provider


async def test_a_provider_that_crashed_is_started_by_the_next_call() -> None:
    async with AsyncioSystemBase():
        await real_providers()
        lease = await acquire(HERE)
        send_exit(lease.provider, KILL)
        await ended(lease.provider)
        again: Pid = (await acquire(HERE)).provider
        assert again.alive
        assert again != lease.provider
        assert (await get_state(again)).breaker == Closed(0)

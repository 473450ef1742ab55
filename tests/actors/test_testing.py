"""Simulation: virtual time, orders drawn from a seed, and refusal of sockets and threads."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import (
    SHUTDOWN,
    AsyncioSystemBase,
    Caller,
    CallTimeout,
    Down,
    GenServer,
    Mailbox,
    NoReply,
    Pid,
    Reply,
    call,
    cast,
    monitor,
    receive,
    self_pid,
    send,
    send_after,
    spawn,
    start,
)
from actors import exit as send_exit
from actors.testing import NotSimulated, Simulation, Step, Stuck, settled, simulated


class Account(GenServer[int]):
    """An account with a balance to read and set, so two clients that do both can lose a deposit."""

    def init(self, balance: int) -> int:
        return balance

    def handle_call(self, request: int | None, caller: Caller, balance: int) -> Reply[int]:
        return Reply(balance, balance if request is None else request)


async def deposit(account: Pid, to: Pid) -> None:
    balance = await call(account, None)
    await call(account, balance + 1)
    send(to, "done")


async def two_deposits() -> int:
    async with AsyncioSystemBase(), Mailbox() as box:
        account = await start(Account, 0)
        for _ in range(2):
            spawn(deposit, account, box.pid)
        for _ in range(2):
            await box.receive()
        balance: int = await call(account, None)
        return balance


class Recorder(GenServer[tuple[Any, ...]]):
    def init(self, *_: Any) -> tuple[Any, ...]:
        return ()

    def handle_info(self, message: Any, seen: tuple[Any, ...]) -> NoReply[tuple[Any, ...]]:
        return NoReply((*seen, message))

    def handle_call(self, request: Any, caller: Caller, seen: tuple[Any, ...]) -> Reply[tuple[Any, ...]]:
        return Reply(seen, seen)


async def talker(to: Pid, name: str, words: int, done: Pid) -> None:
    for word in range(words):
        send(to, (name, word))
        await asyncio.sleep(0)
    send(done, name)


class Relay(GenServer[tuple[Pid, Pid]]):
    def init(self, to: Pid, done: Pid) -> tuple[Pid, Pid]:
        return to, done

    def handle_cast(self, message: Any, pids: tuple[Pid, Pid]) -> NoReply[tuple[Pid, Pid]]:
        send(pids[0], message)
        send(pids[1], "relayed")
        return NoReply(pids)


async def conversation(names: str, words: int) -> list[tuple[str, int]]:
    """Return the messages that a Recorder got from talkers, some of them through a Relay."""
    async with AsyncioSystemBase(), Mailbox() as box:
        recorder = await start(Recorder)
        for name in names:
            spawn(talker, recorder, name, words, box.pid)
        relay = await start(Relay, recorder, box.pid)
        for word in range(words):
            cast(relay, ("relay", word))
        for _ in range(len(names) + words):
            await box.receive()
        heard: list[tuple[str, int]] = list(await call(recorder, "heard"))
        return heard


def simulate(seed: int, work: Callable[[], Awaitable[Any]]) -> tuple[Any, list[Step], float]:
    async def main() -> Any:
        return await work()

    with Simulation(seed) as simulation:
        return simulation.run(main()), simulation.trace, simulation.time()


# Seeds


@given(seed=st.integers(0, 2**32))
@settings(max_examples=30)
def test_the_same_seed_gives_the_same_trace(seed: int) -> None:
    def once() -> tuple[Any, list[Step], float]:
        return simulate(seed, lambda: conversation("abc", 4))

    assert once() == once()


def test_a_seed_means_the_same_to_another_python() -> None:
    program = "from tests.actors.test_testing import *; print(simulate(7, lambda: conversation('abc', 4)))"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told.strip() == str(simulate(7, lambda: conversation("abc", 4)))


def test_different_seeds_give_different_orders() -> None:
    heard = {tuple(simulate(seed, lambda: conversation("abc", 4))[0]) for seed in range(50)}
    assert len(heard) > 40


@given(seed=st.integers(0, 2**32), words=st.integers(1, 6))
@settings(max_examples=50)
def test_messages_of_one_process_to_another_arrive_in_order(seed: int, words: int) -> None:
    heard = simulate(seed, lambda: conversation("ab", words))[0]
    for name in ("a", "b", "relay"):
        assert [word for who, word in heard if who == name] == list(range(words))


def test_every_order_of_three_is_found() -> None:
    async def arrivals() -> str:
        async with AsyncioSystemBase(), Mailbox() as box:
            for name in "abc":
                spawn(talker, box.pid, name, 0, box.pid)
            return "".join([await box.receive() for _ in "abc"])

    assert {simulate(seed, arrivals)[0] for seed in range(60)} == {"abc", "acb", "bac", "bca", "cab", "cba"}


def test_a_lost_update_that_the_usual_order_hides_is_found_and_replayed() -> None:
    balances = {seed: simulate(seed, two_deposits)[0] for seed in range(30)}
    assert set(balances.values()) == {1, 2}
    losing = next(seed for seed, balance in balances.items() if balance == 1)
    assert [simulate(losing, two_deposits)[0] for _ in range(3)] == [1, 1, 1]


def test_code_draws_its_own_chance_from_the_seed_too() -> None:
    def drawn(seed: int) -> list[int]:
        return [Simulation(seed).random.randrange(1000) for _ in range(3)]

    assert drawn(3) == drawn(3) != drawn(4)


# Tests


def test_a_failing_test_names_its_seed_and_its_last_steps() -> None:
    @simulated(seeds=30)
    async def deposits_add_up() -> None:
        assert await two_deposits() == 2

    with pytest.raises(AssertionError) as caught:
        deposits_add_up()
    (note,) = caught.value.__notes__
    seed = int(note.partition("=")[2].split()[0])
    assert f"replay it with seeds=[{seed}]" in note
    assert "Account#" in note
    assert "deposit#" in note
    with pytest.raises(AssertionError):
        simulated(seeds=[seed])(two_deposits_add_up)()


async def two_deposits_add_up() -> None:
    assert await two_deposits() == 2


@pytest.mark.parametrize("word", ["fixtures", "parameters"])
@simulated(seeds=2)
async def test_a_simulated_test_takes(word: str, tmp_path: Any) -> None:
    assert word
    assert tmp_path.exists()


def test_a_simulated_test_runs_once_a_seed() -> None:
    runs: list[float] = []

    @simulated(seeds=[4, 9])
    async def each() -> None:
        runs.append(asyncio.get_running_loop().time())

    each()
    assert runs == [0.0, 0.0]


# Time


@simulated(seeds=10)
async def test_a_call_times_out_after_its_time_to_the_nanosecond() -> None:
    loop = asyncio.get_running_loop()

    class Silent(Account):
        def handle_call(self, request: Any, caller: Caller, balance: int) -> Any:
            return NoReply(balance)

    async with AsyncioSystemBase():
        silent = await start(Silent, 0)
        with pytest.raises(CallTimeout):
            await call(silent, None)
        assert loop.time() == 5.0
        with pytest.raises(CallTimeout):
            await call(silent, None, timeout_s=0.1)
        assert loop.time() == 5.1


@simulated(seeds=10)
async def test_timers_ring_in_their_order_at_their_time() -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        loop = asyncio.get_running_loop()
        send_after(86_400 * 30, box.pid, "month")
        send_after(0.3, box.pid, "soon")
        send_after(0.2, box.pid, "never").cancel()
        assert (await box.receive(), loop.time()) == ("soon", 0.3)
        assert (await box.receive(), loop.time()) == ("month", 86_400 * 30)


@given(delays_s=st.lists(st.floats(1e-9, 3e7), min_size=1, max_size=5))
@settings(max_examples=30)
def test_time_passes_in_any_steps(delays_s: list[float]) -> None:
    async def sleeps() -> None:
        for delay_s in delays_s:
            await asyncio.sleep(delay_s)

    assert simulate(0, sleeps)[2] == pytest.approx(sum(delays_s), abs=1e-6)


@simulated(seeds=10)
async def test_time_stands_still_while_anything_is_ready() -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        send_after(0.000001, box.pid, "timer")
        spawn(talker, box.pid, "a", 500, box.pid)
        heard = [await box.receive() for _ in range(502)]
        assert heard[-2:] == ["a", "timer"]


@simulated(seeds=5)
async def test_a_system_that_ends_kills_the_stubborn_after_five_seconds() -> None:
    async def deaf(to: Pid) -> None:
        send(to, self_pid())
        while True:
            try:
                await receive()
            except asyncio.CancelledError:
                if asyncio.get_running_loop().time() > 5:
                    raise

    loop = asyncio.get_running_loop()
    async with AsyncioSystemBase() as system:
        async with Mailbox() as box:
            spawn(deaf, box.pid)
            await box.receive()
        assert loop.time() == 0
    assert (system.processes, round(loop.time(), 1)) == ({}, 5.0)


@simulated(seeds=20)
async def test_signals_reach_their_watchers_in_any_order() -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        account = await start(Account, 0)
        ref = monitor(account)
        send_exit(account, SHUTDOWN)
        assert await box.receive() == Down(ref, account, SHUTDOWN)


@simulated(seeds=2)
async def test_a_simulated_system_has_no_watchdog() -> None:
    async with AsyncioSystemBase(watchdog_s=0.001):
        assert [thread.name for thread in threading.enumerate() if "watchdog" in thread.name] == []


# The end of a simulation, and of the world


def test_a_wait_without_end_raises_stuck() -> None:
    async def waits_for_ever() -> None:
        async with AsyncioSystemBase(), Mailbox() as box:
            await asyncio.sleep(3)
            await box.receive()

    with Simulation() as simulation, pytest.raises(Stuck, match=r"after 3 s; waiting: .*waits_for_ever") as stuck:
        simulation.run(waits_for_ever())
    assert stuck.value.time_s == 3.0


def test_one_simulation_runs_one_thing_after_another() -> None:
    with Simulation() as simulation:
        simulation.run(asyncio.sleep(1))
        assert simulation.run(two_deposits()) in (1, 2)
        simulation.run(asyncio.sleep(1))
        assert simulation.time() == 2.0


async def _connects() -> None:
    await asyncio.open_connection("127.0.0.1", 9)


async def _resolves() -> None:
    await asyncio.get_running_loop().getaddrinfo("understudy.invalid", 9)


async def _serves() -> None:
    await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)


async def _threads() -> None:
    await asyncio.to_thread(int)


async def _starts_a_program() -> None:
    await asyncio.create_subprocess_exec("true")


async def _takes_a_signal() -> None:
    asyncio.get_running_loop().add_signal_handler(10, int)


async def _reads_a_socket() -> None:
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        await asyncio.get_running_loop().sock_recv(one, 1)


async def _calls_from_a_thread() -> None:
    loop = asyncio.get_running_loop()
    caught: list[BaseException] = []

    def call_back() -> None:
        try:
            loop.call_soon_threadsafe(int)
        except NotSimulated as error:
            caught.append(error)

    thread = threading.Thread(target=call_back)
    thread.start()
    thread.join()
    raise caught[0]


@pytest.mark.parametrize(
    ("work", "what"),
    [
        (_connects, "a connection"),
        (_resolves, "a look-up of a host's name"),
        (_serves, "a server"),
        (_threads, "a thread"),
        (_starts_a_program, "an OS process"),
        (_takes_a_signal, "a signal handler"),
        (_reads_a_socket, "a wait for a socket or a pipe"),
        (_calls_from_a_thread, "a call from the thread"),
    ],
)
def test_the_real_world_is_refused(work: Callable[[], Any], what: str) -> None:
    with Simulation() as simulation, pytest.raises(NotSimulated, match=what):
        simulation.run(work())


async def test_settled_returns_when_every_process_and_task_waits() -> None:
    async def relay(to: Pid, hops: int) -> None:
        await receive()
        for _ in range(hops):
            await asyncio.sleep(0)
        send(to, "go on")

    async with AsyncioSystemBase() as system, Mailbox() as box:
        last = spawn(relay, box.pid, 7)
        send(spawn(relay, last, 5), "go on")
        await settled()
        assert not system.ready
        assert await box.receive(timeout_s=0) == "go on"

"""The log of crashes: the last ones, with the reason and the place of each."""

from actors import Mailbox
from supervisors import ChildSpec, DynamicFlags, DynamicSupervisor, Flags, start_supervisor
from supervisors.crash_log import CRASH_LOG, KEPT, CrashLog, crashes
from supervisors.dynamic_supervisor import start_child
from tests.supervisors.troupe import Worker, end, pids

MANY = Flags(intensity=KEPT * 2, period_s=3600)


async def test_a_crash_is_logged_with_its_child_its_supervisor_and_its_reason(box: Mailbox) -> None:
    top = await start_supervisor(
        MANY, [ChildSpec(CRASH_LOG, CrashLog, name=CRASH_LOG), ChildSpec("worker", Worker)], name="top"
    )
    worker = (await pids(top))["worker"]
    await end(worker, "boom")
    (crash,) = await crashes()
    assert (crash.number, crash.child.supervisor, crash.child.child) == (1, "top", "worker")
    assert (crash.child.pid, crash.child.reason, crash.child.exception) == (str(worker), "str", None)


async def test_the_log_keeps_the_last_crashes_and_counts_all(box: Mailbox) -> None:
    many = DynamicFlags(intensity=KEPT * 2, period_s=3600)
    children = ChildSpec("many", DynamicSupervisor, many, ChildSpec("child", Worker))
    top = await start_supervisor(MANY, [ChildSpec(CRASH_LOG, CrashLog, name=CRASH_LOG), children])
    for _ in range(KEPT + 5):
        await end(await start_child((await pids(top))["many"]), "boom")
    kept = await crashes()
    assert [crash.number for crash in kept] == list(range(6, KEPT + 6))


async def test_without_a_log_there_are_no_crashes(box: Mailbox) -> None:
    assert await crashes() == ()

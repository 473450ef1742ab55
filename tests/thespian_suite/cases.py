"""The cases of Thespian's suite that run here, and their outcomes on its simpleSystemBase (thespian 4.0.1)."""

from pathlib import Path

REFERENCE = Path(__file__).with_name("reference.txt")
"""A line a case: its outcome on simpleSystemBase, and its id. `python -m tests.thespian_suite --reference` makes it."""

CODE_FROM_MESSAGES = "test_sourceLoading.py"
"""Refused: whoever may send a message could run any code. tests/actors/test_actor_process.py states the refusal."""

NOT_BY_NATURE = {
    "test_troupe.py::testLoadableHive[simpleSystemBase]": "loads its actors from a message",
    "test_troupe.py::testLoadableColony[simpleSystemBase]": "loads its actors from a message",
    "test_threadedExternal.py::TestFuncThreadedExternal::test_multiple_threads_private_context_ask"
    "[simpleSystemBase-100]": "asks 100 actors in step, that block for up to 70 ms each: 7 s, with a timeout of 5 s",
}

BEYOND = [
    "test_actorFailures.py::TestFuncActorFailures::test08_DeepActorInvoluntaryTermination[simpleSystemBase]",
    "test_actorFailures.py::TestFuncActorFailures::test_abrupt_child_exit[simpleSystemBase]",
    "test_runcommand.py::TestRunCommand::testCommandAbort[simpleSystemBase]",
    "test_threadedExternal.py::TestFuncThreadedExternal::test_one_thread_private_context[simpleSystemBase]",
    *(
        f"test_threadedExternal.py::TestFuncThreadedExternal::test_multiple_threads_private_context[simpleSystemBase-{n}]"
        for n in (1, 2, 5, 10)
    ),
]
"""Skipped on simpleSystemBase, which can't do what they ask for. Here they run, and pass."""

QUICK = [
    "test_actorAdder.py",
    "test_actorAddressPassing.py",
    "test_actorFailures.py",
    "test_actorSystemRestart.py",
    "test_actors.py",
    "test_badmessage.py",
    "test_bigmessages.py",
    "test_commonCapabilities.py",
    "test_createActor.py",
    "test_deadLettering.py",
    "test_generators.py",
    "test_globalName.py",
    "test_initmsgs.py",
    "test_load.py",
    "test_poisonMessage.py",
    "test_simpleActor.py",
    "test_stats.py",
    "test_systemMessages.py",
    "test_transient.py",
]
"""The modules that `make test` runs: those of Thespian's ideas that don't sleep for long."""

SLEEPY = [["test_actorFailures.py"], ["test_deadLettering.py"]]
"""Those of QUICK that sleep for most of its time: 17 and 11 of 43 s. They run beside the others."""


def expected() -> dict[str, str]:
    """Return the outcomes by id: those on simpleSystemBase, and PASSED for cases that only our base can run."""
    lines = (line.split(" ", 1) for line in REFERENCE.read_text().splitlines())
    return {
        case: "passed" if case in BEYOND else outcome
        for outcome, case in lines
        if not case.startswith(CODE_FROM_MESSAGES) and case not in NOT_BY_NATURE
    }

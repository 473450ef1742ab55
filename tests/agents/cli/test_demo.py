"""`understudy demo` as a newcomer runs it."""

from pathlib import Path

from tests.agents.cli.forked import understudy
from tests.agents.cli.terminal import environment, interrupt, living_with, read_until, started


def marked(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a mark, which all OS processes of the demo inherit, workers too."""
    return environment(TMPDIR=str(tmp_path))


def left(tmp_path: Path) -> list[str]:
    """Return the OS processes that still live, and the files that still exist."""
    return [*living_with(str(tmp_path)), *map(str, tmp_path.iterdir())]


async def test_a_worker_is_killed_and_restarted_and_the_answer_still_arrives(tmp_path: Path) -> None:
    code, out, err = await understudy("demo", env=marked(tmp_path))
    assert (code, err) == (0, "")
    story = [
        "The model is a rehearsal",
        "-> search_archive",
        "which gets SIGKILL",
        "process_crashed label=ToolWorker",
        "child_restarted child=worker",
        "(attempt 2) in 1947 an understudy went on",
        "The show goes on. Ada Byron is ill",
        "that leaves 425.",
        "says the archive: in 1947",
        "first token",
        "The model was a rehearsal",
        "OPENAI_API_KEY=",
    ]
    places = [out.find(piece) for piece in story]
    assert -1 not in places, story[places.index(-1)]
    assert places == sorted(places)
    assert left(tmp_path) == []


async def test_nothing_is_left_when_it_is_interrupted(tmp_path: Path) -> None:
    async with started("demo", env=marked(tmp_path)) as process:
        await read_until(process.stdout, "which gets SIGKILL")
        assert living_with(str(tmp_path))
        interrupt(process)
        await process.communicate()
    assert process.returncode == 130
    assert left(tmp_path) == []


async def test_nothing_is_left_when_it_is_ended_before_its_turn(tmp_path: Path) -> None:
    async with started("demo", env=marked(tmp_path)) as process:
        await read_until(process.stdout, "understudy demo")
        process.terminate()
        await process.communicate()
    assert process.returncode == 143
    assert left(tmp_path) == []

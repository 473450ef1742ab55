"""Run Thespian's own suite, which is in its wheel, on our base.

python -m tests.thespian_suite               every case, compared with reference.txt (make test-thespian)
python -m tests.thespian_suite MODULE...     the cases of these modules
python -m tests.thespian_suite --reference   every case on Thespian's simpleSystemBase: writes reference.txt again
"""

import os
import sys
from pathlib import Path

import pytest
import thespian.test

from tests.thespian_suite.cases import CODE_FROM_MESSAGES, NOT_BY_NATURE, REFERENCE, expected
from tests.thespian_suite.comparison import Comparison, Outcomes

SUITE = Path(thespian.test.__file__).parent
CASE_S = 120

OPTIONS = [
    *("-c", os.devnull),  # Thespian's suite has no configuration, and ours is not for it
    *("--rootdir", str(SUITE)),
    *("-k", "simpleSystemBase"),
    *("-p", "no:cacheprovider", "-p", "no:asyncio"),
    *("--timeout", str(CASE_S), "--durations", "5"),
    "-q",
]


def main(arguments: list[str]) -> int:
    if arguments == ["--reference"]:
        return measure()
    modules = sorted(path.name for path in SUITE.glob("test_*.py"))
    if not set(arguments) <= set(modules):
        sys.exit(__doc__)
    return compare([module for module in arguments or modules if module != CODE_FROM_MESSAGES])


def compare(modules: list[str]) -> int:
    os.environ.pop("PYTHONUNBUFFERED", None)  # testCommandAbort kills a child before it has written
    outcomes = {case: outcome for case, outcome in expected().items() if case.partition("::")[0] in modules}
    left_out = [option for case in NOT_BY_NATURE for option in ("--deselect", case)]
    paths = [str(SUITE / module) for module in modules]
    return pytest.main([*OPTIONS, *left_out, *paths], plugins=[Comparison(outcomes)])


def measure() -> int:
    outcomes = Outcomes()
    code = pytest.main([*OPTIONS, str(SUITE)], plugins=[outcomes])
    REFERENCE.write_text("".join(f"{outcome} {case}\n" for case, outcome in sorted(outcomes.of.items())))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

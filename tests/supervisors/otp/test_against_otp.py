"""Our supervisors and OTP's carry out the same scripts with the same transcripts. `make test-otp`: needs an Erlang."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.supervisors.otp.erlang import Oracle, oracle
from tests.supervisors.otp.generated import STRATEGIES, scripts
from tests.supervisors.otp.ours import transcript
from tests.supervisors.otp.recorded import Recorded, recorded
from tests.supervisors.otp.script import Strategy, comparable

SCRIPTS = int(os.environ.get("OTP_SCRIPTS", "1000"))

pytestmark = [pytest.mark.otp, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def otp() -> Iterator[Oracle]:
    with oracle() as erl:
        yield erl
        print(f"\n{erl.scripts} scripts carried out by {erl.release}")  # noqa: T201


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=SCRIPTS // len(STRATEGIES), suppress_health_check=list(HealthCheck), print_blob=True)
@given(data=st.data())
def test_a_script_has_otps_transcript(otp: Oracle, strategy: Strategy, data: st.DataObject) -> None:
    script = data.draw(scripts(strategy))
    assert comparable(script, transcript(script)) == comparable(script, otp.transcript(script))


@pytest.mark.parametrize("record", recorded())
def test_a_recorded_transcript_is_what_otp_still_does(otp: Oracle, record: Recorded) -> None:
    assert comparable(record.script, otp.transcript(record.script)) == record.transcript

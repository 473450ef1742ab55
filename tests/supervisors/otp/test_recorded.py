"""Our supervisors do with a script what OTP did. No Erlang is needed."""

import pytest

from tests.supervisors.otp.ours import transcript
from tests.supervisors.otp.recorded import Recorded, recorded
from tests.supervisors.otp.script import comparable


@pytest.mark.parametrize("record", [pytest.param(record, id=record.law) for record in recorded()])
def test_a_recorded_script_has_otps_transcript(record: Recorded) -> None:
    assert comparable(record.script, transcript(record.script)) == record.transcript

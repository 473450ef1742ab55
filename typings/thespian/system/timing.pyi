# The part of thespian.system.timing that actors/ builds on.

from datetime import timedelta

def timePeriodSeconds(basis: timedelta | float) -> float: ...

class ExpirationTimer:
    duration: timedelta | float | None
    def __init__(self, duration: timedelta | float | None = None) -> None: ...

"""Metrics, and what sends metrics and traces to a collector. docs/observability.md

instruments.py   the table of instruments, which /metrics and OpenTelemetry share
measurements.py  the numbers of ended turns and crashed children, given to the instruments
meter.py         the process that gets these numbers
providers.py     OpenTelemetry's SDK, set up where the program has not done it
exported.py      the instruments of OpenTelemetry, and the process that has them
"""

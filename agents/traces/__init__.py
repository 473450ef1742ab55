"""Traces by OpenTelemetry: the spans of turns, model calls and tool calls, and their context on its way elsewhere.

carrier.py      the context of a trace as headers: read here, set there
calls.py        a model call in figures, and the words of its request
span.py         the spans, which record nothing while telemetry is off
recorded.py     the spans that OpenTelemetry records
attributes.py   the names that OpenTelemetry's conventions for GenAI give to attributes
content.py      messages in the form of these conventions

Only recorded.py loads OpenTelemetry. The metrics, and what sends everything to a collector, are in agents/telemetry/.
"""

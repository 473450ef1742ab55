"""The rehearsal server: an OpenAI-compatible HTTP server that plays scripts, for demos and tests.

It imports nothing else of this project, so that an agent and its rehearsal can't share a mistake.
"""

from agents.rehearsal.errors import ScriptError
from agents.rehearsal.loader import builtin, load, parse
from agents.rehearsal.script import Script
from agents.rehearsal.server import Endpoint, RehearsalServer, serve

__all__ = ["Endpoint", "RehearsalServer", "Script", "ScriptError", "builtin", "load", "parse", "serve"]

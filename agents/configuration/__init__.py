"""The configuration: config/sys.config, the environment and flags, made into checked Settings.

    loaded = load(Path("config/sys.config"), os.environ, {"gateway.port": "9000"})      # raises InvalidConfiguration
    loaded.settings.gateway.port

Defaults, then the file, then UNDERSTUDY_..., then flags: each overrides what comes before it.
"""

from agents.configuration.faults import InvalidConfiguration
from agents.configuration.loading import Loaded, found, load
from agents.configuration.unknown_agents import unknown_agents
from agents.core.faults import Fault

__all__ = ["Fault", "InvalidConfiguration", "Loaded", "found", "load", "unknown_agents"]

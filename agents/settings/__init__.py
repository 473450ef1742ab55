"""The settings of the application and of its agents. Every field is a key of config/sys.config.

agent.py: the keys of one agent. application.py, gateway.py: the sections of the file. applies.py: the effect of a
reload. tokens.py: the gateway's users. clients.py: the limits of these users. values.py: the kinds of values, with
units.
"""

from agents.settings.application import (
    DEFAULT_MODEL,
    AgentRestartLimits,
    DaemonSettings,
    LogSettings,
    ModelPrice,
    NamedProvider,
    ProviderSettings,
    RestartLimits,
    Settings,
    StreamingSettings,
    SupervisionSettings,
    ToolSettings,
)
from agents.settings.applies import Applies
from agents.settings.clients import ClientLimits
from agents.settings.gateway import GatewaySettings
from agents.settings.kept_sessions import Durability, OnRestart, RetentionSettings, SessionSettings
from agents.settings.mcp import Grant, McpOAuth, McpServer
from agents.settings.parts import MediaType, PartKind, PartSettings
from agents.settings.schedules import ScheduleSettings, SchedulingSettings
from agents.settings.sub_agents import SubAgentSettings
from agents.settings.telemetry import TelemetrySettings
from agents.settings.tokens import Scope, TokenSettings
from agents.settings.values import GarbageCollection, LogFormat
from agents.settings.webhooks import WebhookEvent, WebhookSettings

__all__ = [
    "DEFAULT_MODEL",
    "AgentRestartLimits",
    "Applies",
    "ClientLimits",
    "DaemonSettings",
    "Durability",
    "GarbageCollection",
    "GatewaySettings",
    "Grant",
    "LogFormat",
    "LogSettings",
    "McpOAuth",
    "McpServer",
    "MediaType",
    "ModelPrice",
    "NamedProvider",
    "OnRestart",
    "PartKind",
    "PartSettings",
    "ProviderSettings",
    "RestartLimits",
    "RetentionSettings",
    "ScheduleSettings",
    "SchedulingSettings",
    "Scope",
    "SessionSettings",
    "Settings",
    "StreamingSettings",
    "SubAgentSettings",
    "SupervisionSettings",
    "TelemetrySettings",
    "TokenSettings",
    "ToolSettings",
    "WebhookEvent",
    "WebhookSettings",
]

"""Supervisors and restart policy. This package imports actors only.

supervisor.py and dynamic_supervisor.py hold the two kinds. Each has its own start_child; the one exported here is for a
Supervisor, and dynamic_supervisor.start_child is for a DynamicSupervisor.
"""

from supervisors.api import (
    code_change,
    count_children,
    delete_child,
    get_callback_module,
    get_childspec,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)
from supervisors.child_spec import BRUTAL_KILL, INFINITY, ChildSpec, ChildType, RestartType, check_childspecs
from supervisors.children import RESTARTING, ChildInfo, Counts
from supervisors.dynamic_supervisor import DynamicSupervisor, start_dynamic_supervisor
from supervisors.errors import (
    AlreadyPresent,
    AlreadyStarted,
    Invalid,
    InvalidChildSpec,
    InvalidFlags,
    InvalidTree,
    MaxChildren,
    NotFound,
    Restarting,
    Running,
    SupervisorError,
    WrongSupervisor,
)
from supervisors.flags import AutoShutdown, DynamicFlags, Flags, Strategy
from supervisors.root_cause import root_cause
from supervisors.supervisor import FailedToStartChild, Supervisor, start_supervisor
from supervisors.tree import Node, tree

__all__ = [
    "BRUTAL_KILL",
    "INFINITY",
    "RESTARTING",
    "AlreadyPresent",
    "AlreadyStarted",
    "AutoShutdown",
    "ChildInfo",
    "ChildSpec",
    "ChildType",
    "Counts",
    "DynamicFlags",
    "DynamicSupervisor",
    "FailedToStartChild",
    "Flags",
    "Invalid",
    "InvalidChildSpec",
    "InvalidFlags",
    "InvalidTree",
    "MaxChildren",
    "Node",
    "NotFound",
    "RestartType",
    "Restarting",
    "Running",
    "Strategy",
    "Supervisor",
    "SupervisorError",
    "WrongSupervisor",
    "check_childspecs",
    "code_change",
    "count_children",
    "delete_child",
    "get_callback_module",
    "get_childspec",
    "restart_child",
    "root_cause",
    "start_child",
    "start_dynamic_supervisor",
    "start_supervisor",
    "terminate_child",
    "tree",
    "which_children",
]

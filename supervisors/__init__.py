"""Restart policy and supervisors. Knows actors only."""

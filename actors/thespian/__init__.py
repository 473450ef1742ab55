"""Thespian's actors on our processes: their reference, creation, capabilities, wakeups and status answers."""

"""Schedules in the store: their definitions, and the history of their runs.

records.py: the values. definitions.py, runs.py: the statements, each within a transaction of the caller. book.py: the
store, or a database in memory.
"""

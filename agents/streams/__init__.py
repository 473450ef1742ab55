"""Streams: their events and subscribers, their storage, the process of a turn, and the report of their end."""

"""Streams: their events and subscribers, those that are kept, and what is told of their end."""

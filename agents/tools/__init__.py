"""Tools: typed functions that a model may call, and the OS processes that run them.

This package imports nothing, so a worker process loads only what its tool needs.
"""

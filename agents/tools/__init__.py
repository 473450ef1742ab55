"""Tools: typed functions that a model may call, and the OS processes that run them.

This package imports nothing: a worker process loads only what the tool that it runs needs.
"""

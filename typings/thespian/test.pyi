# Thespian's own suite: tests/thespian_suite asks only where it lies.

__file__: str

"""Internal: Thespian's system base, and the processes that run plain Thespian actors."""

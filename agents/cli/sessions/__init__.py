"""`understudy sessions`: the kept conversations of agents."""

"""`understudy sessions`: what is kept of the agents' conversations."""

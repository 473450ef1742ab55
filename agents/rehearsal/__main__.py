"""`python -m agents.rehearsal`: the rehearsal server as an OS process of its own."""

from agents.rehearsal.command import rehearse

if __name__ == "__main__":
    rehearse(prog_name="python -m agents.rehearsal")

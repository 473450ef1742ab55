"""`python -m agents.rehearsal`: the rehearsal server in its own OS process."""

from agents.rehearsal.command import rehearse

if __name__ == "__main__":
    rehearse(prog_name="python -m agents.rehearsal")

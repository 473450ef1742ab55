"""The daemon: the application and its gateway as one long-running program. docs/daemon.md is its manual.

state_dir.py    the folder that is its own: token, lock, address, sessions
lock.py         one daemon a folder
notify.py       what systemd is told
door.py         which of the two orders it is in: open, or draining
drain.py        turns that run get time to end
meter.py        figures of turns, counted at their ends
scrape.py       all figures, as /metrics shows them
host.py         what its routes ask of it: ready, metrics, reload
serve.py        its life, from the lock to the exit code
"""

"""The daemon: the application and its gateway as one long-running program. docs/daemon.md is its manual.

state_dir.py       the daemon's folder: token, lock, address, sessions
lock.py            the lock that permits one daemon per folder
listen_address.py  the check of the port, and the daemon's URL
notify.py          messages to systemd
drain.py           the end of running turns
meter.py           metrics of turns and of crashes, counted as they happen
snapshot.py        the state of the system as numbers
scrape.py          the text of /metrics
host.py            the daemon as its gateway sees it: ready, metrics, reload
reload.py          new settings for a running system
checks.py          the checks of `understudy doctor`
life.py            start, run, drain, end
serve.py           the program, from the lock to the exit code
"""

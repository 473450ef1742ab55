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
settings.py        the settings, with the daemon's own default
store_check.py     the check of the store, before the start and while the daemon runs
checks.py          the checks of `understudy doctor`
provider_check.py  the check of the providers
finding.py         what a check finds
life.py            start, run, drain, end
outside.py         the programs around the daemon: its user, commands and systemd
crew/              several nodes on one port, under a parent
serve.py           the program, from the lock to the exit code
"""

"""Record: a proxy to a real provider that writes what it sees as a script.

proxy.py passes requests on. answer.py reads answers while they pass. steps.py makes them steps of a script, without the
personal data that cleaning.py finds. toml.py writes the script.
"""

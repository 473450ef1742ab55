"""Backups of a store in SQLite: one file, made while a daemon writes the store, and restored into an empty place.

archive.py      the file: a tar archive of the database, the parts, and a manifest
taking.py       make it
restoring.py    check it, migrate it, and put it in its place

A store in PostgreSQL has the server's own tools.
"""

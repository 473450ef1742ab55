"""What keeps the daemon from starting: then nothing of it runs.

CannotStart     one line that says what is in the way
└── Taken       by another daemon, or by another program: the folder, the port or the store
"""


class CannotStart(Exception):
    pass


class Taken(CannotStart):
    pass

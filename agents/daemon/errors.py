"""What keeps the daemon from starting, or ends it: then nothing of it runs. One line each.

CannotStart     what is in the way
└── Taken       by another daemon, or by another program: the folder, the port or the store

GaveUp          its application has ended: what fell, fell again and again
"""


class CannotStart(Exception):
    pass


class Taken(CannotStart):
    pass


class GaveUp(Exception):
    pass

"""Cheap checks of a request, made before any other work: Host, Origin, token, body and scope."""

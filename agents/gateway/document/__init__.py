"""The gateway's OpenAPI document. It is complete: each route, each status, each media type, each shape.

shapes.py       a type as a schema
responses.py    the answers of a route, stated at the route
described.py    the document: the routes' own statements, and what holds for all of them
"""

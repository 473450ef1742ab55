"""The gateway's OpenAPI document. It is complete: each route, each status, each media type, each shape.

shapes.py       a type as a schema
responses.py    what a route answers, said where the route stands
described.py    the document: what the routes say, and what holds for all of them
"""

"""The gateway's OpenAPI document. It has every route, status, media type and shape.

shapes.py       a type as a schema
responses.py    the answers of a route, stated at the route
described.py    the document: the answers of each route, and the refusals that all routes share
page.py         the document as a page for people
"""

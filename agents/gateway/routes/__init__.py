"""The routes, one file per kind of resource. permission.py, reply.py and request_body.py are what the routes share."""

"""What the gateway and its clients say to each other: the shapes of answers and of events, as structs without I/O.

Each shape is in the OpenAPI document by the name of its class.
"""

"""The contract between the gateway and its clients: the shapes of answers and of events, as structs without I/O.

The OpenAPI document has each shape by the name of its class.
"""

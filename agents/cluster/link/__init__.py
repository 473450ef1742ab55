"""Links between the nodes of a cluster: one WebSocket a pair, with requests and events of many sessions.

wire.py: the messages. outbox.py: messages become frames. handshake.py: both ends prove that they have the secret.
credit.py, feed.py: events on their way. link.py: an open link. connection.py: its process. address.py: safe addresses.
opening.py: opens a link. server.py: the listener. counts.py: for metrics.

A link repairs no loss: a request is sent at most once, and a follower continues from its seq on another link.
"""

"""Webhooks: messages to other programs when a turn needs a person, or has ended. Signed by Standard Webhooks.

announcer.py    the messages that an event of a stream makes
signature.py    the signed headers of a message
sender.py       the process that sends the messages, and repeats the failed ones

A message goes into the store with the event that it is about, in one transaction. So no crash loses it.
"""

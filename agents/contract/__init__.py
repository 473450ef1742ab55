"""The contract between the gateway and its clients: the shapes of answers and of events, as structs without I/O.

events.py and wire.py: events. messages.py: the events of the interface that names messages. answers.py, sessions.py:
JSON answers. stored.py: answers made of the store's records. tagged.py: structs made of a table. chat_completions.py,
openai_responses.py: OpenAI's API. ag_ui.py, ui_messages.py: the protocols of front ends.

The OpenAPI document has each shape under the name of its class.
"""

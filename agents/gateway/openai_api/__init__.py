"""OpenAI's API for agents: a configured agent is a model.

models.py           the agents that a caller can use
chat_body.py        the body of a request to /v1/chat/completions
messages.py         its messages as a conversation
options.py          its options for the API of the agent's model
tools.py            its tools, which the client runs
whole.py            a turn that is read to its end
chat_answer.py      the whole answer
chat_chunks.py      the answer as a stream
one_turn.py         a turn of an agent that ends with it
usage.py            the usage in OpenAI's forms
responses_*.py      the body, the input, the answer and the events of /v1/responses
kept_turn.py        a turn of a session
stored_response.py  the response of an earlier request
refusals.py         errors in OpenAI's form
"""

"""Names that the packages do not have."""

import agents
import supervisors
from actors import GenServr  # wrong: no such name
from agents import StreamFaild  # wrong: no such name
from agents.settings import Setings  # wrong: no such name

print(agents.chat)  # wrong: it is agents.agent.chat
print(supervisors.start_agent)  # wrong: it is agents.start_agent
print(agents.agent.chatt)  # wrong: no such function
print(GenServr, StreamFaild, Setings)

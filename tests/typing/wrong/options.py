"""Options of an agent with a mistake."""

from agents import AgentOptions, agent_registry, start_agent


async def main() -> None:
    await start_agent(modle="echo")  # wrong: no such key
    await start_agent({"modle": "echo"})  # wrong: no such key
    await start_agent(**{"modle": "echo"})  # wrong: no such key
    await start_agent(max_queue="3")  # wrong: not a number
    await start_agent(when_busy="stear")  # wrong: no such word
    await start_agent(api_preference="completions")  # wrong: no such API
    await start_agent(limits={"costs": 1.0})  # wrong: no such limit
    await start_agent(fallbacks=[{"modle": "echo"}])  # wrong: no such key
    await start_agent(streaming_config={"retries": 1})  # wrong: no such key
    await start_agent(tools="calculator")  # wrong: not a list
    await start_agent("gpt-4o")  # wrong: not a dict
    options: AgentOptions = {"modle": "echo"}  # wrong: no such key
    await start_agent(**options)
    print(agent_registry.find_agent("ada").process)  # wrong: it may be None

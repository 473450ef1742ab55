"""All providers in use: read their breakers, or change their policy."""

from contextlib import suppress
from typing import Any

from actors import CallFailed, Pid, call
from agents.llm.breaker import Breaker
from agents.llm.provider import LLM_SUPERVISOR, ChangePolicy, GetBreaker, ProviderPolicy
from supervisors.dynamic_supervisor import which_children


async def breakers() -> list[tuple[str, Breaker]]:
    """Return the address and the breaker of each provider in use.

    An address occurs once per key in use.
    """
    return await _answers(GetBreaker())


async def change_policy(policy: ProviderPolicy) -> None:
    """Change the policy of the providers in use. Later ones get theirs from the supervisor's arguments."""
    await _answers(ChangePolicy(policy))


async def _answers(request: GetBreaker | ChangePolicy) -> list[Any]:
    """Return the answer of each provider in use."""
    answers: list[Any] = []
    for child in await which_children(LLM_SUPERVISOR):
        if isinstance(child.pid, Pid):
            with suppress(CallFailed):  # the provider ended meanwhile
                answers.append(await call(child.pid, request))
    return answers

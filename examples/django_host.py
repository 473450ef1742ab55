"""A Django program with an agent: a view is blocking code in any thread, and the agents have a thread of their own."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from secrets import token_hex
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.urls import path

from actors import AsyncioSystemBase, Pid
from agents import StreamToken, agent, agent_registry, application
from agents.rehearsal import RehearsalServer, builtin
from supervisors.agent_supervisor import start_agent

base = AsyncioSystemBase()  # any thread may use it; its own thread starts at the first use


async def helper() -> Pid:
    if (pid := agent_registry.find_agent("helper")) is None:
        raise LookupError("the agent is being restarted")
    return pid


def answer(request: HttpRequest) -> JsonResponse:
    response = base.run(agent.chat(base.run(helper()), request.GET["text"]))
    return JsonResponse({"answer": response.content})


def tokens(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(said(base.run(helper()), request.GET["text"]), content_type="text/plain")


def said(pid: Pid, text: str) -> Iterator[str]:
    for event in base.iterate(agent.stream(pid, text)):
        if isinstance(event, StreamToken):
            yield event.token


urlpatterns = [path("answer", answer), path("tokens", tokens)]


class Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def main(port: int = 8000) -> None:
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY=token_hex())
    with RehearsalServer(builtin()) as server, base:
        base.run(application.start())
        base.run(start_agent({"id": "helper", "model": "echo", **server.endpoint}))
        wsgi = make_server("127.0.0.1", port, get_wsgi_application(), Threads)
        print(f"http://127.0.0.1:{wsgi.server_port}/answer?text=Hello", flush=True)
        with wsgi, suppress(KeyboardInterrupt):
            wsgi.serve_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

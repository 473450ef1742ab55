// Everything, by the types that are generated from the document and openapi-fetch: node drive.js URL TOKEN
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Schemas = components["schemas"];
type StreamEvent = Schemas["TokenEvent"] | Schemas["ApprovalRequiredEvent"] | Schemas["FailedEvent"] | Schemas["CompleteEvent"];

const [url, token] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

function got<T>(answer: { data?: T; error?: unknown; response: Response }): T {
    assert.ok(answer.response.ok && answer.data !== undefined, JSON.stringify(answer.error));
    return answer.data;
}

async function* blocks(stream: unknown): AsyncGenerator<Map<string, string>> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        const whole = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
        rest = whole.pop() ?? "";
        for (const block of whole) {
            const lines = block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]);
            yield new Map(lines);
        }
    }
}

async function* events(stream: unknown): AsyncGenerator<StreamEvent> {
    for await (const fields of blocks(stream)) {
        const data = JSON.parse(fields.get("data") ?? "null") as unknown;
        yield { event: fields.get("event"), id: Number(fields.get("id")), data } as StreamEvent;
    }
}

async function chats(): Promise<void> {
    const info = got(await client.POST("/agents", { body: { id: "ada", model: "echo" } }));
    assert.equal(info.model, "echo");
    assert.ok(got(await client.GET("/agents")).agents.some((each) => each.id === "ada"));
    const path = { agent_id: "ada" };
    const answer = got(await client.POST("/agents/{agent_id}/chat", { params: { path }, body: { message: "one two" } }));
    assert.equal(answer.response.content, "one two");
    const stream = { stream_id: answer.stream_id };
    const shown = got(await client.GET("/streams/{stream_id}", { params: { path: stream } }));
    assert.deepEqual([shown.agent_id, shown.status], ["ada", "complete"]);
    const over = { path: stream, query: { after: shown.seq } };
    assert.equal((await client.GET("/streams/{stream_id}/events", { params: over, parseAs: "text" })).response.status, 204);
    const again = { path: stream, header: { "last-event-id": 1 } };
    const text = got(await client.GET("/streams/{stream_id}/events", { params: again, parseAs: "text" }));
    assert.match(text, /event: complete/);
    assert.equal(got(await client.GET("/agents/{agent_id}", { params: { path } })).streams.length, 1);
    const nobody = await client.GET("/agents/{agent_id}", { params: { path: { agent_id: "nobody" } } });
    assert.equal(nobody.error?.error.type, "agent_not_found");
}

async function readsAndCancels(): Promise<void> {
    got(await client.POST("/agents", { body: { id: "slow", model: "slow" } }));
    const asked = await client.POST("/agents/{agent_id}/stream", {
        params: { path: { agent_id: "slow" }, query: { error_event: "failed" } },
        body: { message: "go", stream_id: "s1" },
        parseAs: "stream",
    });
    assert.equal(asked.response.headers.get("x-stream-id"), "s1");
    const params = { path: { stream_id: "s1" } };
    let said = "";
    let left: string | undefined;
    for await (const event of events(got(asked))) {
        if (event.event === "token") said += event.data.text;
        if (event.event === "failed") left = event.data.content;
        if (event.id === 3) {
            assert.ok(got(await client.POST("/streams/{stream_id}/steer", { params, body: { message: "faster" } })).steered);
            assert.ok(got(await client.POST("/streams/{stream_id}/cancel", { params })).cancelled);
        }
    }
    assert.equal(left, said);
    assert.ok(!got(await client.POST("/streams/{stream_id}/cancel", { params })).cancelled);
}

async function decides(): Promise<void> {
    for (const [stream_id, said] of [["b1", "paid 500"], ["b2", "error: denied: too dear"]] as const) {
        const asked = await client.POST("/agents/{agent_id}/stream", {
            params: { path: { agent_id: "buyer" } },
            body: { message: "buy", stream_id },
            parseAs: "stream",
        });
        const params = { path: { stream_id } };
        for await (const event of events(got(asked))) {
            if (event.event === "approval_required") {
                const call_id = event.data.tool_call.id;
                const decided = stream_id === "b1"
                    ? await client.POST("/streams/{stream_id}/approve", { params, body: { call_id } })
                    : await client.POST("/streams/{stream_id}/deny", { params, body: { call_id, reason: "too dear" } });
                assert.equal(got(decided).call_id, call_id);
            }
            if (event.event === "complete") assert.equal(event.data.answer, said);
        }
    }
}

async function namesMessages(): Promise<void> {
    const params = { path: { mid: "m1" } };
    assert.equal(got(await client.POST("/message/stream/{mid}/create", { params })).assistant_message_id, "m1");
    assert.equal((await client.POST("/message/stream/{mid}/create", { params })).response.status, 409);
    const body = { query: "go", session_id: "slow", assistant_message_id: "m1" };
    let last = "";
    for await (const fields of blocks(got(await client.POST("/api/agent/chat/stream", { body, parseAs: "stream" })))) {
        const message = JSON.parse(fields.get("data") ?? "null") as Schemas["StreamChunkMessage"] | Schemas["InterruptedMessage"];
        last = message.type;
        if (message.type === "stream_chunk" && message.metadata.index === 1) {
            assert.ok(got(await client.POST("/message/stream/{mid}/interrupt", { params })).interrupted);
        }
    }
    assert.equal(last, "interrupted");
}

async function keepsSessions(): Promise<void> {
    const params = { path: { session_id: "ada" } };
    assert.ok(got(await client.GET("/sessions")).sessions.some((each) => each.id === "ada"));
    const session = got(await client.GET("/sessions/{session_id}", { params }));
    assert.deepEqual(session.conversation.map((each) => each.role), ["user", "assistant"]);
    assert.equal(got(await client.PATCH("/sessions/{session_id}", { params, body: { title: "First" } })).title, "First");
    const exported = got(await client.GET("/sessions/{session_id}/export", { params, parseAs: "text" }));
    assert.match(exported, /^{"type":"session"/);
    const fork = got(await client.POST("/sessions/{session_id}/fork", { params, body: { id: "fork" } }));
    assert.equal(fork.message_count, 2);
    assert.ok(got(await client.DELETE("/sessions/{session_id}", { params: { path: { session_id: "fork" } } })).deleted);
    assert.ok(got(await client.DELETE("/agents/{agent_id}", { params: { path: { agent_id: "ada" } } })).stopped);
}

async function looks(): Promise<void> {
    assert.equal(got(await client.GET("/healthz")).status, "ok");
    assert.equal(got(await client.GET("/readyz")).status, "ready");
    assert.ok(got(await client.GET("/tree")).children.length > 0);
    assert.ok(got(await client.GET("/processes", { params: { query: { count: 3 } } })).system.processes > 3);
    assert.ok(got(await client.GET("/config")).gateway.heartbeat > 0);
    assert.ok("paths" in got(await client.GET("/openapi.json")));
    assert.match(got(await client.GET("/docs", { parseAs: "text" })), /<h1>/);
    assert.ok((await client.GET("/metrics", { parseAs: "text" })).response.ok);
    got(await client.POST("/reload"));
    assert.ok(got(await client.POST("/stop")).stopping);
}

for (const does of [chats, readsAndCancels, decides, namesMessages, keepsSessions, looks]) {
    await does();
    console.log(does.name);
}

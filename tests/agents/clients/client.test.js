// client.js in node: node --test client.test.js, with GATEWAY, BROKEN (a proxy that cuts connections) and TOKEN.
import assert from "node:assert/strict";
import { test } from "node:test";

const pages = new URL("../../../agents/gateway/pages/", import.meta.url);
const { ChatStreamService, Client, Refused, SseDecoder, Unreachable, createStreamingMessage, interruptMessage, sse } =
    await import(new URL("client.js", pages));
const { Turn } = await import(new URL("turn.js", pages));
const { inline } = await import(new URL("inline.js", pages));
const { blocks } = await import(new URL("blocks.js", pages));

const { GATEWAY, BROKEN, TOKEN } = process.env;
const client = new Client({ url: GATEWAY, token: TOKEN });

async function collected(events) {
    const found = [];
    for await (const event of events) found.push(event);
    return found;
}

function textOf(events) {
    return events.filter((each) => each.type === "token").map((each) => each.data.text).join("");
}

function decoded(pieces) {
    const decoder = new SseDecoder();
    return pieces.flatMap((piece) => decoder.feed(piece));
}

const SOURCE = "\uFEFF: comment\r\nid: 1\r\nevent: token\r\ndata: {\"text\":\"gr\u00FCn \u{1F422}\"}\r\n\r\n:\n\n"
    + "data\n\ndata: a\ndata:b\rdata:  c\r\rid: 2\nretry: 9\nevent\ndata: x: y\n\nid: \0\ndata: z\r\n\r\nevent: alone\n\ndata: cut";
const EVENTS = [
    { event: "token", data: "{\"text\":\"gr\u00FCn \u{1F422}\"}", id: "1" },
    { event: "message", data: "", id: null },
    { event: "message", data: "a\nb\n c", id: null },
    { event: "message", data: "x: y", id: "2" },
    { event: "message", data: "z", id: null },
];

test("any split of the bytes gives the same events", async () => {
    const bytes = new TextEncoder().encode(SOURCE);
    assert.deepEqual(decoded([bytes]), EVENTS);
    for (let at = 0; at <= bytes.length; at += 1) {
        for (const width of [0, 1, 2]) {
            const pieces = [bytes.subarray(0, at), bytes.subarray(at, at + width), bytes.subarray(at + width)];
            assert.deepEqual(decoded(pieces), EVENTS, `split at ${at}, ${width}`);
        }
    }
    assert.deepEqual(decoded([...bytes].map((byte) => Uint8Array.of(byte))), EVENTS);
    assert.deepEqual(await collected(sse(new Blob([bytes]).stream())), EVENTS);
});

test("a silent connection is unreachable", async () => {
    const silent = new ReadableStream({ pull: () => new Promise(() => {}) });
    await assert.rejects(collected(sse(silent, 10)), Unreachable);
});

test("a refusal has status, type and one clear line", async () => {
    await assert.rejects(client.agent("nobody"), (failed) => {
        assert.ok(failed instanceof Refused);
        assert.deepEqual([failed.status, failed.type], [404, "agent_not_found"]);
        return failed.message === "expected the id of an agent, got 'nobody'";
    });
    await assert.rejects(new Client({ url: GATEWAY, token: "wrong" }).agents(), { name: "Refused", status: 401 });
    await assert.rejects(new Client({ url: "http://127.0.0.1:9", token: TOKEN }).agents(), Unreachable);
});

test("agents and sessions are started, shown, renamed, forked and deleted", async () => {
    assert.equal((await client.startAgent({ id: "ada", model: "echo" })).model, "echo");
    assert.ok((await client.agents()).some((each) => each.id === "ada"));
    assert.equal((await client.chat("ada", "one two")).response.content, "one two");
    assert.equal((await client.agent("ada")).messages, 2);
    assert.equal((await client.renameSession("ada", "First")).title, "First");
    assert.equal((await client.sessions({ limit: 1 })).length, 1);
    assert.equal((await client.forkSession("ada", { id: "fork" })).message_count, 2);
    assert.ok((await client.deleteSession("fork")).deleted);
    assert.deepEqual((await client.session("ada")).conversation.map((each) => each.role), ["user", "assistant"]);
    assert.ok((await client.stopAgent("ada")).stopped);
});

test("a stream is read whole, and again from any place", async () => {
    await client.startAgent({ id: "eve", model: "echo" });
    const events = await collected(client.stream("eve", "one two three", { streamId: "e1" }));
    assert.deepEqual([events[0].type, events.at(-1).type, textOf(events)], ["start", "complete", "one two three"]);
    assert.deepEqual(events.map((each) => each.seq), events.map((_, place) => place + 1));
    assert.equal((await client.show("e1")).status, "complete");
    assert.equal((await collected(client.events("e1", { after: 2 }))).at(-1).type, "complete");
    assert.deepEqual(await collected(client.events("e1", { after: events.length })), []);
    assert.deepEqual(await collected(client.stream("eve", "again", { streamId: "e1" })).then(textOf), "one two three");
});

test("a connection that breaks loses no event and repeats none", async () => {
    const states = [];
    const broken = new Client({ url: BROKEN, token: TOKEN });
    const onState = (state) => states.push(state);
    await client.startAgent({ id: "counts", model: "counts" });
    const events = await collected(broken.stream("counts", "go", { streamId: "c1", onState }));
    assert.equal(textOf(events), Array.from({ length: 60 }, (_, number) => `w${number}`).join(" "));
    const seqs = events.map((each) => each.seq);
    assert.deepEqual(seqs, [...new Set(seqs)].sort((one, other) => one - other));
    assert.ok(states.filter((each) => each === "reconnecting").length >= 2, states.join());
});

test("a reader that leaves does not stop the turn, and cancel does", async () => {
    await client.startAgent({ id: "slow", model: "slow" });
    for await (const event of client.stream("slow", "go", { streamId: "s1" })) if (event.type === "token") break;
    assert.equal((await client.show("s1")).status, "running");
    const leaving = new AbortController();
    const reading = collected(client.events("s1", { signal: leaving.signal, onState: (state) => state === "open" && leaving.abort() }));
    await assert.rejects(reading, { name: "AbortError" });
    assert.ok(await client.steer("s1", "faster"));
    assert.ok(await client.abort("s1"));
    assert.ok(!await client.cancel("s1"));
    const turn = new Turn();
    for await (const event of client.events("s1")) turn.apply(event);
    assert.deepEqual([turn.status, turn.text], ["cancelled", "One two"]);
});

test("calls are approved as shown, denied, and approved with edited arguments", async () => {
    for (const [stream, word, text, said] of [
        ["b1", "approve", undefined, "paid 500"],
        ["b2", "deny", "too dear", "error: denied: too dear"],
        ["b3", "approve", '{"euros":5}', 'paid 5\n\nThe user changed the arguments of this call to: {"euros":5}'],
    ]) {
        const turn = new Turn();
        for await (const event of client.stream("buyer", "buy", { streamId: stream })) {
            turn.apply(event);
            if (event.type !== "approval_required") continue;
            const call = event.data.tool_call;
            await assert.rejects(client.approve(stream, call.id, "{}"), { status: 409 });
            if (word === "deny") await client.deny(stream, call.id, text);
            else await client.approve(stream, call.id, call.function.arguments, text);
        }
        assert.deepEqual([turn.text, turn.calls.length, turn.calls[0].approval], [said, 1, null]);
    }
});

test("the service functions reserve, stream and interrupt messages", async () => {
    await client.startAgent({ id: "named", model: "slow" });
    assert.equal((await createStreamingMessage(client, "m1")).assistant_message_id, "m1");
    await assert.rejects(createStreamingMessage(client, "m1"), { status: 409 });
    const service = new ChatStreamService(client);
    const events = [];
    let ends = 0;
    await service.sendMessage({ query: "go", session_id: "named", assistant_message_id: "m1" }, {
        onEvent: (event) => {
            events.push(event);
            if (event.content === " two") interruptMessage(client, "m1");
        },
        onComplete: () => { ends += 1; },
    });
    assert.deepEqual([events[0].type, events.at(-1), ends], ["session_start", { type: "interrupted", content: "One two" }, 1]);
    const errors = [];
    await service.sendMessage({ query: "go", session_id: "nobody" }, { onEvent: () => {}, onError: (failed) => errors.push(failed.status) });
    assert.deepEqual(errors, [404]);
    await service.sendMessage({ query: "go", session_id: "named" }, {
        onEvent: (event) => event.type === "stream_chunk" && service.abortStream(),
        onError: (failed) => errors.push(failed),
    });
    assert.equal(errors.length, 1);
});

test("a reset voids the current model call and keeps the earlier ones", () => {
    const turn = new Turn();
    const call = { id: "1", index: 0, function: { name: "clock", arguments: "" } };
    const result = { content: "noon", error: null, elapsed_s: 1, attempts: 2 };
    const void_ = { id: "2", index: 0, function: { name: "void", arguments: "" } };
    for (const [type, data] of [
        ["token", { text: "Let me see." }], ["function_start", call], ["function_arguments", { index: 0, delta: "{}" }],
        ["execution_start", {}], ["tool_start", { tool_call: call, attempt_of_call: 2 }], ["tool_result", { tool_call: call, result }],
        ["reasoning", { text: "hm" }], ["token", { text: " It is" }], ["function_start", void_],
        ["reset", { content: "Let me see.", attempt: 2, message: "connection closed" }],
        ["token", { text: " It is noon." }], ["of a later version", {}],
    ]) turn.apply({ type, data });
    assert.deepEqual(turn.parts.map((part) => part.text ?? part.name), ["Let me see.", "clock", " It is noon."]);
    assert.deepEqual([turn.text, turn.attempt, turn.calls[0].status, turn.calls[0].attempts], ["Let me see. It is noon.", 2, "complete", 2]);
});

test("Markdown is read in linear time, whatever it is", () => {
    const long = 40_000;
    for (const piece of ["*a _b ", "[a](", "![", "`", "``` ", "**", "<", "http://", "- ", "> ", "# ", "|", "\\", "a*_~`[", " ", "\n", "1. \n  "]) {
        const text = piece.repeat(long / piece.length);
        for (const whole of [text, `${text}x`, `# ${text}x`, `\`\`\`${text}\``, `a|b\n-|-\n${text}`]) {
            assert.ok(inline(whole).length > 0);
            assert.ok(Array.isArray(blocks(whole)));
        }
    }
});

test("no address but http, https and mailto becomes a link", () => {
    const scripts = ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "java\tscript:x", "//host/x", "file:///etc"];
    for (const address of scripts) {
        for (const text of [`[a](${address})`, `<${address}>`, `![a](${address})`]) {
            assert.ok(inline(text).every((node) => node.type === "text"), text);
        }
    }
    assert.equal(inline("[a](https://example.org/(b))")[0].address, "https://example.org/(b)");
    assert.equal(inline("see https://example.org/a.")[1].address, "https://example.org/a");
});

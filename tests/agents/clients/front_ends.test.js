// The clients of AG-UI and of the AI SDK's UI message stream in node: node --test front_ends.test.js, with GATEWAY and
// TOKEN.
import assert from "node:assert/strict";
import { test } from "node:test";

import { HttpAgent } from "@ag-ui/client";
import { DefaultChatTransport, readUIMessageStream } from "ai";

const { GATEWAY, TOKEN } = process.env;
const headers = { authorization: `Bearer ${TOKEN}` };
const parameters = { type: "object", properties: { city: { type: "string" } } };

function agentOf(model, text) {
    return new HttpAgent({
        url: `${GATEWAY}/ag-ui/${model}`,
        headers,
        initialMessages: [{ id: "1", role: "user", content: text }],
    });
}

test("AG-UI's agent gets text, calls and results as messages", async () => {
    const agent = agentOf("weather", "own");
    await agent.runAgent();
    const calls = agent.messages.flatMap((message) => message.toolCalls ?? []);
    assert.deepEqual(calls.map((call) => call.function.name), ["calculator"]);
    assert.equal(agent.messages.find((message) => message.role === "tool").content, "42");
    assert.equal(agent.messages.at(-1).content, "It is 42.");
    agent.addMessage({ id: "2", role: "user", content: "own" });
    await agent.runAgent();
    assert.equal(agent.messages.at(-1).content, "It is 42.");
});

test("AG-UI's agent runs its tools and sends their results", async () => {
    const agent = agentOf("weather", "Oslo?");
    const tools = [{ name: "forecast", description: "Rain?", parameters }];
    await agent.runAgent({ tools });
    const call = agent.messages.flatMap((message) => message.toolCalls ?? []).at(-1);
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "Oslo" });
    agent.addMessage({ id: "result", role: "tool", toolCallId: call.id, content: "Rain in Oslo." });
    await agent.runAgent({ tools });
    assert.equal(agent.messages.at(-1).content, "Rain in Oslo.");
});

test("AG-UI's agent gets reasoning, and the error of a failed turn", async () => {
    const thinks = agentOf("thinks", "Hi");
    await thinks.runAgent();
    assert.equal(thinks.messages.at(-1).content, "An answer.");
    assert.ok(thinks.messages.some((message) => message.role === "reasoning" && message.content === "A thought."));
    const errors = [];
    const subscriber = { onRunErrorEvent: ({ event }) => void errors.push(event) };
    await agentOf("fails", "Hi").runAgent({}, subscriber).catch(() => {});
    assert.deepEqual(errors.map((event) => event.code), ["api_error"]);
});

async function lastMessage(stream) {
    let last;
    for await (const message of readUIMessageStream({ stream, terminateOnError: true })) last = message;
    return last;
}

test("the AI SDK's transport sends a chat and reads its parts", async () => {
    const transport = new DefaultChatTransport({ api: `${GATEWAY}/ui-messages/weather`, headers });
    const messages = [{ id: "1", role: "user", parts: [{ type: "text", text: "own" }] }];
    const chat = { chatId: "chat-1", messages, trigger: "submit-message", messageId: undefined };
    const message = await lastMessage(await transport.sendMessages(chat));
    const parts = message.parts.filter((part) => part.type !== "step-start");
    assert.deepEqual(parts.map((part) => part.type), ["text", "dynamic-tool", "text"]);
    assert.equal(parts[1].output, 42);
    assert.equal(parts[2].text, "It is 42.");
    assert.equal(await transport.reconnectToStream({ chatId: "chat-1" }), null);
});

test("the AI SDK's transport reads the turn that runs when a page is opened", async () => {
    const transport = new DefaultChatTransport({ api: `${GATEWAY}/ui-messages/slow`, headers });
    const messages = [{ id: "1", role: "user", parts: [{ type: "text", text: "Hi" }] }];
    const reader = (await transport.sendMessages({ chatId: "chat-2", messages, trigger: "submit-message" })).getReader();
    let chunk;
    do chunk = (await reader.read()).value;
    while (chunk.type !== "text-delta");
    const again = (await transport.reconnectToStream({ chatId: "chat-2" })).getReader();
    const begin = (await again.read()).value;
    assert.equal(begin.type, "start");
    await reader.cancel();
    await again.cancel();
});

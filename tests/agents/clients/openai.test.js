// OpenAI's client and the AI SDK in node: node --test openai.test.js, with GATEWAY and TOKEN.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import OpenAI, { AuthenticationError, NotFoundError } from "openai";

const { GATEWAY, TOKEN } = process.env;
const options = { baseURL: `${GATEWAY}/v1`, apiKey: TOKEN, maxRetries: 0 };
const client = new OpenAI(options);
const parameters = { type: "object", properties: { city: { type: "string" } } };
const functions = [{ type: "function", function: { name: "forecast", parameters } }];
const user = (content) => [{ role: "user", content }];

test("the client lists models, and gets errors in its own form", async () => {
    const models = await client.models.list();
    assert.ok(models.data.some((model) => model.id === "weather"));
    await assert.rejects(client.models.retrieve("nothing"), NotFoundError);
    await assert.rejects(new OpenAI({ ...options, apiKey: "wrong" }).models.list(), AuthenticationError);
    await assert.rejects(client.chat.completions.create({ model: "weather", messages: user("Hi"), n: 2 }), {
        status: 400,
        param: "n",
    });
});

test("the client runs its tools, by its own loop", async () => {
    const forecast = { name: "forecast", parameters, parse: JSON.parse, function: ({ city }) => `Rain in ${city}.` };
    const runner = client.chat.completions.runTools({
        model: "weather",
        messages: user("Oslo?"),
        tools: [{ type: "function", function: forecast }],
        stream: true,
    });
    assert.equal(await runner.finalContent(), "Rain in Oslo.");
});

test("the client streams a completion with its usage", async () => {
    const stream = client.chat.completions.stream({
        model: "weather",
        messages: user("own"),
        stream_options: { include_usage: true },
    });
    const completion = await stream.finalChatCompletion();
    assert.equal(completion.choices[0].message.content, "I count. It is 42.");
    assert.ok(completion.usage.total_tokens > 0);
});

test("the client streams responses, and continues the last one", async () => {
    const stream = client.responses.stream({ model: "weather", input: "both", tools: [
        { type: "function", name: "forecast", parameters, strict: false },
    ] });
    const first = await stream.finalResponse();
    const call = first.output.find((item) => item.type === "function_call");
    assert.equal(call.arguments, '{"city":"Oslo"}');
    const second = await client.responses.create({
        model: "weather",
        previous_response_id: first.id,
        input: [{ type: "function_call_output", call_id: call.call_id, output: "Rain" }],
    });
    assert.equal(second.output_text, "Rain, 42");
});

test("the AI SDK streams text and reasoning, and runs its tools", async () => {
    const provider = createOpenAICompatible({ name: "understudy", baseURL: options.baseURL, apiKey: TOKEN });
    const thinks = streamText({ model: provider("thinks"), prompt: "Hi" });
    assert.equal(await thinks.text, "An answer.");
    assert.equal(await thinks.reasoningText, "A thought.");
    const forecast = tool({ inputSchema: jsonSchema(parameters), execute: async ({ city }) => `Rain in ${city}.` });
    const { text, totalUsage } = await generateText({
        model: provider("weather"),
        prompt: "Oslo?",
        tools: { forecast },
        stopWhen: stepCountIs(3),
    });
    assert.match(text, /Rain in Oslo/);
    assert.ok(totalUsage.totalTokens > 0);
});

// The official client of MCP, with the gateway's agents as its tools.

import assert from "node:assert/strict";
import test from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const headers = { Authorization: `Bearer ${process.env.TOKEN}` };

async function connected(t) {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`${process.env.GATEWAY}/mcp`), { requestInit: { headers } });
  await client.connect(transport);
  t.after(async () => {
    await transport.terminateSession();
    await client.close();
  });
  return client;
}

function call(client, name, message, options, more = {}) {
  return client.callTool({ name, arguments: { message, ...more } }, undefined, options);
}

test("agents are tools, and answer side by side", async (t) => {
  const client = await connected(t);
  const { tools } = await client.listTools();
  assert.ok(tools.some(({ name }) => name === "weather"));
  const answers = await Promise.all(["one", "two"].map((word) => call(client, "echo", word, {}, { conversation: word })));
  assert.deepEqual(answers.map(({ content }) => content[0].text), ["one", "two"]);
  const failed = await call(client, "fails", "x");
  assert.equal(failed.isError, true);
});

test("progress is reported, and a cancelled call cancels its turn", async (t) => {
  const client = await connected(t);
  const steps = [];
  await call(client, "weather", "own", { onprogress: ({ message }) => steps.push(message) });
  assert.ok(steps.includes("calls calculator"));
  const aborting = new AbortController();
  const slow = call(client, "slow", "go", { signal: aborting.signal });
  const running = async (status) => {
    for (;;) {
      const agent = await (await fetch(`${process.env.GATEWAY}/agents/slow`, { headers })).json();
      if (agent.streams.at(-1)?.status === status) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await running("running");
  aborting.abort();
  await assert.rejects(slow);
  await running("cancelled");
});

// The declarations of client.js, as a front end in TypeScript uses them: tsc --noEmit client_types.ts
import { ChatStreamService, Client, LAST, Refused, createStreamingMessage, type StreamEvent } from "./client.js";

const client = new Client({ url: "http://127.0.0.1:8765", token: "t" });

export async function answered(message: string): Promise<string> {
    let text = "";
    for await (const event of client.stream("helper", message, { patienceMs: 1000, onState: (state) => state === "open" })) {
        text += shown(event);
        if (LAST.has(event.type)) break;
    }
    return text;
}

function shown(event: StreamEvent): string {
    switch (event.type) {
        case "token":
            return event.data.text;
        case "approval_required":
            void client.approve("s", event.data.tool_call.id, event.data.tool_call.function.arguments);
            return "";
        case "tool_result":
            return event.data.result.error ?? event.data.result.content;
        case "error":
            return event.data.message;
        default:
            return "";
    }
}

export async function served(): Promise<void> {
    await createStreamingMessage(client, "m1");
    await new ChatStreamService(client).sendMessage({ query: "go", session_id: "helper" }, { onEvent: (event) => event.content });
    const failed: unknown = null;
    if (failed instanceof Refused) failed.faults.map((each) => each.length);
    // @ts-expect-error: an agent's id is text
    await client.agent(1);
}

/** The dialogs about agents and sessions. They load when a person opens one. Each returns null if the person leaves it. */

import { ask } from "./dialogs.js";

const BUILT_IN = ["calculator", "file_ops", "web_search"];

/** Ask for a new agent, and return it as the gateway started it. */
export async function startAgent(client) {
    let started = null;
    const fields = [
        { name: "name", label: "Name", required: true },
        { name: "model", label: "Model (empty: the daemon's)" },
        { name: "system_prompt", label: "Instructions", type: "textarea" },
        { name: "tools", label: "Tools", options: BUILT_IN },
    ];
    const submit = async (values) => {
        const given = Object.entries(values).filter(([, value]) => value.length);
        started = await client.startAgent(Object.fromEntries(given));
    };
    await ask({ title: "New agent", action: "Start", fields, submit });
    return started;
}

/** Ask for another title, and return the changed keys of the session. */
export async function renameSession(client, session) {
    let renamed = null;
    const submit = async ({ title }) => {
        renamed = await client.renameSession(session.id, title || null);
    };
    const fields = [{ name: "title", label: "Title", value: session.title ?? "" }];
    await ask({ title: "Rename the session", action: "Rename", fields, submit });
    return renamed;
}

export function deleteSession(client, session) {
    const text = `The conversation with ${session.name} is deleted permanently, and the agent stops.`;
    const submit = () => client.deleteSession(session.id);
    return ask({ title: "Delete the session?", text, action: "Delete", danger: true, submit });
}

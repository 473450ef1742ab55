/** The watch page: it asks for the overview about once a second, and draws what changed. */

import { Client } from "./client.js";
import { ask } from "./dialogs.js";
import { button, el, setText } from "./dom.js";
import { enter, logIn } from "./login.js";
import * as panels from "./panels.js";
import { TimelineView } from "./timeline.js";
import { Tree } from "./tree.js";

const PAUSE_MS = 1_000;
const SHARE = 10; // the pause is at least this many times as long as the last answer took

const MOST_CHILDREN = 1_000; // the gateway shows no more

const part = (id) => document.getElementById(id);
const client = new Client({ logInAgain: async () => { me = await logIn(client, "Your login has ended. Log in to go on."); } });
const tree = new Tree(part("tree"), openAgent, showMore);
const timeline = new TimelineView(client, part("timeline"));
const drawn = new Map();
let me = null;
let agentId = null;
let paused = false;
let latest = null;
let children = 50; // shown of one process

// Overview

async function refresh() {
    const began = performance.now();
    try {
        const [overview, waiting] = await Promise.all([
            client.request("GET", `/overview?${new URLSearchParams({ by: part("by").value, children })}`),
            client.request("GET", "/approvals"),
        ]);
        show({ ...overview, ...waiting });
        setText(part("connection"), paused ? "paused" : "live");
    } catch (failed) {
        setText(part("connection"), failed.status === 403 ? failed.message : `reconnecting… ${failed.message}`);
    }
    return performance.now() - began;
}

function showMore() {
    children = Math.min(2 * children, MOST_CHILDREN);
    return refresh();
}

async function watch() {
    for (;;) {
        const took = paused || document.hidden ? 0 : await refresh();
        await new Promise((done) => setTimeout(done, Math.max(PAUSE_MS, SHARE * took)));
    }
}

function show(overview) {
    latest = overview;
    const said = tree.show(overview);
    if (said.length) setText(part("announcer"), said.join(". "));
    replace("figures", panels.figures(overview));
    replace("turns", panels.turns(overview, showStream));
    replace("approvals", panels.approvals(overview, showStream));
    replace("crashed-agents", panels.crashedAgents(overview, may("chat") ? reset : null));
    replace("crashes", panels.crashes(overview));
    replace("busiest", panels.busiest(overview));
    replace("providers", panels.providers(overview));
    replace("workers", panels.workers(overview));
}

async function reset(id) {
    try {
        await client.request("POST", `/agents/${encodeURIComponent(id)}/reset`);
        document.activeElement.blur(); // the list stays as it is while a button in it has the focus
        await refresh();
    } catch (failed) {
        part("crashed-agents").append(el("p", { class: "fault", role: "alert" }, failed.message));
    }
}

/** Replace the content of a part if it differs. A part in which the person works stays as it is. */
function replace(id, nodes) {
    const place = part(id);
    const next = el("div", {}, nodes);
    if (drawn.get(id) === next.textContent || place.contains(document.activeElement)) return;
    drawn.set(id, next.textContent);
    place.replaceChildren(...next.childNodes);
}

// Streams and agents

function showStream(stream) {
    part("stream-id").value = stream;
    history.replaceState(null, "", `?${new URLSearchParams({ stream })}`);
    part("timeline-panel").scrollIntoView({ block: "nearest" });
    return timeline.show(stream);
}

async function openAgent(id) {
    agentId = id;
    await showAgent();
    part("agent-panel").scrollIntoView({ block: "nearest" });
    part("agent-panel").querySelector("button")?.focus();
}

async function showAgent() {
    const id = agentId;
    const suspended = isSuspended(latest?.tree, `agent:${id}`);
    let agent = { id };
    let fault = "";
    if (!suspended) {
        try {
            agent = await client.agent(id);
        } catch (failed) {
            fault = failed.message;
        }
    }
    if (agentId !== id) return;
    part("agent-panel").hidden = false;
    part("agent-panel").replaceChildren(...panels.agentPanel(agent, { suspended, admin: may("admin"), fault }, {
        show: showStream,
        cancel: (stream) => act(() => client.cancel(stream)),
        suspend: () => act(() => change("suspend")),
        resume: () => act(() => change("resume")),
        stop: stopAgent,
        close: closeAgent,
    }));
}

function change(what) {
    return client.request("POST", `/agents/${encodeURIComponent(agentId)}/${what}`);
}

async function act(work) {
    try {
        await work();
        await refresh();
        await showAgent();
    } catch (failed) {
        part("agent-panel").append(el("p", { class: "fault", role: "alert" }, failed.message));
    }
}

async function stopAgent() {
    const id = agentId;
    const text = `The agent ${id} stops, and its turn ends. Its session is kept.`;
    if (await ask({ title: "Stop the agent?", text, action: "Stop", danger: true, submit: () => client.stopAgent(id) })) closeAgent();
}

function closeAgent() {
    agentId = null;
    part("agent-panel").hidden = true;
    part("agent-panel").replaceChildren();
}

function isSuspended(node, name) {
    if (!node) return false;
    return (node.process?.name === name && node.status === "suspended") || node.children.some((child) => isSuspended(child, name));
}

// The person

function may(scope) {
    return me.scopes.includes(scope) || me.scopes.includes("admin");
}

function controls() {
    const pause = button({ text: "Pause", "aria-pressed": "false" }, () => {
        paused = !paused;
        pause.setAttribute("aria-pressed", String(paused));
        setText(part("connection"), paused ? "paused" : "live");
    });
    const leave = async () => { await client.logOut(); location.reload(); };
    part("controls").replaceChildren(pause,
        button({ symbol: "theme", name: "Dark or light" }, switchTheme),
        button({ symbol: "leave", name: "Log out" }, leave));
    setText(part("rights"), may("admin") ? "" : may("read")
        ? "You see the host's own processes and your agents. To stop or suspend an agent, a login needs the scope admin."
        : `This login has the scopes ${me.scopes.join(", ")}. To watch, it needs the scope read.`);
}

function switchTheme() {
    const { dataset } = document.documentElement;
    const dark = dataset.theme ? dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    setTheme(dark ? "light" : "dark");
}

function setTheme(theme) {
    if (!theme) return;
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
}

part("open-stream").addEventListener("submit", (event) => {
    event.preventDefault();
    showStream(part("stream-id").value.trim());
});
part("by").addEventListener("change", refresh);
setTheme(localStorage.getItem("theme"));
me = await enter(client);
controls();
part("page").hidden = false;
if (may("read")) {
    watch();
    const stream = new URLSearchParams(location.search).get("stream");
    if (stream) await showStream(stream);
}

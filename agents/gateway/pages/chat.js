/** The chat page: login, sidebar, conversation and composer. */

import { Client } from "./client.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { ask } from "./dialogs.js";
import { button, el, setText } from "./dom.js";
import { Sidebar, canDo } from "./sidebar.js";

const part = (id) => document.getElementById(id);
const client = new Client({ logInAgain: () => logIn("Your login has ended. Log in to go on.") });
const tabs = new BroadcastChannel("understudy-chat");
const sidebar = new Sidebar(client, { side: part("side"), lists: part("lists"), person: part("person") }, open);
const composer = new Composer(part("composer"), {
    send: (text) => conversation.send(text),
    steer: (text) => conversation.steer(text),
    stop: () => conversation.stop(),
    latest: () => { conversation?.toEnd(); changed(); },
    changed: () => changed(),
});
let me = null;
let conversation = null;
let session = null;

tabs.onmessage = ({ data }) => {
    if (conversation?.id === data.session) conversation.follow(data.stream, data.text);
    changed();
};

// Login

/** Ask for a token until one is valid. */
async function logIn(text) {
    await ask({
        title: "Log in",
        text,
        closable: false,
        action: "Log in",
        fields: [{ name: "token", label: "Token", type: "password", required: true }],
        submit: async ({ token }) => { me = await client.logIn({ token }); },
    });
    welcome();
}

/** Begin with the code in the address, or with an earlier login. The code leaves the address before anything else. */
async function enter() {
    const code = new URLSearchParams(location.hash.slice(1)).get("code");
    if (code) history.replaceState(null, "", location.pathname + location.search);
    try {
        me = await (code ? client.logIn({ code }) : client.me());
        welcome();
    } catch (failed) {
        await logIn(code ? failed.message : "Paste a token, or run “understudy open” for a page that is logged in.");
    }
}

function welcome() {
    part("page").hidden = false;
    sidebar.login(me, leave);
    say(`Logged in as ${me.user ?? "the administrator"}`);
    changed();
}

async function leave() {
    await client.logOut();
    conversation?.leave();
    conversation = session = me = null;
    part("page").hidden = true;
    await logIn("Logged out.");
    await home();
}

function say(text) {
    setText(part("announcer"), text);
}

// Sessions

async function open(id) {
    part("side").classList.remove("open");
    try {
        session = await client.session(id);
    } catch (failed) {
        return part("turns").replaceChildren(el("p", { class: "fault" }, failed.message));
    }
    conversation?.leave();
    history.replaceState(null, "", `?${new URLSearchParams({ session: id })}`);
    conversation = new Conversation(client, session, {
        log: part("log"),
        turns: part("turns"),
        scopes: new Set(["chat", "approve"].filter((scope) => canDo(me, scope))),
        begun: (stream, text) => tabs.postMessage({ session: id, stream, text }),
        say,
        changed: (turn) => {
            changed();
            if (turn) refresh();
        },
    });
    header();
    await refresh();
    composer.focus();
}

async function refresh() {
    await sidebar.refresh();
    sidebar.show(conversation?.id ?? null);
    changed();
}

function header() {
    const chats = canDo(me, "chat");
    const menu = button({ symbol: "menu", name: "Agents and sessions", class: "quiet square", id: "open-side" }, () => part("side").classList.toggle("open"));
    const tools = session && chats ? [
        button({ symbol: "edit", name: "Rename the session", class: "quiet square" }, rename),
        button({ symbol: "delete", name: "Delete the session", class: "quiet square" }, remove),
    ] : [];
    const theme = button({ symbol: "theme", name: "Dark or light", class: "quiet square" }, switchTheme);
    const title = session ? session.title || session.name : "understudy";
    part("top").replaceChildren(menu, el("h1", {}, title), el("span", { class: "state" }), ...tools, theme);
    document.title = session ? `${title} · understudy` : "understudy";
}

async function rename() {
    const submit = async ({ title }) => { session = { ...session, ...await client.renameSession(session.id, title || null) }; };
    await ask({ title: "Rename the session", action: "Rename", fields: [{ name: "title", label: "Title", value: session.title ?? "" }], submit });
    header();
    await refresh();
}

async function remove() {
    const text = `The conversation with ${session.name} is deleted permanently, and the agent stops.`;
    const done = await ask({ title: "Delete the session?", text, action: "Delete", danger: true, submit: () => client.deleteSession(session.id) });
    if (!done) return;
    conversation.leave();
    conversation = session = null;
    await home();
}

/** Open the session of the address, or the latest one. */
async function home(id = null) {
    part("turns").replaceChildren();
    header();
    await refresh();
    const wanted = id ?? sidebar.first;
    if (wanted) await open(wanted);
    else part("turns").replaceChildren(el("div", { class: "empty" }, el("h2", {}, "No agent yet"), el("p", {}, "Start one with “New agent”.")));
}

// State

function changed() {
    if (me === null) return;
    const running = conversation?.stream != null;
    const missing = canDo(me, "chat") ? "" : `This login has the scopes ${me.scopes.join(", ")}. To write, it needs the scope chat.`;
    const refused = missing || (conversation ? "" : "Choose or start an agent first.");
    composer.show({ running, refused, atEnd: conversation?.pinned ?? true });
    const state = document.querySelector("#top .state");
    if (!state) return;
    const connection = conversation?.connection ?? "open";
    state.classList.toggle("warn", connection === "reconnecting");
    setText(state, connection === "open" ? "" : `${connection}…`);
}

function switchTheme() {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark"
        || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    setTheme(dark ? "light" : "dark");
}

function setTheme(theme) {
    if (!theme) return;
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
}

document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && part("side").classList.contains("open")) part("side").classList.remove("open");
});
document.addEventListener("click", (event) => {
    if (!event.target.closest("#side, #open-side")) part("side").classList.remove("open");
});

setTheme(localStorage.getItem("theme"));
await enter();
await home(new URLSearchParams(location.search).get("session"));

/** The chat page: login, sidebar, conversation and composer. */

import { Client } from "./client.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { button, el, setText } from "./dom.js";
import { enter, logIn } from "./login.js";
import { Sidebar, canDo } from "./sidebar.js";

const part = (id) => document.getElementById(id);
const client = new Client({ logInAgain: async () => welcome(await logIn(client, "Your login has ended. Log in to go on.")) });
const tabs = new BroadcastChannel("understudy-chat");
const sidebar = new Sidebar(client, { side: part("side"), lists: part("lists"), person: part("person") }, open);
const composer = new Composer(part("composer"), {
    send: (text, files) => conversation.send(text, files),
    steer: (text, files) => conversation.steer(text, files),
    limits: () => me.parts,
    stop: () => conversation.stop(),
    latest: () => { conversation?.toEnd(); changed(); },
    changed: () => changed(),
});
let me = null;
let conversation = null;
let session = null;
let wanted = null; // the session that the person chose last

tabs.onmessage = ({ data }) => {
    if (conversation?.id === data.session) conversation.follow(data.stream, data.text);
    changed();
};

// Login

function welcome(login) {
    me = login;
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
    welcome(await logIn(client, "Logged out."));
    await home();
}

function say(text) {
    setText(part("announcer"), text);
}

// Sessions

async function open(id) {
    part("side").classList.remove("open");
    wanted = id;
    const found = await client.session(id).catch(fault);
    if (!found || wanted !== id) return;
    session = found;
    conversation?.leave();
    history.replaceState(null, "", `?${new URLSearchParams({ session: id })}`);
    conversation = new Conversation(client, session, {
        log: part("log"),
        turns: part("turns"),
        may: (scope) => canDo(me, scope),
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

function fault(failed) {
    part("turns").replaceChildren(el("p", { class: "fault" }, failed.message));
}

/** Read the list again. If the daemon can't be reached, the earlier list stays. */
async function refresh() {
    await sidebar.refresh().catch(() => {});
    sidebar.show(conversation?.id ?? null);
    changed();
}

function header() {
    const chats = canDo(me, "chat");
    const named = { symbol: "menu", name: "Agents and sessions", id: "open-side" };
    const menu = button(named, () => part("side").classList.toggle("open"));
    const tools = session && chats ? [
        button({ symbol: "edit", name: "Rename the session" }, rename),
        button({ symbol: "delete", name: "Delete the session" }, remove),
    ] : [];
    const theme = button({ symbol: "theme", name: "Dark or light" }, switchTheme);
    const title = session ? session.title || session.name : "understudy";
    part("top").replaceChildren(menu, el("h1", {}, title), el("span", { class: "state" }), ...tools, theme);
    document.title = session ? `${title} · understudy` : "understudy";
}

const dialogs = () => import("./session_dialogs.js");

async function rename() {
    session = { ...session, ...await (await dialogs()).renameSession(client, session) };
    header();
    await refresh();
}

async function remove() {
    if (!await (await dialogs()).deleteSession(client, session)) return;
    conversation.leave();
    conversation = session = null;
    await home();
}

/** Open the session of the address, or the latest one. */
async function home(id = null) {
    part("turns").replaceChildren();
    header();
    await refresh();
    const first = id ?? sidebar.first;
    if (first) await open(first);
    else part("turns").replaceChildren(noAgent());
}

function noAgent() {
    return el("div", { class: "empty" }, el("h2", {}, "No agent yet"), el("p", {}, "Start one with “New agent”."));
}

// State

function changed() {
    if (me === null) return;
    const running = conversation?.stream != null;
    const scopes = `This login has the scopes ${me.scopes.join(", ")}. To write, it needs the scope chat.`;
    const missing = canDo(me, "chat") ? "" : scopes;
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
welcome(await enter(client));
await home(new URLSearchParams(location.search).get("session"));

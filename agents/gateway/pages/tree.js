/** The supervision tree, drawn again at each overview. A node keeps its element, so focus and scroll stay. */

import { el, setText } from "./dom.js";

const FRESH_MS = 6_000;
const CAUSE_S = 60;

export class Tree {
    #place;
    #root = el("ul", { class: "tree" });
    #rows = new Map();
    #open;
    #more;

    /** open: called with an agent's id when the person chooses the agent. more: called for more children. */
    constructor(place, open, more) {
        this.#place = place;
        this.#open = open;
        this.#more = more;
        place.replaceChildren(this.#root);
    }

    /** Show the tree. Return a sentence for each process that was restarted since the last overview. */
    show({ tree, crashes, at }) {
        const causes = new Map(crashes.map((crash) => [crash.pid, crash]));
        const seen = new Set();
        const said = [];
        this.#children(this.#root, [tree], "", { causes, seen, said, at });
        for (const [key, row] of this.#rows) {
            if (seen.has(key)) continue;
            row.item.remove();
            this.#rows.delete(key);
        }
        return said;
    }

    #children(list, nodes, path, pass) {
        const keys = new Set();
        let before = null;
        for (const node of nodes) {
            let key = `${path}/${keyOf(node)}`;
            while (keys.has(key)) key += "'";
            keys.add(key);
            const item = this.#row(key, node, pass);
            if (item.parentNode !== list || item.previousElementSibling !== before) {
                if (before) before.after(item);
                else list.prepend(item);
            }
            before = item;
        }
    }

    #row(key, node, pass) {
        pass.seen.add(key);
        const { process } = node;
        const row = this.#rows.get(key) ?? this.#newRow(key, node);
        const pid = process?.pid ?? null;
        if (row.pid !== undefined && pid !== null && row.pid !== pid) this.#restarted(row, node, pass);
        if (pid !== null) row.pid = pid;
        row.item.dataset.status = node.status;
        setText(row.pidText, pid ?? "");
        setText(row.status, node.status === "idle" ? "" : node.status);
        setText(row.mailbox, process?.mailbox ? `mailbox ${process.mailbox}` : "");
        setText(row.restarts, node.restarts ? `restarts ${node.restarts}` : "");
        setText(row.cause, row.crash ? causeOf(row.crash, pass.at) : "");
        setText(row.hidden, node.hidden ? `… and ${node.hidden} more` : "");
        row.hidden.hidden = !node.hidden;
        this.#children(row.list, node.children, key, pass);
        return row.item;
    }

    #newRow(key, node) {
        const agent = agentOf(node);
        const name = el("span", { class: "name" }, nameOf(node));
        const row = {
            pidText: el("span", { class: "pid soft" }), status: el("span", { class: "status" }),
            mailbox: el("span", { class: "badge" }), restarts: el("span", { class: "badge warn" }),
            cause: el("span", { class: "cause" }), hidden: el("button", { type: "button", class: "more link", click: this.#more }),
            list: el("ul"), pid: undefined, crash: null,
        };
        const title = agent === null ? name : el("button", { type: "button", class: "link", click: () => this.#open(agent) }, name);
        row.line = el("div", { class: "row" }, el("span", { class: "dot", "aria-hidden": "true" }), title, row.pidText, row.status, row.mailbox, row.restarts, row.cause);
        row.item = el("li", {}, row.line, row.list, row.hidden);
        this.#rows.set(key, row);
        return row;
    }

    #restarted(row, node, { causes, said }) {
        row.crash = causes.get(row.pid) ?? null;
        row.line.classList.add("fresh");
        clearTimeout(row.timer);
        row.timer = setTimeout(() => row.line.classList.remove("fresh"), FRESH_MS);
        said.push(`${nameOf(node)} was restarted${row.crash ? `: ${reasonOf(row.crash)}` : ""}`);
    }
}

/** Return the reason of a crash in a few words. */
export function reasonOf(crash) {
    return crash.exception ?? crash.reason;
}

/** Return the time since a moment in words. */
export function ago(at, now) {
    const past = Math.max(0, now - at);
    if (past < 60) return `${Math.floor(past)} s ago`;
    return past < 3600 ? `${Math.floor(past / 60)} min ago` : `${Math.floor(past / 3600)} h ago`;
}

function causeOf(crash, now) {
    return now - crash.at > CAUSE_S ? "" : `${reasonOf(crash)}, ${ago(crash.at, now)}`;
}

/** A child of a plain supervisor keeps its id; a dynamic child is known by its name, any other process by its pid. */
function keyOf({ id, restarts, process }) {
    if (id !== null && restarts !== null) return `id:${id}`;
    return process?.name ?? process?.pid ?? `id:${id}`;
}

function nameOf({ id, restarts, process }) {
    return process?.name ? shortName(process.name) : id !== null && restarts !== null ? id : process?.label ?? id ?? "?";
}

/** Return a name with the hash at its end cut to a few digits, as in the name of a provider. */
export function shortName(name) {
    return name.replace(/(#[0-9a-f]{6})[0-9a-f]{10,}$/, "$1…");
}

function agentOf({ process }) {
    return process?.name?.startsWith("agent:") ? process.name.slice("agent:".length) : null;
}

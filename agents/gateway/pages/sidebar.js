/** The agents that run, the earlier sessions, and the person who is logged in. */

import { button, el } from "./dom.js";

const PAGE = 100;

export class Sidebar {
    #client;
    #open;
    #sessions = [];
    #more = false;

    /** open: called with the id of the session that the person chose. */
    constructor(client, { side, lists, person }, open) {
        this.#client = client;
        this.#open = open;
        Object.assign(this, { side, lists, person });
    }

    /** Show the login. leave: logs out. */
    login(me, leave) {
        const chats = canDo(me, "chat");
        const add = button({ symbol: "plus", name: "New agent", disabled: !chats }, () => this.#start());
        this.side.querySelector("header").replaceChildren(el("span", { class: "brand" }, "understudy"), add);
        this.person.replaceChildren(el("span", {}, me.user ?? "administrator"), el("a", { href: "watch" }, "Watch"),
            button({ symbol: "leave", name: "Log out" }, leave));
    }

    get first() {
        return this.#sessions[0]?.id ?? null;
    }

    async refresh() {
        const known = Math.max(PAGE, this.#sessions.length);
        this.#sessions = await this.#client.sessions({ limit: Math.min(known, 1000) });
        this.#more = this.#sessions.length === known;
    }

    show(current) {
        const running = this.#sessions.filter((each) => each.live);
        const earlier = this.#sessions.filter((each) => !each.live);
        const more = this.#more && button({ text: "Show more", class: "quiet" }, async () => {
            const after = this.#sessions.at(-1).id;
            const page = await this.#client.sessions({ after, limit: PAGE });
            this.#sessions.push(...page);
            this.#more = page.length === PAGE;
            this.show(current);
        });
        const none = !this.#sessions.length && el("p", { class: "soft" }, "No agent runs yet.");
        const groups = [this.#group("Agents", running, current), this.#group("Earlier sessions", earlier, current)];
        this.lists.replaceChildren(...[...groups.flat(), more, none].filter(Boolean));
    }

    #group(title, sessions, current) {
        if (!sessions.length) return [];
        return [el("h2", {}, title), el("ul", {}, sessions.map((each) => el("li", {}, this.#link(each, current))))];
    }

    #link({ id, name, title, message_count }, current) {
        const click = (event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            this.#open(id);
        };
        return el("a", { href: `?${new URLSearchParams({ session: id })}`, "aria-current": id === current && "page", click },
            el("span", {}, title || name), el("small", {}, String(message_count), el("span", { class: "unseen" }, " messages")));
    }

    async #start() {
        const started = await (await import("./session_dialogs.js")).startAgent(this.#client);
        if (started) this.#open(started.id);
    }
}

export function canDo(me, scope) {
    return me.scopes.includes(scope) || me.scopes.includes("admin");
}

/** The conversation of one session: its history, its running turns, and its place in the page. */

import { newId } from "./client.js";
import { el } from "./dom.js";
import { Turn } from "./turn.js";
import { TurnView } from "./turn_view.js";

const NEAR_PX = 48; // so close to its end the page follows the answer
const SHOWN = 100; // messages of a history at first
const LONGEST_SPOKEN = 4000;
const NOTE = /\[\d+ of \d+ characters are left out here, and are kept\. read_result reads them: handle="([0-9a-f]{64})"/;
const UNENDED = new Set(["running", "waiting", "open"]);

export class Conversation {
    #client;
    #session;
    #page;
    #left = new AbortController();
    #known = new Set(); // streams that the page shows
    #running = new Map(); // stream -> its view
    #pinned = true;

    /** page: `{log, turns, may(scope), say(text), changed(turn?), begun(stream, message)}`. */
    constructor(client, session, page) {
        this.#client = client;
        this.#session = session;
        this.#page = page;
        page.turns.replaceChildren();
        page.log.onscroll = () => {
            const { scrollHeight, scrollTop, clientHeight } = page.log;
            this.#pinned = scrollHeight - scrollTop - clientHeight < NEAR_PX;
            page.changed();
        };
        const resized = new ResizeObserver(() => this.#scroll());
        resized.observe(page.log);
        resized.observe(page.turns);
        this.#left.signal.addEventListener("abort", () => resized.disconnect());
        this.#history(session);
        for (const { id, status, message } of session.streams) {
            const own = id === session.partial?.stream_id ? session.partial.message : "";
            if (UNENDED.has(status)) this.follow(id, message ?? own);
        }
        if (!page.turns.childElementCount) page.turns.append(empty(session));
        this.toEnd();
    }

    get id() {
        return this.#session.id;
    }

    get pinned() {
        return this.#pinned;
    }

    /** The stream that runs; null if none does. */
    get stream() {
        return [...this.#running.keys()].at(0) ?? null;
    }

    /** The connection of the stream that runs. */
    get connection() {
        return this.#running.get(this.stream)?.connection ?? "open";
    }

    leave() {
        this.#left.abort();
    }

    toEnd() {
        this.#pinned = true;
        this.#page.log.scrollTop = this.#page.log.scrollHeight;
    }

    /** Send a message with its files, and show its answer. */
    send(message, files = []) {
        const streamId = newId();
        const sent = { streamId, parts: files.map((each) => each.part) };
        const events = (options) => this.#client.stream(this.id, message, { ...sent, ...options });
        this.#follow(streamId, message, events, () => this.#page.begun(streamId, message), files);
        this.toEnd();
    }

    /** Send a message to the turn that runs. If the turn has just ended, the message begins the next one. */
    async steer(message, files = []) {
        const stream = this.stream;
        try {
            await this.#client.steer(stream, message, files.map((each) => each.part));
        } catch (failed) {
            if (failed.status !== 409) throw failed;
            this.send(message, files);
            return;
        }
        const view = this.#running.get(stream);
        const bubble = this.#bubble(message, files, "to the running turn");
        if (view) view.element.before(bubble);
        else this.#page.turns.append(bubble);
        this.#scroll();
    }

    stop() {
        return this.#client.cancel(this.stream);
    }

    /** Show a stream that another tab or program began. */
    follow(streamId, message) {
        if (this.#known.has(streamId)) return;
        this.#follow(streamId, message, (options) => this.#client.events(streamId, options));
    }

    async #follow(streamId, message, begin, begun = () => {}, files = []) {
        this.#known.add(streamId);
        this.#page.turns.querySelector(".empty")?.remove();
        const turn = new Turn();
        const view = new TurnView(turn, {
            decide: (scope) => this.#page.may(scope) && ((call, word, ...texts) => this.#client[word](streamId, call.id, ...texts)),
            retry: this.#page.may("chat") && message?.trim ? () => this.send(message, files) : null,
            files: this.#files,
            rendered: () => this.#scroll(),
        });
        if (message) this.#page.turns.append(this.#bubble(message, files));
        this.#page.turns.append(view.element);
        this.#running.set(streamId, view);
        const onState = (state) => {
            view.connection = state;
            view.changed();
            this.#page.changed();
        };
        view.render();
        try {
            for await (const event of begin({ signal: this.#left.signal, patienceMs: Infinity, onState })) {
                if (event.type === "start") begun();
                turn.apply(event);
                view.changed();
                this.#say(event, view);
            }
        } catch (failed) {
            if (this.#left.signal.aborted) {
                view.leave();
                return;
            }
            const lines = failed.faults?.length ? failed.faults : [failed.message];
            turn.apply({ type: "failed", data: { message: lines.join(" · ") } });
        } finally {
            this.#running.delete(streamId);
        }
        view.changed();
        this.#page.changed(turn);
    }

    /** Tell a screen reader what happens, and the answer as a whole, not its tokens. */
    #say({ type, data }, view) {
        const { say } = this.#page;
        if (type === "start") say(`${this.#session.name} answers.`);
        else if (type === "tool_start") say(`The call of ${data.tool_call.function.name} runs.`);
        else if (type === "approval_required") say(data.question?.text ?? `The call of ${data.tool_call.function.name} waits for your approval.`);
        else if (type === "complete") say(view.answer.slice(0, LONGEST_SPOKEN));
        else if (type === "error" || type === "timeout") say(`The answer ended: ${data.message}`);
    }

    #scroll() {
        if (this.#pinned) this.#page.log.scrollTop = this.#page.log.scrollHeight;
    }

    /** Return what a person said. files: those that were just sent; those of a history are in the message. */
    #bubble(message, files = [], note = null) {
        const bubble = el("div", { class: "user", role: "article", "aria-label": "You" }, plain(message),
            note && el("span", { class: "note" }, note));
        if (files.length) import("./attachments.js").then(({ sent }) => bubble.append(sent(files)));
        this.#files(bubble, message);
        return bubble;
    }

    /** Append the images, sounds and files of a message or a result, and the link to a large result, to an element. */
    #files = async (element, content) => {
        const parts = content.filter?.((each) => each.sha256 ?? each.handle) ?? [];
        if (!parts.length) return;
        const { holder, kept } = await import("./attachments.js");
        const below = (this.#session.sub_agents ?? []).map((each) => each.id); // the answer of one may name its own result
        const id = parts[0].noted ? await holder(parts[0].handle, [this.id, ...below]) : this.id;
        if (id) element.append(kept(parts, id));
    };

    #history({ conversation, streams }) {
        const ends = new Map(streams.map((each) => [each.messages_until - 1, each]));
        const messages = conversation.map((each, at) => ({ ...each, ended: ends.get(at) }));
        const first = Math.max(0, messages.length - SHOWN);
        const begin = first && messages.findIndex((each, at) => at >= first && each.role === "user");
        if (begin > 0) {
            const earlier = el("button", { type: "button", class: "quiet", click: () => {
                const held = this.#page.log.scrollHeight - this.#page.log.scrollTop;
                earlier.replaceWith(...this.#shown(messages.slice(0, begin)));
                this.#page.log.scrollTop = this.#page.log.scrollHeight - held;
            } }, "Show earlier messages");
            this.#page.turns.append(earlier);
        }
        this.#page.turns.append(...this.#shown(messages.slice(Math.max(0, begin))));
    }

    /** Return the elements of messages. A turn that was steered has several. */
    #shown(messages) {
        const shown = [];
        let turn = null;
        for (const [at, message] of messages.entries()) {
            const { role, ended } = message;
            if (role === "user") shown.push(this.#bubble(message.content));
            else if (role !== "system") put(turn ??= new Turn(), message);
            if (ended?.status === "error") turn ??= new Turn();
            if (turn === null || (messages[at + 1]?.role ?? "user") !== "user") continue;
            turn.status = ended?.status ?? (message.partial ? "cancelled" : "complete");
            const view = new TurnView(turn, { files: this.#files });
            if (turn.status === "error") this.#last(turn, view, ended);
            view.render();
            shown.push(view.element);
            turn = null;
        }
        return shown;
    }

    /** Show why an ended turn failed, which is in its last event. */
    async #last(turn, view, { id, last_seq }) {
        try {
            for await (const event of this.#client.events(id, { after: last_seq - 1, signal: this.#left.signal })) turn.apply(event);
            view.changed();
        } catch {} // the status stands there
    }
}

function put(turn, message) {
    if (message.role === "tool") {
        const call = turn.calls.findLast((each) => each.id === message.tool_call_id && each.result === null);
        const content = plain(message.content);
        const error = content.startsWith("error:") ? "see the result" : null;
        const parts = message.content.map ? message.content : [];
        const noted = NOTE.exec(content)?.[1];
        if (call) Object.assign(call, { status: error ? "error" : "complete", result: { content, error, parts, noted } });
        return;
    }
    const data = { ...message, text: message.reasoning };
    if (message.reasoning) turn.onReasoning(data);
    if (message.content) turn.onText({ text: message.content });
    for (const call of message.tool_calls ?? []) turn.onCall(call);
}

/** Return the texts of a message. */
function plain(content) {
    return content.map?.((part) => part.text).filter(Boolean).join("\n") ?? content;
}

function empty({ name }) {
    return el("div", { class: "empty" }, el("h2", {}, `Talk to ${name}`), el("p", {}, "Write the first message below."));
}

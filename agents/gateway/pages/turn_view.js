/** A turn on the page. Its events change a value, and each frame shows that value once. */

import { CallCard, clock } from "./call_card.js";
import { button, el, setText } from "./dom.js";
import { Markdown } from "./markdown.js";

const WORDS = {
    connecting: "connecting", reconnecting: "reconnecting", waiting: "waiting", streaming: "answering",
    complete: "", cancelled: "stopped", error: "failed",
};

const CONTAINERS = new Set(["UL", "OL", "LI", "BLOCKQUOTE", "FIGURE"]);
const BLOCKS = /^(P|H[1-6]|CODE)$/;

export class TurnView {
    #turn;
    #views = [];
    #frame = null;
    #clock = null;
    #cursor = null;
    #shown = {};

    /** decide, files: see CallCard. retry: sends the message again; null: it can't. rendered: called after each frame. */
    constructor(turn, { decide = null, retry = null, files, rendered = () => {} } = {}) {
        this.#turn = turn;
        Object.assign(this, { decide, files, rendered, connection: "open" });
        this.parts = el("div", { class: "parts" });
        this.state = el("span");
        this.fault = el("span", { class: "fault" });
        this.figures = el("span");
        this.retry = retry && button({ text: "Retry", hidden: true }, retry);
        this.element = el("article", { class: "turn", "aria-label": "Answer" }, this.parts,
            el("footer", {}, this.state, this.fault, this.figures, this.retry));
    }

    /** The text of the last model call, as a person reads it. */
    get answer() {
        this.render();
        return this.#views.findLast((view) => view.part.kind === "text")?.element.textContent ?? "";
    }

    /** Show the turn in the next frame. */
    changed() {
        this.#frame ??= requestAnimationFrame(() => this.render());
    }

    render() {
        cancelAnimationFrame(this.#frame);
        this.#frame = null;
        const { parts } = this.#turn;
        for (const view of this.#views.splice(Math.max(0, this.#stale(parts)))) view.element.remove();
        parts.forEach((part, place) => this.#show(part, place));
        this.#foot();
        this.#point();
        this.#tick();
        this.rendered(this);
    }

    /** Stop the clocks. */
    leave() {
        clearInterval(this.#clock);
        cancelAnimationFrame(this.#frame);
    }

    /** Return the place of the first view whose part a reset has removed. */
    #stale(parts) {
        const place = this.#views.findIndex((view, at) => view.part !== parts[at]);
        return place < 0 ? this.#views.length : place;
    }

    #show(part, place) {
        const view = this.#views[place] ?? this.#add(part);
        if (part.kind === "call") view.card.render(Date.now() / 1000);
        else if (part.text.length > view.length) {
            view.append(part.text.slice(view.length));
            view.length = part.text.length;
        }
    }

    #add(part) {
        const view = { part, length: 0, ...this.#made(part) };
        this.#views.push(view);
        this.parts.append(view.element);
        return view;
    }

    #made(part) {
        if (part.kind === "call") {
            const card = new CallCard(part, this.decide, this.files);
            return { card, element: card.element };
        }
        if (part.kind === "text") {
            const element = el("div", { class: "text" });
            const markdown = new Markdown(element);
            return { element, append: (text) => markdown.append(text) };
        }
        const body = el("div", {}, document.createTextNode(""));
        const element = el("details", { class: "reasoning" }, el("summary", {}, "Reasoning"), body);
        return { element, append: (text) => body.firstChild.appendData(text) };
    }

    #foot() {
        const turn = this.#turn;
        const state = this.connection === "open" || turn.over ? turn.status : this.connection;
        if (state !== this.#shown.state) {
            this.element.classList.toggle("streaming", !turn.over);
            this.state.className = state === "reconnecting" ? "warn" : "";
        }
        const attempt = turn.attempt > 1 && !turn.over ? `, attempt ${turn.attempt} (${turn.resetBy})` : "";
        setText(this.state, WORDS[state] ? WORDS[state] + attempt : "");
        setText(this.fault, [turn.status === "error" ? turn.error : null, ...turn.warnings].filter(Boolean).join(" · "));
        setText(this.figures, figuresOf(turn));
        if (this.retry) this.retry.hidden = turn.status !== "error" && turn.status !== "cancelled";
        this.#shown.state = state;
    }

    /** Put the cursor after the last character. Only the two blocks that change are styled again. */
    #point() {
        const end = this.#turn.over ? null : endOf(this.#views.at(-1));
        if (end === this.#cursor) return;
        this.#cursor?.classList.remove("cursor");
        end?.classList.add("cursor");
        this.#cursor = end;
    }

    /** Let the clocks of calls run while one has a clock. */
    #tick() {
        const running = this.#turn.calls.some((call) => call.approval || call.status === "executing");
        if (running) this.#clock ??= setInterval(() => this.changed(), 200);
        else {
            clearInterval(this.#clock);
            this.#clock = null;
        }
    }
}

/** Return the block with the last character of a text; null where no cursor fits. */
function endOf(view) {
    let end = view?.part.kind === "text" ? view.element.lastElementChild : null;
    while (end && CONTAINERS.has(end.tagName)) end = end.tagName === "FIGURE" ? end.querySelector("code") : end.lastElementChild;
    return end && BLOCKS.test(end.tagName) ? end : null;
}

function figuresOf({ usage, cost, metrics, over }) {
    const words = [];
    const count = (tokens, word) => tokens !== null && tokens !== undefined && words.push(`${tokens.toLocaleString("en")} ${word}`);
    count(usage?.input_tokens, "tokens in");
    count(usage?.output_tokens, "out");
    if (cost !== null && cost !== undefined) words.push(`cost ${Number(cost.toPrecision(3))}`);
    if (over && metrics) words.push(clock(metrics.total_time_ms / 1000));
    return words.join(" · ");
}

/** A call of a turn: its arguments as they stream, clock, attempts, progress, result, and the place of the decision. */

import { el, setText } from "./dom.js";

const SHOWN = 20_000; // characters of a text in a card

export class CallCard {
    #call;
    #decide;
    #files;
    #shown = "";
    #asked = null;

    /**
     * decide: see decision.js; null: nobody decides.
     * files: called with an element, to which it appends the result's images, sounds and files, and the link to all of a
     * large result. A result of the history is `noted`: its text has the handle, and the link comes when the card opens.
     */
    constructor(call, decide, files) {
        this.#call = call;
        this.#decide = decide;
        this.#files = files;
        this.status = el("span", { class: "status" });
        this.brief = el("span", { class: "brief" });
        this.arguments = pre("arguments");
        this.progress = section("Progress", "progress");
        this.result = section("Result", "result");
        this.decision = el("div", { class: "decision" });
        this.element = el("details", { class: "call" },
            el("summary", {}, el("span", { class: "dot" }), el("strong", {}, call.name), this.brief, this.status),
            el("div", { class: "body" }, el("div", {}, el("p", { class: "label" }, "Arguments"), this.arguments),
                this.decision, this.progress.element, this.result.element));
    }

    /** Show the call as it is now. nowS: for its clock. */
    render(nowS) {
        const call = this.#call;
        const waiting = call.approval !== null;
        this.element.className = `call ${waiting ? "waiting" : call.status}`;
        const left = waiting && `waits for ${call.approval.question ? "an answer" : "approval"}, ${clock(call.approval.until - nowS)} left ${call.approval.why}`;
        setText(this.status, left || statusOf(call, nowS));
        this.#showArguments(call);
        this.progress.show(call.progress === null ? null : textOf(call.progress));
        this.result.show(call.result === null ? null : call.result.content);
        const files = [...call.result?.parts ?? [], call.result?.large].filter(Boolean);
        if (files.length) this.#files?.(this.result.element, files);
        if (call.result?.noted) this.#linkWhenOpened(call.result.noted);
        if (call.result) this.#files = null;
        if (call.approval !== this.#asked) this.#ask(waiting); // also for the next question of the same call
    }

    #linkWhenOpened(handle) {
        const files = this.#files;
        if (files) this.element.addEventListener("toggle", () => files(this.result.element, [{ handle, noted: true }]), { once: true });
    }

    #showArguments({ arguments: text }) {
        if (text === this.#shown) return;
        this.#shown = text;
        setText(this.arguments, cut(pretty(text)));
        setText(this.brief, text.slice(0, 200));
    }

    /** Show the buttons. Their module loads with the first call that waits. */
    async #decided(asked) {
        const { buttons } = await import("./decision.js");
        if (this.#asked === asked) this.decision.replaceChildren(...buttons(this.#call, this.#decide));
    }

    #ask(waiting) {
        const held = this.decision.contains(document.activeElement);
        this.#asked = waiting ? this.#call.approval : null;
        if (waiting) this.#decided(this.#asked);
        else this.decision.replaceChildren();
        this.element.open = waiting || held;
        if (held) this.element.querySelector("summary").focus();
    }
}

function pre(name) {
    return el("pre", { tabindex: 0, role: "group", "aria-label": name });
}

function section(title, name) {
    const body = pre(name);
    const element = el("div", { hidden: true }, el("p", { class: "label" }, title), body);
    const show = (text) => {
        element.hidden = text === null;
        setText(body, cut(text ?? ""));
    };
    return { element, show };
}

function statusOf({ status, attempts, startedAt, elapsedS, result }, nowS) {
    const time = elapsedS ?? (startedAt === null ? null : nowS - startedAt);
    const words = [result?.error ? `error: ${result.error}` : status];
    if (attempts > 1) words.push(`attempt ${attempts}`);
    if (time !== null && (status === "executing" || result)) words.push(clock(time));
    return words.join(", ");
}

export function clock(seconds) {
    const s = Math.max(0, seconds);
    return s < 60 ? `${s.toFixed(1)} s` : `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
}

/** Indent JSON. A text that JavaScript would change, as a long number or a repeated key, is shown as it is. */
export function pretty(text) {
    try {
        const value = JSON.parse(text);
        const bare = text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");
        return JSON.stringify(value) === bare ? JSON.stringify(value, null, 2) : text;
    } catch {
        return text;
    }
}

function textOf(value) {
    return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function cut(text) {
    return text.length > SHOWN ? `${text.slice(0, SHOWN)}\n… ${text.length - SHOWN} more characters` : text;
}

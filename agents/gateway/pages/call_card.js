/** A call of a turn: its arguments as they stream, clock, attempts, progress, result, and the person's decision. */

import { button, el, setText } from "./dom.js";

const SHOWN = 20_000; // characters of a text in a card

export class CallCard {
    #call;
    #decide;
    #shown = "";
    #asked = null;

    /** decide: called with "approve" or "deny", the call and texts. null: the person may not decide. */
    constructor(call, decide) {
        this.#call = call;
        this.#decide = decide;
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
        const left = waiting && `waits for approval, ${clock(call.approval.until - nowS)} left`;
        setText(this.status, left || statusOf(call, nowS));
        this.#showArguments(call);
        this.progress.show(call.progress === null ? null : textOf(call.progress));
        this.result.show(call.result === null ? null : call.result.content);
        if (waiting !== (this.#asked !== null)) this.#ask(waiting);
    }

    #showArguments({ arguments: text }) {
        if (text === this.#shown) return;
        this.#shown = text;
        setText(this.arguments, cut(pretty(text)));
        setText(this.brief, text.slice(0, 200));
    }

    #ask(waiting) {
        const held = this.decision.contains(document.activeElement);
        this.#asked = waiting ? this.#call.approval : null;
        this.decision.replaceChildren(...(waiting ? this.#buttons() : []));
        this.element.open = waiting || held;
        if (held) this.element.querySelector("summary").focus();
    }

    #buttons() {
        if (this.#decide === null) {
            return [el("p", { class: "soft" }, "Your login lacks the scope approve, so it can't decide about this call.")];
        }
        const fault = el("p", { class: "fault", role: "alert" });
        const decide = async (...decision) => {
            fault.textContent = "";
            try {
                await this.#decide(this.#call, ...decision);
            } catch (failed) {
                fault.textContent = failed.message;
            }
        };
        const edit = button({ text: "Edit…" }, () => { buttons.replaceWith(this.#editor(decide)); });
        const buttons = el("div", { class: "buttons" },
            button({ text: "Approve", class: "main" }, () => decide("approve", this.#call.arguments)),
            button({ text: "Deny", class: "danger" }, () => decide("deny", "")), edit);
        return [buttons, fault];
    }

    #editor(decide) {
        const named = { "aria-label": "Edited arguments, as JSON", spellcheck: "false" };
        const field = el("textarea", named, pretty(this.#call.arguments));
        const reason = el("input", { "aria-label": "Reason for a denial", placeholder: "Reason for a denial" });
        queueMicrotask(() => field.focus());
        return el("div", { class: "editor" }, field,
            el("p", { class: "soft" }, "The call runs with these arguments, and the model is told."),
            el("div", { class: "buttons" }, button({ text: "Approve", class: "main" },
                () => decide("approve", this.#call.arguments, field.value.trim()))),
            el("div", { class: "buttons" }, reason,
                button({ text: "Deny", class: "danger" }, () => decide("deny", reason.value))));
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
function pretty(text) {
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

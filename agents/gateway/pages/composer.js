/** The field for a message, and the buttons that send and stop. */

import { button, el, setText } from "./dom.js";

export class Composer {
    #actions;
    #running = false;
    #fault = "";

    /** actions: `{send(text), steer(text), stop(), latest()}`. */
    constructor(form, actions) {
        this.#actions = actions;
        this.field = el("textarea", { id: "message", rows: 1, "aria-label": "Message", "aria-describedby": "hint",
            input: () => this.#sized(), keydown: (event) => this.#key(event) });
        this.send = button({ symbol: "send", name: "Send", class: "main square", type: "submit" });
        const stop = { symbol: "stop", name: "Stop the answer", class: "square", hidden: true };
        this.stop = button(stop, () => this.#run(actions.stop));
        this.hint = el("p", { class: "hint", id: "hint", role: "status", "aria-live": "polite" });
        const latest = { symbol: "down", name: "Go to the end", class: "square", id: "latest", hidden: true };
        this.latest = button(latest, actions.latest);
        form.replaceChildren(this.latest, el("div", { class: "box" }, this.field, this.stop, this.send), this.hint);
        form.onsubmit = (event) => {
            event.preventDefault();
            this.#submit();
        };
    }

    /** Show whether a turn runs, and why the person can't write, if so. */
    show({ running, refused = "", atEnd }) {
        if (running !== this.#running) this.#fault = "";
        this.#running = running;
        this.stop.hidden = !running;
        this.latest.hidden = atEnd;
        this.field.disabled = this.send.disabled = this.stop.disabled = refused !== "";
        const usual = running ? "Enter steers the running turn. Escape stops it."
            : "Enter sends. Shift and Enter make a new line.";
        this.hint.className = `hint ${this.#fault ? "fault" : refused ? "" : "keys"}`;
        setText(this.hint, this.#fault || refused || usual);
        this.field.placeholder = running ? "Steer the answer" : "Message";
    }

    focus() {
        if (matchMedia("(hover: hover)").matches) this.field.focus(); // a phone would open its keyboard
    }

    #key(event) {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            this.#submit();
        } else if (event.key === "Escape" && this.#running) {
            event.preventDefault();
            this.#run(this.#actions.stop);
        }
    }

    #submit() {
        const text = this.field.value;
        if (!text.trim() || this.send.disabled) return;
        this.field.value = "";
        this.#sized();
        this.#run(this.#running ? this.#actions.steer : this.#actions.send, text);
    }

    /** Carry out an action. If it fails, the text comes back with the reason. */
    async #run(action, text = "") {
        this.#fault = "";
        try {
            await action(text);
        } catch (failed) {
            this.#fault = failed.message;
            this.field.value ||= text;
        }
        this.#actions.changed();
    }

    #sized() {
        this.field.rows = Math.min(12, this.field.value.split("\n").length);
    }
}

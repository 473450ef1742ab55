/** The field for a message, its files, and the buttons that send and stop. */

import { button, el, setText } from "./dom.js";

export class Composer {
    #actions;
    #running = false;
    #fault = "";
    #loading = null;
    #files = null; // the files of the message, once there were any

    /** actions: `{send(text, files), steer(text, files), limits(), stop(), latest(), changed()}`. */
    constructor(form, actions) {
        this.#actions = actions;
        this.field = el("textarea", { id: "message", rows: 1, "aria-label": "Message", "aria-describedby": "hint",
            input: () => this.#sized(), keydown: (event) => this.#key(event) });
        const pick = { symbol: "attach", name: "Attach files", class: "quiet square" };
        this.attach = button(pick, () => this.#run(async () => (await this.#attachments()).choose()));
        this.list = el("ul", { class: "files", "aria-label": "Files of the message" });
        this.send = button({ symbol: "send", name: "Send", class: "main square", type: "submit" });
        const stop = { symbol: "stop", name: "Stop the answer", class: "square", hidden: true };
        this.stop = button(stop, () => this.#run(actions.stop));
        this.hint = el("p", { class: "hint", id: "hint", role: "status", "aria-live": "polite" });
        const latest = { symbol: "down", name: "Go to the end", class: "square", id: "latest", hidden: true };
        this.latest = button(latest, actions.latest);
        form.replaceChildren(this.latest, this.list,
            el("div", { class: "box" }, this.attach, this.field, this.stop, this.send), this.hint);
        document.onpaste = (event) => this.#given(event, event.clipboardData);
        document.ondragover = (event) => event.dataTransfer.types.includes("Files") && event.preventDefault();
        document.ondrop = (event) => this.#given(event, event.dataTransfer);
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
        for (const each of [this.field, this.attach, this.send, this.stop]) each.disabled = refused !== "";
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

    #attachments() {
        this.#loading ??= import("./attachments.js")
            .then(({ Attachments }) => this.#files = new Attachments(this.list, this.#actions.limits));
        return this.#loading;
    }

    /** Attach the files that the person pasted or dropped. */
    #given(event, { files }) {
        const given = [...files];
        if (!given.length) return;
        event.preventDefault();
        if (!this.attach.disabled) this.#run(async () => (await this.#attachments()).add(given));
    }

    #submit() {
        const text = this.field.value;
        if (this.send.disabled || !(text.trim() || this.list.childElementCount)) return;
        if (!text.trim()) return this.#run(() => { throw new Error("Write a message to send with the files."); });
        this.field.value = "";
        this.#sized();
        this.#run(this.#running ? this.#actions.steer : this.#actions.send, text, this.#files?.take());
    }

    /** Carry out an action. If it fails, the text and the files come back with the reason. */
    async #run(action, text = "", files = []) {
        this.#fault = "";
        try {
            await action(text, files);
        } catch (failed) {
            this.#fault = failed.message;
            this.field.value ||= text;
            if (files.length) this.#files.put(files);
        }
        this.#actions.changed();
    }

    #sized() {
        this.field.rows = Math.min(12, this.field.value.split("\n").length);
    }
}

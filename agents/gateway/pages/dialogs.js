/** Questions to the person, as modal dialogs that keep the focus and give it back. */

import { button, el } from "./dom.js";

/**
 * Ask, and return the values by name; null if the person leaves the dialog.
 * fields: `{name, label, type?, value?, required?, options?}`; `options` are boxes to tick. submit: gets the values. If
 * it throws, the dialog shows the line and stays. closable: false keeps the dialog until submit succeeds.
 */
export function ask({ title, text = "", fields = [], action, danger = false, closable = true, submit = async () => {} }) {
    const { promise, resolve } = withResolvers();
    const fault = el("p", { class: "fault", role: "alert" });
    const main = el("button", { class: danger ? "danger" : "main" }, action);
    const form = el("form", { method: "dialog" }, el("h2", { id: "question" }, title), text && el("p", { class: "soft" }, text),
        fields.map(fieldOf), fault,
        el("div", { class: "buttons" }, closable && button({ text: "Cancel" }, () => dialog.close()), main));
    const dialog = el("dialog", { "aria-labelledby": "question", cancel: (event) => closable || event.preventDefault() }, form);
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        const values = valuesOf(form, fields);
        main.disabled = true;
        fault.textContent = "";
        try {
            await submit(values);
            resolve(values);
            dialog.close();
        } catch (failed) {
            fault.textContent = (failed.faults?.length ? failed.faults : [failed.message]).join("\n");
        } finally {
            main.disabled = false;
        }
    });
    dialog.addEventListener("close", () => {
        dialog.remove();
        resolve(null);
    });
    document.body.append(dialog);
    dialog.showModal();
    return promise;
}

function fieldOf({ name, label, type = "text", value = "", required = false, options = null }) {
    if (options) {
        return el("fieldset", {}, el("legend", {}, label),
            options.map((each) => el("label", { class: "tick" }, el("input", { type: "checkbox", name, value: each }), each)));
    }
    const field = type === "textarea"
        ? el("textarea", { name, rows: 3 }, value)
        : el("input", { name, type, value, required, autocomplete: "off", spellcheck: "false" });
    return el("label", {}, label, field);
}

function valuesOf(form, fields) {
    const data = new FormData(form);
    return Object.fromEntries(fields.map(({ name, options }) => [name, options ? data.getAll(name) : data.get(name).trim()]));
}

function withResolvers() {
    let resolve;
    const promise = new Promise((done) => { resolve = done; });
    return { promise, resolve };
}

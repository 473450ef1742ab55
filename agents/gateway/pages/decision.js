/** The buttons with which a person decides about a call. The page loads this module with the first call that waits. */

import { pretty } from "./call_card.js";
import { button, el } from "./dom.js";

document.head.append(el("link", { rel: "stylesheet", href: "static/decision.css" }));

/** Return the nodes to decide about a call. act: called with "approve" or "deny", the call and texts; null: not allowed. */
export function buttons(call, act) {
    if (act === null) return [el("p", { class: "soft" }, "Your login lacks the scope approve, so it can't decide about this call.")];
    const fault = el("p", { class: "fault", role: "alert" });
    const decide = async (...decision) => {
        fault.textContent = "";
        try {
            await act(call, ...decision);
        } catch (failed) {
            fault.textContent = failed.message;
        }
    };
    const edit = button({ text: "Edit…" }, () => { row.replaceWith(editor(call, decide)); });
    const row = el("div", { class: "buttons" },
        button({ text: "Approve", class: "main" }, () => decide("approve", call.arguments)),
        button({ text: "Deny", class: "danger" }, () => decide("deny", "")), edit);
    return [row, fault];
}

function editor(call, decide) {
    const named = { "aria-label": "Edited arguments, as JSON", spellcheck: "false" };
    const field = el("textarea", named, pretty(call.arguments));
    const reason = el("input", { "aria-label": "Reason for a denial", placeholder: "Reason for a denial" });
    queueMicrotask(() => field.focus());
    return el("div", { class: "editor" }, field,
        el("p", { class: "soft" }, "The call runs with these arguments, and the model is told."),
        el("div", { class: "buttons" }, button({ text: "Approve", class: "main" },
            () => decide("approve", call.arguments, field.value.trim()))),
        el("div", { class: "buttons" }, reason,
            button({ text: "Deny", class: "danger" }, () => decide("deny", reason.value))));
}

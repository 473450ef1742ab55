/**
 * The buttons and fields with which a person decides about a call, or answers its question. The page loads this module
 * with the first call that waits.
 */

import { pretty } from "./call_card.js";
import { button, el } from "./dom.js";

document.head.append(el("link", { rel: "stylesheet", href: "static/decision.css" }));

/**
 * Return the nodes to decide about a call, or to answer its question. may: called with a scope; returns false without it,
 * else the function that is called with the call, "approve", "deny" or "answer", and what the person gave.
 */
export function buttons(call, may) {
    const { question } = call.approval;
    if (question) return form(call, question, may?.("chat"));
    const act = may?.("approve");
    if (!act) return [el("p", { class: "soft" }, "Your login lacks the scope approve, so it can't decide about this call.")];
    const { fault, tried: decide } = trying((...decision) => act(call, ...decision));
    const edit = button({ text: "Edit…" }, () => { row.replaceWith(editor(call, decide)); });
    const row = el("div", { class: "buttons" },
        button({ text: "Approve", class: "main" }, () => decide("approve", call.arguments)),
        button({ text: "Deny", class: "danger" }, () => decide("deny", "")), edit);
    return [row, fault];
}

function form(call, { text, choices, several, default: preset }, act) {
    const asked = el("p", { class: "question" }, text);
    if (!act) return [asked, el("p", { class: "soft" }, "Your login lacks the scope chat, so it can't answer.")];
    const { fault, tried: answer } = trying((given) => act(call, "answer", given, text));
    const note = preset !== null && el("p", { class: "soft" }, `Without an answer: ${[preset].flat().join(", ")}`);
    const inputs = several ? boxes(choices, answer) : choices.length ? choices.map((choice) => button({ text: choice }, () => answer(choice))) : field(answer);
    return [asked, el("div", { class: "buttons" }, inputs), note, fault].filter(Boolean);
}

function boxes(choices, answer) {
    const all = choices.map((choice) => el("input", { type: "checkbox", value: choice }));
    return [...all.map((box) => el("label", {}, box, " ", box.value)), button({ text: "Answer", class: "main" },
        () => answer(all.filter((box) => box.checked).map((box) => box.value)))];
}

function field(answer) {
    const send = () => answer(text.value);
    const text = el("textarea", { "aria-label": "Answer", keydown: (event) => {
        if (event.key !== "Enter" || event.shiftKey) return;
        event.preventDefault();
        send();
    } });
    return [text, button({ text: "Answer", class: "main" }, send)];
}

/** Return a place for a fault, and the function, which shows its fault there. */
function trying(act) {
    const fault = el("p", { class: "fault", role: "alert" });
    const tried = async (...given) => {
        fault.textContent = "";
        try {
            await act(...given);
        } catch (failed) {
            fault.textContent = failed.message;
        }
    };
    return { fault, tried };
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

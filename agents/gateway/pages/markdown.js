/**
 * Markdown that grows, as DOM nodes. Only the last block is rendered again; earlier blocks are final.
 *
 *     const markdown = new Markdown(element);
 *     markdown.append("Hello **wor"); markdown.append("ld**");
 */

import { blocks } from "./blocks.js";
import { button, el } from "./dom.js";
import { inline } from "./inline.js";

const SEGMENT = 2000; // characters

export class Markdown {
    #element;
    #tail = ""; // the source of the blocks that can still change
    #shown = []; // those blocks, as they are in the DOM
    #nodes = [];
    #level = 1; // of the final heading before those blocks; the page has the heading of level 1

    constructor(element) {
        this.#element = element;
    }

    append(text) {
        this.#tail += text;
        const open = this.#shown.at(-1);
        if (this.#shown.length === 1 && open.type === "code" && open.open && !/[`~]/.test(text) && open.text) {
            open.text += text;
            codeOf(this.#nodes[0]).lastChild.appendData(text);
            return;
        }
        const found = ordered(blocks(this.#tail), this.#level);
        found.forEach((block, place) => this.#show(block, place));
        for (const node of this.#nodes.splice(found.length)) node.remove();
        this.#shown = found;
        this.#settle(found);
    }

    #show(block, place) {
        const before = this.#shown[place];
        const node = this.#nodes[place];
        if (before && patch(node, before, block)) return;
        const made = rendered(block);
        if (node) node.replaceWith(made);
        else this.#element.append(made);
        this.#nodes[place] = made;
    }

    /** Forget the blocks before the last one that begins in a whole line: no later text changes them. */
    #settle(found) {
        const whole = this.#tail.lastIndexOf("\n") + 1;
        let keep = found.length - 1;
        while (keep > 0 && found[keep].at >= whole) keep -= 1;
        if (keep <= 0) return;
        const at = found[keep].at;
        this.#level = found.slice(0, keep).findLast((block) => block.type === "heading")?.shown ?? this.#level;
        this.#tail = this.#tail.slice(at);
        this.#shown = found.slice(keep).map((block) => ({ ...block, at: block.at - at }));
        this.#nodes = this.#nodes.slice(keep);
    }
}

/** Give each heading the level that the page shows: never more than one below the heading before it. */
function ordered(found, level) {
    for (const block of found) if (block.type === "heading") level = block.shown = Math.min(block.level + 1, level + 1, 6);
    return found;
}

/** Change a node from one block to its longer version. Return false if the node has to be made again. */
function patch(node, before, block) {
    if (before.type !== block.type) return false;
    if (before.raw === block.raw) return true;
    switch (block.type) {
        case "paragraph":
            patchSegments(node, segments(before.text), segments(block.text));
            return true;
        case "code":
            if (before.language !== block.language) return false;
            codeOf(node).textContent = block.text;
            return true;
        case "quote":
            patchAll(node, before.children, block.children, rendered, patch);
            return true;
        case "list":
            if (before.ordered !== block.ordered || before.start !== block.start) return false;
            patchAll(node, before.children, block.children, itemNode, patchItem);
            return true;
        case "table":
            if (before.align.join() !== block.align.join()) return false;
            patchAll(node.querySelector("tbody"), before.rows.slice(1), block.rows.slice(1),
                (row) => rowNode(row, "td", block.align), () => false);
            return before.rows[0].raw === block.rows[0].raw;
        default:
            return false;
    }
}

function patchAll(parent, before, after, make, change) {
    const nodes = [...parent.childNodes];
    after.forEach((each, place) => {
        const old = before[place];
        if (old && (old.raw === each.raw || change(nodes[place], old, each))) return;
        if (old) nodes[place].replaceWith(make(each));
        else parent.append(make(each));
    });
    for (const node of nodes.slice(after.length)) node.remove();
}

function patchItem(node, before, after) {
    if (before.task !== after.task || after.task !== null) return false;
    patchAll(node, before.children, after.children, rendered, patch);
    return true;
}

function patchSegments(parent, before, after) {
    after.forEach((text, place) => {
        if (place >= before.length) parent.append(segmentNode(text));
        else if (text !== before[place]) patchInline(parent.childNodes[place], inline(before[place]), inline(text));
    });
}

/** Cut a long paragraph at spaces. Only its last segment is parsed again, and no mark reaches over a cut. */
function segments(text) {
    const found = [];
    let from = 0;
    while (text.length - from > SEGMENT) {
        const cut = text.indexOf(" ", from + SEGMENT);
        if (cut < 0) break;
        found.push(text.slice(from, cut));
        from = cut;
    }
    return [...found, text.slice(from)];
}

function segmentNode(text) {
    return el("span", {}, inlineNodes(text));
}

/** Keep the inline nodes that are equal, and let the last text grow. */
function patchInline(parent, before, after) {
    let same = 0;
    while (same < before.length && same < after.length && equal(before[same], after[same])) same += 1;
    const [old, next] = [before[same], after[same]];
    if (old?.type === "text" && next?.type === "text" && next.value.startsWith(old.value)) {
        parent.childNodes[same].appendData(next.value.slice(old.value.length));
        same += 1;
    }
    while (parent.childNodes.length > same) parent.lastChild.remove();
    parent.append(...after.slice(same).map(inlineNode));
}

function equal(one, other) {
    return JSON.stringify(one) === JSON.stringify(other);
}

function rendered(block) {
    switch (block.type) {
        case "heading": return el(block.shown ? `h${block.shown}` : "p", { class: `heading of-${block.level}` }, inlineNodes(block.text));
        case "rule": return el("hr");
        case "code": return codeBlock(block.text, block.language);
        case "quote": return el("blockquote", {}, block.children.map(rendered));
        case "list": return el(block.ordered ? "ol" : "ul", { start: block.start > 1 && block.start }, block.children.map(itemNode));
        case "table": return tableNode(block);
        default: return el("p", {}, segments(block.text).map(segmentNode));
    }
}

function itemNode({ children, task }) {
    const box = task === null ? null : el("span", { class: "task", role: "img", "aria-label": task ? "done" : "open" }, task ? "☑ " : "☐ ");
    return el("li", {}, box, children.map(rendered));
}

function tableNode({ align, rows: [head, ...rows] }) {
    return el("div", { class: "table", tabindex: 0, role: "group", "aria-label": "table" },
        el("table", {}, el("thead", {}, rowNode(head, "th", align)), el("tbody", {}, rows.map((row) => rowNode(row, "td", align)))));
}

function rowNode({ cells }, tag, align) {
    return el("tr", {}, align.map((side, place) => el(tag, { class: side }, inlineNodes(cells[place] ?? ""))));
}

/** Return a code block with its language and a button that copies it. */
export function codeBlock(text, language) {
    const code = el("code", {}, document.createTextNode(text));
    const copy = button({ text: "Copy", class: "quiet", name: "Copy the code" }, async () => {
        await navigator.clipboard.writeText(code.textContent);
        copy.textContent = "Copied";
        setTimeout(() => { copy.textContent = "Copy"; }, 2000);
    });
    const label = language || "text";
    return el("figure", { class: "code" }, el("figcaption", {}, el("span", {}, label), copy),
        el("pre", { tabindex: 0, role: "group", "aria-label": `code, ${label}` }, code));
}

function codeOf(node) {
    return node.querySelector("code");
}

function inlineNodes(text) {
    return inline(text).map(inlineNode);
}

function inlineNode(node) {
    switch (node.type) {
        case "text": return document.createTextNode(node.value);
        case "code": return el("code", {}, node.value);
        case "break": return el("br");
        case "link": return el("a", { href: node.address, target: "_blank", rel: "noopener noreferrer" }, node.children.map(inlineNode));
        default: return el(node.type, {}, node.children.map(inlineNode));
    }
}

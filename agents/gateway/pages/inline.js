/**
 * The inline part of Markdown, as data: text becomes a list of nodes in linear time.
 *
 *     {type: "text", value}   {type: "code", value}   {type: "break"}
 *     {type: "em" | "strong" | "del" | "link", children, address?}
 *
 * HTML is text. A picture is a link, so that a model can't make the page load anything.
 */

import { safeAddress } from "./dom.js";

const SPECIAL = /[\\`*_~[\]!<\n]|https?:\/\//g;
const ESCAPED = /[!-/:-@[-`{-~]/;
const LONGEST_ADDRESS = 2048;
const DEEPEST = 32; // openers without an end, so the nodes are nested no deeper
const TAGS = { "*1": "em", "_1": "em", "*2": "strong", "_2": "strong", "~2": "del" };

export function inline(source) {
    return new Inline(source).nodes();
}

class Inline {
    #out = []; // nodes, and openers {type: "opener", mark, value} until their end is found
    #openers = new Map(); // mark -> positions in #out
    #runs = null; // length of a run of backticks -> its positions
    #plain = "";

    constructor(source) {
        this.source = source;
    }

    nodes() {
        const { source } = this;
        let position = 0;
        while (position < source.length) {
            SPECIAL.lastIndex = position;
            const found = SPECIAL.exec(source);
            const at = found ? found.index : source.length;
            this.#plain += source.slice(position, at);
            position = found ? this.#special(found[0], at) : at;
        }
        this.#flush();
        return joined(this.#out);
    }

    /** Read what begins at a special character, and return the position after it. */
    #special(character, at) {
        switch (character) {
            case "\\": return this.#escape(at);
            case "`": return this.#code(at);
            case "\n": return this.#newline(at);
            case "<": return this.#angle(at);
            case "[": return this.#open("[", "[", at + 1);
            case "]": return this.#bracket(at);
            case "!": return this.source[at + 1] === "[" ? this.#open("[", "![", at + 2) : this.#text("!", at + 1);
            case "*": case "_": case "~": return this.#emphasis(character, at);
            default: return this.#bare(at);
        }
    }

    #text(text, next) {
        this.#plain += text;
        return next;
    }

    #push(node, next) {
        this.#flush();
        this.#out.push(node);
        return next;
    }

    #flush() {
        if (this.#plain) this.#out.push({ type: "text", value: this.#plain });
        this.#plain = "";
    }

    #escape(at) {
        const next = this.source[at + 1];
        if (next === "\n") return this.#push({ type: "break" }, at + 2);
        return next && ESCAPED.test(next) ? this.#text(next, at + 2) : this.#text("\\", at + 1);
    }

    #newline(at) {
        if (!this.#plain.endsWith("  ")) return this.#text("\n", at + 1);
        this.#plain = this.#plain.trimEnd();
        return this.#push({ type: "break" }, at + 1);
    }

    #code(at) {
        this.#runs ??= runsOf(this.source);
        const length = runLength(this.source, at, "`");
        const ends = this.#runs.get(length);
        while (ends.length && ends.at(-1) <= at) ends.pop();
        if (!ends.length) return this.#text("`".repeat(length), at + length);
        const end = ends.at(-1);
        let value = this.source.slice(at + length, end).replaceAll("\n", " ");
        if (/^ .*[^ ].* $/.test(value)) value = value.slice(1, -1);
        return this.#push({ type: "code", value }, end + length);
    }

    #angle(at) {
        const end = this.source.slice(at, at + LONGEST_ADDRESS).indexOf(">");
        const address = end > 0 ? this.source.slice(at + 1, at + end) : "";
        const url = /^[a-z]+:[^\s<]+$/i.test(address) ? safeAddress(address) : null;
        if (url === null) return this.#text("<", at + 1);
        return this.#push({ type: "link", address: url, children: [{ type: "text", value: address }] }, at + end + 1);
    }

    #bare(at) {
        const [text] = /^[^\s<>"'`*\]|]*/.exec(this.source.slice(at, at + LONGEST_ADDRESS));
        const address = text.replace(/[.,:;!?)]+$/, "");
        const url = this.#openers.get("[")?.length ? null : safeAddress(address);
        if (url === null) return this.#text(text.slice(0, 4), at + 4);
        return this.#push({ type: "link", address: url, children: [{ type: "text", value: address }] }, at + address.length);
    }

    #open(mark, value, next) {
        if (this.#deep()) return this.#text(value, next);
        this.#flush();
        const places = this.#openers.get(mark) ?? [];
        this.#openers.set(mark, places);
        places.push(this.#out.length);
        return this.#push({ type: "opener", mark, value }, next);
    }

    #deep() {
        return [...this.#openers.values()].flat().length >= DEEPEST;
    }

    /** Make a node of everything after the last opener of this mark, if there is one. Later openers become text. */
    #close(mark, type, more = {}) {
        this.#flush();
        const place = this.#openers.get(mark)?.pop();
        if (place === undefined) return;
        const children = joined(this.#out.splice(place).slice(1));
        for (const places of this.#openers.values()) while (places.at(-1) > place) places.pop();
        this.#out.push({ type, children, ...more });
    }

    #bracket(at) {
        if (!this.#openers.get("[")?.length) return this.#text("]", at + 1);
        const rest = this.source.slice(at + 1, at + 1 + LONGEST_ADDRESS);
        const found = /^\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/.exec(rest);
        const address = found ? safeAddress(found[1]) : null;
        if (address === null) {
            const places = this.#openers.get("[");
            places.pop(); // the opener stays as text
            return this.#text("]", at + 1);
        }
        this.#close("[", "link", { address });
        return at + 1 + found[0].length;
    }

    #emphasis(character, at) {
        const run = runLength(this.source, at, character);
        const length = Math.min(run, 2);
        const before = this.source[at - 1] ?? " ";
        const after = this.source[at + run] ?? " ";
        const opens = !/\s/.test(after) && !(character === "_" && /\w/.test(before));
        const closes = !/\s/.test(before) && !(character === "_" && /\w/.test(after));
        if (run > 3 || (character === "~" && run !== 2)) return this.#text(character.repeat(run), at + run);
        if (run === 3) return this.#triple(character, at, opens, closes);
        const mark = character + length;
        if (closes && this.#openers.get(mark)?.length) this.#close(mark, TAGS[mark]);
        else if (opens) this.#open(mark, character.repeat(length), at);
        else this.#plain += character.repeat(length);
        return at + length;
    }

    #triple(character, at, opens, closes) {
        const [one, two] = [character + 1, character + 2];
        if (closes && this.#openers.get(one)?.length && this.#openers.get(two)?.length) {
            const inner = this.#openers.get(one).at(-1) > this.#openers.get(two).at(-1) ? one : two;
            this.#close(inner, TAGS[inner]);
            this.#close(inner === one ? two : one, TAGS[inner === one ? two : one]);
        } else if (opens) {
            this.#open(two, character.repeat(2), at);
            this.#open(one, character, at);
        } else this.#plain += character.repeat(3);
        return at + 3;
    }
}

function runLength(source, at, character) {
    let end = at;
    while (source[end] === character) end += 1;
    return end - at;
}

/** Return the positions of the runs of backticks by their length, the last one first. */
function runsOf(source) {
    const runs = new Map();
    for (const { 0: run, index } of [...source.matchAll(/`+/g)].reverse()) {
        if (!runs.has(run.length)) runs.set(run.length, []);
        runs.get(run.length).push(index);
    }
    return runs;
}

/** Turn openers without an end into text, and join neighbouring texts. */
function joined(nodes) {
    const out = [];
    for (const node of nodes) {
        const text = node.type === "text" || node.type === "opener";
        if (text && out.at(-1)?.type === "text") out.at(-1).value += node.value;
        else out.push(text ? { type: "text", value: node.value } : node);
    }
    return out;
}

/** The timeline of a turn as SVG nodes. The gateway makes the layout; this module only draws its shapes. */

import { el, setText } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const PAUSE_MS = 700;
const DOT_PX = 4;
const KIND = /^[a-z_]+$/;

/** Return the picture as an SVG element. Texts become text nodes. */
export function draw(picture) {
    const root = node("svg", { viewBox: `0 0 ${picture.width} ${picture.height}`, width: picture.width, height: picture.height, role: "img", "aria-label": picture.description });
    root.append(
        ...picture.lines.map(({ x, y1, y2 }) => node("line", { class: "line", x1: x, x2: x, y1, y2 })),
        ...picture.bars.map((bar) => titled(node("rect", { class: `${word(bar.kind)}${bar.void ? " void" : ""}`, x: bar.x, y: bar.y, width: bar.width, height: bar.height, rx: 2 }), bar.title)),
        ...picture.dots.map((dot) => titled(node("circle", { class: `mark ${word(dot.kind)}`, cx: dot.x, cy: dot.y, r: DOT_PX }), dot.title)),
        ...picture.labels.map(({ kind, x, y, anchor, text }) => texted(node("text", { class: word(kind), x, y, "text-anchor": anchor ?? "start" }), text)),
    );
    return root;
}

/** Return the timeline in words: a list of its lanes, each with its spans and marks. */
export function listed({ lanes }) {
    return el("ul", {}, lanes.map((lane) => el("li", {}, `${lane.title}: `, [
        ...(lane.spans ?? []).map((span) => `${span.kind} ${seconds(span.end_s - span.begin_s)}${span.void ? " (void)" : ""}`),
        ...(lane.marks ?? []).map((mark) => `${mark.kind} at ${seconds(mark.at_s)}${mark.note ? ` (${mark.note})` : ""}`),
    ].join(", "))));
}

export function seconds(value) {
    return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toPrecision(3)} s`;
}

/** A view of one turn's timeline, which changes until the turn ends. */
export class TimelineView {
    #client;
    #place;
    #timer = null;
    #stream = null;
    #list = null;

    constructor(client, place) {
        this.#client = client;
        this.#place = place;
    }

    /** Show a stream's timeline until another is shown. */
    show(stream) {
        this.stop();
        this.#stream = stream;
        this.#list = el("details", {}, el("summary", {}, "As a list"));
        return this.#refresh(stream);
    }

    stop() {
        clearTimeout(this.#timer);
        this.#stream = null;
    }

    async #refresh(stream) {
        const width = Math.max(280, Math.floor(this.#place.getBoundingClientRect().width));
        try {
            const answer = await this.#client.request("GET", `/streams/${encodeURIComponent(stream)}/timeline?width=${width}`);
            if (this.#stream !== stream) return;
            this.#draw(stream, answer);
            if (answer.timeline.outcome === null) this.#timer = setTimeout(() => this.#refresh(stream), PAUSE_MS);
        } catch (failed) {
            if (this.#stream !== stream) return;
            this.#place.replaceChildren(el("p", { class: "fault", role: "alert" }, failed.message));
            if (!failed.status) this.#timer = setTimeout(() => this.#refresh(stream), 3 * PAUSE_MS);
        }
    }

    #draw(stream, { timeline, picture }) {
        const open = this.#list.open;
        this.#list = el("details", { open }, el("summary", {}, "As a list"), listed(timeline));
        const address = `streams/${encodeURIComponent(stream)}/timeline.svg`;
        const figure = el("figure", { class: "timeline", "data-outcome": timeline.outcome ?? "running" }, draw(picture),
            el("figcaption", { class: "soft" }, el("span", {}, picture.description), el("a", { href: address, download: "timeline.svg" }, "SVG")));
        this.#place.replaceChildren(figure, this.#list);
    }
}

function node(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
}

function texted(made, text) {
    setText(made, text);
    return made;
}

function titled(made, text) {
    made.append(texted(node("title", {}), text));
    return made;
}

function word(kind) {
    return KIND.test(kind) ? kind : "unknown";
}

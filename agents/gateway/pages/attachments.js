/** The files of messages: those to send, and those of the conversation. The page loads this module with the first file. */

import { button, el } from "./dom.js";

const KINDS = {
    "image/png": "image", "image/jpeg": "image", "image/gif": "image", "image/webp": "image",
    "audio/wav": "audio", "audio/x-wav": "audio", "audio/wave": "audio", "audio/mpeg": "audio", "audio/mp3": "audio",
};
const WORDS = {
    "image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WebP",
    "audio/wav": "WAV", "audio/mpeg": "MP3", "application/pdf": "PDF", "text/plain": "text",
};
const ALIASES = { "audio/x-wav": "audio/wav", "audio/wave": "audio/wav", "audio/mp3": "audio/mpeg" };
const CONTROLS = /[\x00-\x08\x0b\x0e-\x1f\x7f]/;
const PREVIEW_PX = 96;
const NAME_CHARS = 255;

document.head.append(el("link", { rel: "stylesheet", href: "static/attachments.css" }));

/** The files that the next message sends: `{part, name, size, preview}`, shown in a list. */
export class Attachments {
    #list;
    #limits;
    #files = [];

    /** list: the element that shows them. limits: returns the gateway's limits. */
    constructor(list, limits) {
        this.#list = list;
        this.#limits = limits;
    }

    /** Let the person choose files. */
    choose() {
        return new Promise((resolve) => {
            const chosen = () => resolve(this.add([...input.files]));
            const input = el("input", { type: "file", multiple: true, change: chosen, cancel: () => resolve() });
            input.click();
        });
    }

    /** Add files. Throws one line for each file that the gateway would refuse. */
    async add(files) {
        const faults = [];
        for (const file of files) {
            try {
                this.#fits(file);
                this.#files.push(await read(file, this.#limits().types));
            } catch (failed) {
                faults.push(`${file.name}: ${failed.message}`);
            }
        }
        this.#show();
        if (faults.length) throw new Error(faults.join(" · "));
    }

    /** Return the files, and forget them. */
    take() {
        const files = this.#files;
        this.put([]);
        return files;
    }

    put(files) {
        this.#files = files;
        this.#show();
    }

    #fits({ size }) {
        const { max_bytes, max_message_bytes, max_count } = this.#limits();
        if (this.#files.length >= max_count) throw new Error(`expected at most ${max_count} files in a message`);
        if (size > max_bytes) throw new Error(over(max_bytes, "", size));
        const all = this.#files.reduce((sum, each) => sum + each.size, size);
        if (all > max_message_bytes) throw new Error(over(max_message_bytes, " in a message", all));
    }

    #show() {
        this.#list.replaceChildren(...this.#files.map((file) => chip(file, button({ text: "×", name: `Remove ${file.name}`, class: "quiet" },
            () => this.put(this.#files.filter((each) => each !== file))))));
    }
}

async function read(file, types) {
    const { size, name } = file;
    const type = ALIASES[file.type] ?? file.type;
    const kind = KINDS[file.type] ?? "file";
    const found = kind !== "file" || type === "application/pdf" ? type : await isText(file) ? "text/plain" : type;
    if (!types.includes(found)) {
        throw new Error(`expected ${types.map((each) => WORDS[each] ?? each).join(", ")}, got ${WORDS[found] ?? (found || "other bytes")}`);
    }
    const [address, preview] = await Promise.all([dataOf(file), kind === "image" ? picture(file) : null]);
    const part = { type: kind, data: address.slice(address.indexOf(",") + 1), name: name.slice(0, NAME_CHARS) };
    return { part, name, size, preview };
}

async function isText(file) {
    try {
        const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
        return text !== "" && !CONTROLS.test(text);
    } catch {
        return false;
    }
}

function dataOf(file) {
    return new Promise((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.onerror = () => reject(new Error("the file can't be read"));
        reader.readAsDataURL(file);
    });
}

/** Return a small picture; null if the browser can't read the image. The policy of the page allows no blob addresses. */
async function picture(file) {
    const image = await createImageBitmap(file).catch(() => null);
    if (image === null) return null;
    const scale = Math.min(1, PREVIEW_PX / Math.max(image.width, image.height));
    const [width, height] = [image.width, image.height].map((each) => Math.max(1, Math.round(each * scale)));
    const canvas = el("canvas", { width, height, role: "img", "aria-label": file.name });
    canvas.getContext("2d").drawImage(image, 0, 0, width, height);
    image.close();
    return canvas;
}

function chip({ name, size, preview }, ...more) {
    return el("li", {}, preview, el("span", {}, name), el("small", {}, bytes(size)), ...more);
}

/** Return the list of files that were just sent. */
export function sent(files) {
    return el("ul", { class: "files" }, files.map((each) => chip(each)));
}

/** Return the images, sounds and files of a message or a result, and a large result, whose bytes the gateway has. */
export function kept(parts, sessionId) {
    return el("ul", { class: "files" }, parts.map(({ type, sha256, handle, name, media_type, size_bytes }) => {
        const address = handle ? resultOf(sessionId, handle) : `sessions/${encodeURIComponent(sessionId)}/parts/${encodeURIComponent(sha256)}`;
        const label = handle ? "the whole result" : name || media_type;
        const shown = type === "image" ? el("img", { src: address, alt: label, loading: "lazy" }) : label;
        const link = { href: address, target: "_blank", rel: "noopener", download: type !== "image" && label };
        return el("li", {}, el("a", link, shown), type !== "image" && size_bytes && el("small", {}, bytes(size_bytes)));
    }));
}

/** Return the first of these sessions that has a large result with this handle; null if none has. */
export async function holder(handle, sessionIds) {
    for (const id of sessionIds) {
        const { ok } = await fetch(resultOf(id, handle), { headers: { range: "bytes=0-0" } });
        if (ok) return id;
    }
    return null;
}

function resultOf(sessionId, handle) {
    return `sessions/${encodeURIComponent(sessionId)}/results/${handle}`;
}

function over(most, where, size) {
    const exact = bytes(most) === bytes(size) ? (count) => `${count} bytes` : bytes;
    return `expected at most ${exact(most)}${where}, got ${exact(size)}`;
}

function bytes(count) {
    if (count < 1024) return `${count} bytes`;
    const kib = count / 1024;
    return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}

/**
 * A client of understudy's gateway, for browsers and node 20. One module, without dependencies.
 *
 *     import { Client } from "./client.js";
 *     const client = new Client({ url: "http://127.0.0.1:8765", token });
 *     for await (const event of client.stream("helper", "Hello")) {
 *         if (event.type === "token") output.append(event.data.text);
 *     }
 *
 * A stream reconnects by itself and continues after the last event: no event is lost, and no event comes twice.
 * client.d.ts has the types.
 */

/** The types of a stream's last event. */
export const LAST = new Set(["complete", "error", "timeout", "failed"]);

const PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const PATIENCE_MS = 60_000;
const SILENCE_MS = 60_000; // a gateway sends a comment every few seconds
const STARTING = new Set([422, 429, 502, 503, 504]); // statuses of a daemon that is still starting
const OF_ACCESS = new Set(["/login", "/logout", "/me"]);

/** A request that the gateway refused. status: of HTTP; 0 for a stream that the gateway cut for good. */
export class Refused extends Error {
    constructor(status, { type = "refused", message = `the gateway answered ${status}`, faults = [] } = {}) {
        super(message);
        Object.assign(this, { name: "Refused", status, type, faults });
    }
}

/** The gateway can't be reached. */
export class Unreachable extends Error {
    constructor(cause) {
        super("the daemon can't be reached", { cause });
        this.name = "Unreachable";
    }
}

/**
 * A decoder of server-sent events. `feed` accepts the bytes in any pieces. Source: WHATWG HTML, "Server-sent events".
 * id: null for an event without an id of its own. An incomplete last event is dropped.
 */
export class SseDecoder {
    #utf8 = new TextDecoder();
    #line = "";
    #afterCr = false;
    #event = blank();

    feed(bytes) {
        const text = this.#utf8.decode(bytes, { stream: true });
        const events = [];
        let from = 0;
        if (text && this.#afterCr) {
            from = text[0] === "\n" ? 1 : 0;
            this.#afterCr = false;
        }
        const ends = /\r\n|\r|\n/g;
        ends.lastIndex = from;
        for (let end = ends.exec(text); end; end = ends.exec(text)) {
            this.#take(this.#line + text.slice(from, end.index), events);
            this.#line = "";
            from = ends.lastIndex;
            this.#afterCr = end[0] === "\r" && from === text.length;
        }
        this.#line += text.slice(from);
        return events;
    }

    #take(line, events) {
        if (line === "") {
            if (this.#event.data.length) events.push({ ...this.#event, data: this.#event.data.join("\n") });
            this.#event = blank();
            return;
        }
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
        if (field === "data") this.#event.data.push(value);
        else if (field === "event") this.#event.event = value || "message";
        else if (field === "id" && !value.includes("\0")) this.#event.id = value;
    }
}

function blank() {
    return { event: "message", data: [], id: null };
}

/** Yield the server-sent events of a body. silenceMs: the longest pause between two pieces; then Unreachable. */
export async function* sse(body, silenceMs = SILENCE_MS) {
    const reader = body.getReader();
    const decoder = new SseDecoder();
    try {
        for (;;) {
            const { done, value } = await within(silenceMs, reader.read());
            if (done) return;
            yield* decoder.feed(value);
        }
    } finally {
        reader.cancel().catch(() => {});
    }
}

function within(ms, promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Unreachable(new Error(`silent for ${ms} ms`))), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Return a new id for a stream. A message that is sent twice with one id is answered once. */
export function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
}

/** The requests of one user. Every method can throw Refused or Unreachable. */
export class Client {
    #url;
    #token;
    #csrf = null;
    #fetch;
    #logInAgain;
    #loggingIn = null;

    /**
     * url: of the gateway; a page that the gateway serves omits it. token: null for a page session.
     * logInAgain: called when the page session has ended. After it, the request that was refused is sent again.
     */
    constructor(options = {}) {
        const { url = new URL("..", import.meta.url).href, token = null, fetch = globalThis.fetch } = options;
        this.#url = String(url).replace(/\/+$/, "");
        this.#token = token;
        this.#fetch = (...request) => fetch(...request);
        this.#logInAgain = options.logInAgain ?? null;
    }

    // Access

    /** Begin a page session, by `{code}` from the address that the daemon printed, or by `{token}`. Same origin only. */
    async logIn(secret) {
        return this.#known(await this.request("POST", "/login", secret));
    }

    /** Return the user, the scopes and the anti-forgery value. A page session needs one call before its first write. */
    async me() {
        return this.#known(await this.request("GET", "/me"));
    }

    async logOut() {
        await this.request("POST", "/logout");
        this.#csrf = null;
    }

    /** Return a ticket for a WebSocket, or for an EventSource of one stream. */
    ticket(streamId = null) {
        return this.request("POST", "/tickets", streamId === null ? {} : { stream_id: streamId });
    }

    #known(me) {
        this.#csrf = me.csrf ?? null;
        return me;
    }

    // Agents and sessions

    async agents() {
        return (await this.request("GET", "/agents?limit=1000")).agents;
    }

    /** Start an agent. config: `id`, `name`, `model`, `system_prompt`, `tools`, `limits` and others. */
    startAgent(config) {
        return this.request("POST", "/agents", config);
    }

    agent(agentId) {
        return this.request("GET", path("agents", agentId));
    }

    stopAgent(agentId) {
        return this.request("DELETE", path("agents", agentId));
    }

    /** Return a page of sessions; those that changed last come first. after: the last id of the previous page. */
    async sessions({ after, limit = 100 } = {}) {
        const query = new URLSearchParams({ limit, ...(after === undefined ? {} : { after }) });
        return (await this.request("GET", `/sessions?${query}`)).sessions;
    }

    session(sessionId) {
        return this.request("GET", path("sessions", sessionId));
    }

    renameSession(sessionId, title) {
        return this.request("PATCH", path("sessions", sessionId), { title });
    }

    deleteSession(sessionId) {
        return this.request("DELETE", path("sessions", sessionId));
    }

    forkSession(sessionId, fork = {}) {
        return this.request("POST", path("sessions", sessionId, "fork"), fork);
    }

    // Streams

    /** Send a message and wait for the whole answer. */
    chat(agentId, message, { streamId, parts } = {}) {
        return this.request("POST", path("agents", agentId, "chat"), { message, parts, stream_id: streamId ?? newId() });
    }

    /**
     * Send a message, and yield the events of its answer. If the loop ends early, the turn continues.
     * streamId: chosen by the caller. parts: `{type, data, name?}`, data in base64. The other options are those of `events`.
     */
    stream(agentId, message, { streamId = newId(), parts, ...options } = {}) {
        const ask = { method: "POST", where: path("agents", agentId, "stream"), body: { message, parts, stream_id: streamId } };
        return this.#follow(streamId, 0, ask, options);
    }

    /**
     * Yield a stream's events after the seq `after`, up to the last one.
     * signal: ends the loop, not the turn. patienceMs: how long to try to reconnect. onState: called with
     * "connecting", "open" or "reconnecting".
     */
    events(streamId, { after = 0, ...options } = {}) {
        return this.#follow(streamId, after, null, options);
    }

    show(streamId) {
        return this.request("GET", path("streams", streamId));
    }

    /** Cancel a turn. Its partial answer is kept. */
    async cancel(streamId) {
        return (await this.#tell(streamId, "cancel")).cancelled;
    }

    /** A browser's usual name for `cancel`. */
    abort(streamId) {
        return this.cancel(streamId);
    }

    /**
     * Approve a call. shown: the arguments that the person read. If the call has others, the answer is 409.
     * edited: JSON as text, to run the call with instead.
     */
    approve(streamId, callId, shown, edited) {
        return this.#tell(streamId, "approve", { call_id: callId, arguments: shown, edited });
    }

    deny(streamId, callId, reason = "") {
        return this.#tell(streamId, "deny", { call_id: callId, reason });
    }

    /** Answer the question of a call. question: the text that the person read. If the call asks another one, the answer is 409. */
    answer(streamId, callId, answer, question) {
        return this.#tell(streamId, "answer", { call_id: callId, answer, question });
    }

    /** Send a message to the turn that runs. The model reads it with its next call. */
    async steer(streamId, message, parts) {
        return (await this.#tell(streamId, "steer", { message, parts })).steered;
    }

    // Requests

    #tell(id, word, body) {
        return this.request("POST", path("streams", id, word), body);
    }

    /** Return the answer of any route as JSON data; null for an empty answer. */
    async request(method, where, body) {
        const answer = await this.#ask(method, where, body);
        try {
            return answer.status === 204 ? null : await answer.json();
        } catch (failed) {
            throw new Unreachable(failed);
        }
    }

    async #ask(method, where, body, signal) {
        try {
            return await this.#send(method, where, body, signal);
        } catch (failed) {
            if (failed.status !== 401 || this.#logInAgain === null || OF_ACCESS.has(where)) throw failed;
        }
        this.#loggingIn ??= this.#logInAgain().finally(() => { this.#loggingIn = null; });
        await this.#loggingIn;
        return this.#send(method, where, body, signal);
    }

    async #send(method, where, body, signal) {
        const headers = {};
        if (this.#token !== null) headers.Authorization = `Bearer ${this.#token}`;
        else if (method !== "GET" && this.#csrf !== null) headers["X-CSRF-Token"] = this.#csrf;
        if (method !== "GET") headers["Content-Type"] = "application/json";
        const options = {
            method, headers, signal,
            body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
            credentials: this.#token === null ? "same-origin" : "omit",
            cache: "no-store",
        };
        let answer;
        try {
            answer = await this.#fetch(this.#url + where, options);
        } catch (failed) {
            throw failed.name === "AbortError" ? failed : new Unreachable(failed);
        }
        if (answer.ok) return answer;
        const fault = await answer.json().catch(() => ({}));
        throw new Refused(answer.status, fault.error);
    }

    async *#follow(streamId, after, ask, { signal, patienceMs = PATIENCE_MS, onState = () => {} }) {
        const end = new AbortController(); // ends the connection with the loop
        const stop = () => end.abort(signal.reason);
        if (signal?.aborted) stop();
        signal?.addEventListener("abort", stop);
        let since = Date.now();
        let pause = PAUSE_MS;
        let resumes = after > 0;
        onState("connecting");
        try {
            for (;;) {
                try {
                    for await (const event of this.#read(streamId, after, ask, end.signal, onState)) {
                        if (event === null) return;
                        since = Date.now();
                        pause = PAUSE_MS;
                        if (event.seq !== null && event.seq <= after) continue;
                        after = event.seq ?? after;
                        resumes = true;
                        yield event;
                        if (LAST.has(event.type)) return;
                    }
                } catch (failed) {
                    if (end.signal.aborted) throw end.signal.reason;
                    const passing = failed instanceof Unreachable || (resumes && STARTING.has(failed.status));
                    if (!passing || Date.now() - since > patienceMs) throw failed;
                }
                if (end.signal.aborted) throw end.signal.reason;
                onState("reconnecting");
                await slept(pause * (0.5 + Math.random() / 2), end.signal);
                pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
            }
        } finally {
            signal?.removeEventListener("abort", stop);
            end.abort();
        }
    }

    /** Yield the events of one connection; null if the stream has no later event. A repeated `ask` is answered once. */
    async *#read(streamId, after, ask, signal, onState) {
        const answer = ask && after === 0
            ? await this.#ask(ask.method, ask.where, ask.body, signal)
            : await this.#ask("GET", `${path("streams", streamId, "events")}?after=${after}`, undefined, signal);
        onState("open");
        if (answer.status === 204) return yield null;
        try {
            for await (const { event, data, id } of sse(answer.body)) {
                const parsed = JSON.parse(data);
                if (event !== "cut") yield { type: event, data: parsed, seq: id === null ? null : Number(id) };
                else if (parsed.code === "token_revoked") throw new Refused(0, { type: parsed.code, ...parsed });
                else return; // the stream continues: reconnect
            }
        } catch (failed) {
            if (failed instanceof Refused || failed instanceof SyntaxError || failed.name === "AbortError") throw failed;
            throw new Unreachable(failed);
        }
    }
}

function path(...parts) {
    return parts.map((part) => `/${encodeURIComponent(part)}`).join("");
}

/** Sleep. A browser that comes back online ends the sleep. */
function slept(ms, signal) {
    return new Promise((resolve) => {
        const wake = () => {
            clearTimeout(timer);
            globalThis.removeEventListener?.("online", wake);
            signal.removeEventListener("abort", wake);
            resolve();
        };
        const timer = setTimeout(wake, ms);
        globalThis.addEventListener?.("online", wake);
        signal.addEventListener("abort", wake);
    });
}

// The service functions of the interface that names messages. Its session is an agent, its message is a stream.

/** Reserve the id of an assistant's message for ten minutes. */
export function createStreamingMessage(client, mid) {
    return client.request("POST", `${path("message", "stream", mid)}/create`);
}

/** Stop an assistant's message. */
export async function interruptMessage(client, mid) {
    return (await client.request("POST", `${path("message", "stream", mid)}/interrupt`)).interrupted;
}

/** Messages to sessions, with callbacks. The events are `session_start`, `stream_chunk` and others. */
export class ChatStreamService {
    #client;
    #running = new AbortController();

    constructor(client) {
        this.#client = client;
    }

    /**
     * Send `{query, session_id, assistant_message_id?}`, and call back for each event. The promise never rejects.
     * A connection that breaks is resumed; the chunk after it may be joined from several.
     */
    async sendMessage(request, { onEvent, onError = () => {}, onComplete = () => {} }) {
        this.abortStream();
        this.#running = new AbortController();
        const { signal } = this.#running;
        const mid = request.assistant_message_id ?? newId();
        onEvent({ type: "session_start", session_id: request.session_id, assistant_message_id: mid });
        try {
            for await (const event of this.#client.stream(request.session_id, request.query, { streamId: mid, signal })) {
                onEvent(named(event));
            }
            onComplete();
        } catch (failed) {
            if (!signal.aborted) onError(failed);
        }
    }

    /** Stop reading. The message itself continues: `interruptMessage` stops it. */
    abortStream() {
        this.#running.abort();
    }
}

function named({ type, data, seq }) {
    if (type === "token") return { type: "stream_chunk", content: data.text, metadata: { index: seq } };
    if (type === "error" && data.error.type === "cancelled") return { type: "interrupted", content: data.content };
    return { type, data };
}

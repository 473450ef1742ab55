/**
 * A turn as a value of its events. It has no DOM, so a page, a test and a program use the same one.
 *
 *     const turn = new Turn();
 *     for await (const event of client.stream("helper", "Hello")) turn.apply(event);
 */

export class Turn {
    /** Texts, reasonings and calls in their order: `{kind: "text" | "reasoning", text}`, `{kind: "call", ...}`. */
    parts = [];
    /** "waiting", "streaming", "complete", "cancelled" or "error". */
    status = "waiting";
    attempt = 1;
    usage = null;
    cost = null;
    metrics = null;
    warnings = [];
    /** The line for people of a failed turn. */
    error = null;
    /** Why the current attempt began. */
    resetBy = null;
    #kept = 0; // the parts of finished model calls, which a reset keeps
    #at = null;

    get text() {
        return this.parts.filter((part) => part.kind === "text").map((part) => part.text).join("");
    }

    get calls() {
        return this.parts.filter((part) => part.kind === "call");
    }

    get over() {
        return this.status !== "waiting" && this.status !== "streaming";
    }

    /** Apply an event. An unknown event, as of a later version, changes nothing. */
    apply({ type, data, at }) {
        if (this.status === "waiting") this.status = "streaming";
        this.#at = data?.at ?? at ?? Date.now() / 1000;
        this[HANDLERS[type]]?.(data);
    }

    onText({ text }) {
        this.#append("text", text);
    }

    onReasoning({ text }) {
        this.#append("reasoning", text);
    }

    onCall(call) {
        this.#call(call).arguments = call.function.arguments;
    }

    onArguments({ index, delta }) {
        const call = this.parts.slice(this.#kept).findLast((part) => part.kind === "call" && part.index === index);
        if (call) call.arguments += delta;
    }

    onExecution() {
        for (const call of this.calls) if (call.status === "pending") call.ready = true;
    }

    onToolStart({ tool_call, attempt_of_call = 1 }) {
        const call = this.#call(tool_call);
        call.startedAt = this.#at;
        call.arguments = tool_call.function.arguments; // a person may have edited them
        call.attempts = attempt_of_call;
        call.status = "executing";
        call.approval = null;
    }

    onProgress({ tool_call, data }) {
        const call = this.#call(tool_call);
        call.progress = data;
        call.status = "executing";
        call.startedAt ??= this.#at;
    }

    onApproval({ tool_call, timeout_s, kind, why, question }) {
        const call = this.#call(tool_call);
        call.arguments = tool_call.function.arguments;
        const note = why || (kind === "effect" ? "It may have taken effect: if you approve it, it runs again." : "");
        call.approval = { until: this.#at + timeout_s, why: note, question };
    }

    onDecided({ tool_call }) {
        this.#call(tool_call).approval = null;
    }

    onResult({ tool_call, result }) {
        const call = this.#call(tool_call);
        call.arguments ||= tool_call.function.arguments;
        call.status = result.error === null || result.error === undefined ? "complete" : "error";
        Object.assign(call, { result, attempts: result.attempts, elapsedS: result.elapsed_s, approval: null });
        if (this.calls.every((each) => each.result)) this.#kept = this.parts.length;
    }

    onReset({ content, attempt, message }) {
        this.attempt = attempt;
        this.resetBy = message;
        this.parts.length = this.#kept;
        const kept = this.text;
        if (content.startsWith(kept)) this.#append("text", content.slice(kept.length));
        else this.parts = [...this.calls, { kind: "text", text: content }];
        this.#kept = this.parts.length;
    }

    onWarning({ message }) {
        this.warnings.push(message);
    }

    onCompacted({ before, after }) {
        this.warnings.push(`the model gets less of the conversation: ${after} tokens in place of ${before}`);
    }

    onUsage({ usage, cost }) {
        Object.assign(this, { usage, cost });
    }

    onComplete({ usage, cost, metrics, refusal }) {
        if (refusal) this.warnings.push(refusal);
        Object.assign(this, { status: "complete", usage: usage ?? this.usage, cost: cost ?? this.cost, metrics });
    }

    onFailure({ error, message, metrics, response }) {
        const cancelled = error?.type === "cancelled";
        Object.assign(this, { status: cancelled ? "cancelled" : "error", error: message, metrics });
        if (response) Object.assign(this, { usage: response.usage, cost: response.cost });
        for (const call of this.calls) {
            call.approval = null;
            if (!call.result) call.status = "error";
        }
    }

    #append(kind, text) {
        const last = this.parts.at(-1);
        if (last?.kind === kind && this.parts.length > this.#kept) last.text += text;
        else if (text) this.parts.push({ kind, text });
    }

    #call({ id, index, function: { name } }) {
        const known = this.parts.findLast((part) => part.kind === "call" && part.id === id && !part.result);
        if (known) return known;
        const call = { kind: "call", id, index, name, arguments: "", status: "pending", attempts: 1, progress: null };
        this.parts.push(Object.assign(call, { ready: false, result: null, approval: null, startedAt: null, elapsedS: null }));
        return call;
    }
}

const HANDLERS = {
    token: "onText",
    reasoning: "onReasoning",
    function_start: "onCall",
    function_arguments: "onArguments",
    function_complete: "onCall",
    execution_start: "onExecution",
    tool_start: "onToolStart",
    tool_progress: "onProgress",
    approval_required: "onApproval",
    approval_decided: "onDecided",
    tool_result: "onResult",
    reset: "onReset",
    compacted: "onCompacted",
    warning: "onWarning",
    usage: "onUsage",
    complete: "onComplete",
    error: "onFailure",
    timeout: "onFailure",
    failed: "onFailure",
};

/** The types of client.js. Later versions may add events and keys. */

export interface ToolCall {
    id: string;
    type: string;
    index: number;
    function: { name: string; arguments: string };
    extra?: Record<string, unknown> | null;
}

export interface ToolResult {
    content: string;
    value: unknown;
    error: string | null;
    elapsed_s: number;
    attempts: number;
    parts: MediaPart[];
}

/** An image, a sound or a file of a message. Its bytes: GET /sessions/{id}/parts/{sha256}. */
export interface MediaPart {
    type: "image" | "audio" | "file";
    sha256: string;
    media_type: string;
    size_bytes: number;
    name: string;
}

/** An image, a sound or a file to send with a message. data: its bytes in base64. */
export interface GivenPart {
    type: "image" | "audio" | "file";
    data: string;
    name?: string;
}

/** The limits of the parts of one message. types: the accepted media types. */
export interface AcceptedParts {
    max_bytes: number;
    max_message_bytes: number;
    max_count: number;
    types: string[];
}

/** A message: a text, or parts in their order. */
export type Content = string | ({ type: "text"; text: string } | MediaPart)[];

export interface Usage {
    input_tokens: number | null;
    output_tokens: number | null;
    total_tokens: number | null;
    reasoning_tokens: number | null;
    cached_tokens: number | null;
}

export interface Metrics {
    total_time_ms: number;
    time_to_first_token_ms: number | null;
    token_count: number;
    tokens_per_second: number;
    function_calls: number;
    tool_time_ms: number;
    [more: string]: unknown;
}

export interface Answer {
    content: string;
    answer: string;
    tool_calls: ToolCall[];
    finish_reason: string | null;
    refusal: string | null;
    usage: Usage;
    model: string | null;
    metrics: Metrics | null;
    value: unknown;
    cost: number | null;
}

export interface Fault {
    type: string;
    [more: string]: unknown;
}

/** Data that every event has. attempt: left out while it is 1. at: Unix seconds; null if it is unknown. */
interface Common {
    attempt?: number;
    at?: number | null;
}

interface Failure extends Common {
    error: Fault;
    message: string;
    content: string;
    metrics: Metrics | null;
    response: Answer | null;
}

/** A question to a person. choices: the valid answers; empty: any text. several: an answer may have more than one. */
export interface Question {
    text: string;
    choices: string[];
    several: boolean;
    default: string | string[] | null;
    timeout_s: number | null;
}

interface DataOfTypes {
    start: { agent_id: string; stream_id: string; speaker?: string };
    token: { text: string; joined?: number };
    reasoning: { text: string; joined?: number };
    function_start: ToolCall;
    function_arguments: { index: number; delta: string; joined?: number };
    function_complete: ToolCall;
    execution_start: object;
    approval_required: {
        tool_call: ToolCall;
        timeout_s: number;
        why: string;
        deadline: number | null;
        on_timeout: "deny" | "approve";
        kind: "approval" | "question" | "budget" | "effect";
        question: Question | null;
    };
    approval_decided: {
        tool_call: ToolCall;
        decision: "approved" | "answered" | "denied" | "expired";
        by: string | null;
        reason: string;
        edited: boolean;
        grant: string | null;
    };
    tool_start: { tool_call: ToolCall; attempt_of_call: number };
    tool_progress: { tool_call: ToolCall; data: unknown };
    tool_result: { tool_call: ToolCall; result: ToolResult };
    handoff: { speaker: string };
    sub_agent: { path: string[]; stream_id: string; seq: number; event: string; data: unknown };
    reset: { error: Fault; message: string; content: string; attempt: number };
    compacted: {
        before: number;
        after: number;
        messages: number;
        results: number;
        summary: string;
        error: Fault | null;
    };
    warning: { error: Fault; message: string };
    usage: {
        usage: Usage;
        cost: number | null;
        session_tokens: number | null;
        session_cost: number | null;
    };
    complete: Answer;
    error: Failure;
    timeout: Failure;
}

/** An event of a stream. seq: its number, from 1. */
export type StreamEvent = {
    [T in keyof DataOfTypes]: { type: T; data: DataOfTypes[T] & Common; seq: number };
}[keyof DataOfTypes];

export interface Sse {
    event: string;
    data: string;
    id: string | null;
}

export interface Me {
    user: string | null;
    scopes: string[];
    csrf?: string | null;
    parts: AcceptedParts;
}

export interface AgentInfo {
    id: string;
    name: string;
    model: string;
    api: string;
    tools: string[];
    when_busy: string;
    messages: number;
    streams: { id: string; status: string; seq: number }[];
    owner?: string | null;
}

export interface SessionInfo {
    id: string;
    name: string;
    title: string | null;
    live: boolean;
    owner: string | null;
    created_at: string | null;
    updated_at: string | null;
    message_count: number;
}

export interface Message {
    role: "system" | "user" | "assistant" | "tool";
    content: Content;
    [more: string]: unknown;
}

export interface SessionStream {
    id: string;
    status: string;
    last_seq: number;
    message: Content | null;
    [more: string]: unknown;
}

export interface Session extends SessionInfo {
    conversation: Message[];
    streams: SessionStream[];
}

export interface StreamSummary {
    stream_id: string;
    agent_id: string | null;
    status: string;
    state?: string;
    seq: number;
}

export interface Decided {
    call_id: string;
    decision: "approved" | "answered" | "denied" | "expired";
}

export type State = "connecting" | "open" | "reconnecting";

export interface ReadOptions {
    /** Ends the loop, not the turn. */
    signal?: AbortSignal;
    /** How long to try to reconnect, in ms. */
    patienceMs?: number;
    onState?: (state: State) => void;
}

export interface ClientOptions {
    /** The gateway's address. A page that the gateway serves omits it. */
    url?: string | URL;
    /** null: a page session. */
    token?: string | null;
    fetch?: typeof globalThis.fetch;
    /** Called when a page session has ended. After it, the refused request is sent again. */
    logInAgain?: (() => Promise<void>) | null;
}

export const LAST: Set<string>;
export function newId(): string;
export function sse(body: ReadableStream<Uint8Array>, silenceMs?: number): AsyncGenerator<Sse, void, void>;

export class SseDecoder {
    feed(bytes: Uint8Array): Sse[];
}

export class Refused extends Error {
    readonly status: number;
    readonly type: string;
    readonly faults: string[];
}

export class Unreachable extends Error {}

export class Client {
    constructor(options?: ClientOptions);

    logIn(secret: { code: string } | { token: string }): Promise<Me>;
    me(): Promise<Me>;
    logOut(): Promise<void>;
    ticket(streamId?: string | null): Promise<{ ticket: string; expires_in: number }>;

    agents(): Promise<{ id: string; name: string; live: boolean; owner?: string | null }[]>;
    startAgent(config: Record<string, unknown>): Promise<AgentInfo>;
    agent(agentId: string): Promise<AgentInfo>;
    stopAgent(agentId: string): Promise<{ stopped: boolean }>;

    sessions(page?: { after?: string; limit?: number }): Promise<SessionInfo[]>;
    session(sessionId: string): Promise<Session>;
    renameSession(sessionId: string, title: string | null): Promise<SessionInfo>;
    deleteSession(sessionId: string): Promise<{ deleted: boolean }>;
    forkSession(sessionId: string, fork?: { id?: string; at?: { stream_id: string; seq?: number } }): Promise<SessionInfo>;

    chat(agentId: string, message: string, options?: { streamId?: string; parts?: GivenPart[] }): Promise<{ stream_id: string; response: Answer }>;
    stream(agentId: string, message: string, options?: ReadOptions & { streamId?: string; parts?: GivenPart[] }): AsyncGenerator<StreamEvent, void, void>;
    events(streamId: string, options?: ReadOptions & { after?: number }): AsyncGenerator<StreamEvent, void, void>;
    show(streamId: string): Promise<StreamSummary>;
    cancel(streamId: string): Promise<boolean>;
    abort(streamId: string): Promise<boolean>;
    approve(streamId: string, callId: string, shown?: string, edited?: string): Promise<Decided>;
    deny(streamId: string, callId: string, reason?: string): Promise<Decided>;
    answer(streamId: string, callId: string, answer: string | string[], question?: string): Promise<Decided>;
    steer(streamId: string, message: string, parts?: GivenPart[]): Promise<boolean>;

    request(method: string, where: string, body?: unknown): Promise<any>;
}

export interface ChatStreamRequest {
    query: string;
    session_id: string;
    assistant_message_id?: string;
}

export interface ChatStreamEvent {
    type: string;
    content?: string;
    metadata?: { index: number };
    session_id?: string;
    assistant_message_id?: string;
    data?: unknown;
}

export interface ChatStreamCallbacks {
    onEvent: (event: ChatStreamEvent) => void;
    onError?: (error: Error) => void;
    onComplete?: () => void;
}

export function createStreamingMessage(client: Client, mid: string): Promise<{ assistant_message_id: string; expires_in_s: number }>;
export function interruptMessage(client: Client, mid: string): Promise<boolean>;

export class ChatStreamService {
    constructor(client: Client);
    sendMessage(request: ChatStreamRequest, callbacks: ChatStreamCallbacks): Promise<void>;
    abortStream(): void;
}

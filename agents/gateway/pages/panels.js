/** The lists beside the tree, and the panel of one agent. Each function returns nodes for a part of the page. */

import { button, el } from "./dom.js";
import { seconds } from "./timeline.js";
import { ago, reasonOf, shortName } from "./tree.js";

export function figures({ system, turns, more_turns: more, workers, providers }) {
    const open = providers.filter((each) => each.breaker !== "closed").length;
    return [
        ["Processes", system.processes], ["Ready", system.ready], ["Turns", turns.length + more],
        ["Workers busy", workers ? `${workers.running.length} of ${workers.size}` : "–"],
        ["Breakers open", open], ["Dead letters", system.dead_letters],
    ].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value))));
}

/** show: called with a stream's id, and opens its timeline. */
export function turns({ turns: running, more_turns: more, at }, show) {
    if (!running.length) return [el("p", { class: "soft" }, "No turn runs.")];
    const rows = running.map((turn) => [
        button({ text: turn.stream_id, class: "link", name: `Show the timeline of ${turn.stream_id}` }, () => show(turn.stream_id)),
        turn.agent_id, turn.state ?? "", turn.began_at ? seconds(Math.max(0, at - turn.began_at)) : "", turn.seq,
    ]);
    return [table(["Stream", "Agent", "State", "Since", "Events"], rows), more ? el("p", { class: "soft" }, `… and ${more} more`) : ""];
}

export function approvals({ approvals: waiting }, show) {
    if (!waiting.length) return [el("p", { class: "soft" }, "No call waits.")];
    return [el("ul", { class: "cards" }, waiting.map(({ tool_call: call, agent_id: agent, stream_id: stream, expires_in_s: left, on_timeout: then, question, why }) => el("li", {},
        el("strong", {}, call.function.name), " ", el("span", { class: "soft" }, `of ${agent}, ${question ? "waits for an answer for" : then === "approve" ? "goes on in" : "denied in"} ${seconds(left)}`), why ? el("span", {}, ` ${why}`) : "",
        el("code", {}, question ? question.text : call.function.arguments), button({ text: "Timeline", class: "quiet" }, () => show(stream)))))];
}

export function crashes({ crashes: all, at }) {
    if (!all.length) return [el("p", { class: "soft" }, "No crash since the start.")];
    return [el("ol", { class: "cards" }, all.slice(0, 12).map((crash) => el("li", { class: "bad" },
        el("strong", {}, reasonOf(crash)), ` ${crash.name || crash.child}`, " ", el("span", { class: "soft" }, `${crash.pid} of ${crash.supervisor}, ${ago(crash.at, at)}`),
        crash.where && el("code", {}, crash.where))))];
}

/** reset: called with an agent's id; null: without the buttons. */
export function crashedAgents({ crashed_agents: all, at }, reset) {
    if (!all.length) return [el("p", { class: "soft" }, "No agent has crashed.")];
    return [el("ul", { class: "cards" }, all.map(({ id, state, crashes: count, next_s: next, crash }) => el("li", { class: state === "running" ? "" : "bad" },
        el("strong", {}, id), ` ${next === null ? state : `restarts in ${seconds(next)}`}`, " ",
        el("span", { class: "soft" }, `crashes ${count}, the last one by ${reasonOf(crash)}, ${ago(crash.at, at)}`),
        crash.where && el("code", {}, crash.where),
        reset && button({ text: "Reset", name: `Reset ${id}`, class: "quiet" }, () => reset(id)))))];
}

export function busiest({ busiest: all }) {
    const rows = all.map((info) => [info.name ? shortName(info.name) : info.label, info.status, info.mailbox, info.reductions, `${Math.round(info.memory_bytes / 1024)} KiB`]);
    return [table(["Process", "Status", "Mailbox", "Reductions", "Memory"], rows)];
}

export function providers({ providers: all }) {
    if (!all.length) return [el("p", { class: "soft" }, "No provider is in use.")];
    return [table(["Address", "Breaker", "Failures"], all.map((each) => [
        each.address, el("span", { class: `pill ${each.breaker === "closed" ? "good" : "bad"}` }, each.breaker.replace("_", " ")), each.failures,
    ]))];
}

export function workers({ workers: pool }) {
    if (!pool) return [el("p", { class: "soft" }, "The pool is being restarted.")];
    const busy = pool.running.length ? `: ${pool.running.join(", ")}` : "";
    return [el("p", {}, `${pool.running.length} of ${pool.size} run calls${busy}`), pool.waiting ? el("p", { class: "soft" }, `${pool.waiting} calls wait`) : ""];
}

/**
 * Return the panel of an agent: its streams, and the actions of an admin.
 * actions: `{show, cancel, stop, suspend, resume, close}`; admin: without it, the panel only shows.
 */
export function agentPanel(agent, { suspended, admin, fault }, actions) {
    const title = el("h2", { id: "agent-title" }, `Agent ${agent.id}`);
    const buttons = admin ? [
        suspended ? button({ text: "Resume" }, actions.resume) : button({ text: "Suspend" }, actions.suspend),
        button({ text: "Stop", class: "danger" }, actions.stop),
    ] : [];
    const rows = (agent.streams ?? []).map((stream) => [
        button({ text: stream.id, class: "link", name: `Show the timeline of ${stream.id}` }, () => actions.show(stream.id)),
        stream.status, stream.seq,
        admin && ["running", "waiting"].includes(stream.status) ? button({ text: "Cancel", class: "danger", name: `Cancel ${stream.id}` }, () => actions.cancel(stream.id)) : "",
    ]);
    const about = fault ? el("p", { class: "fault", role: "alert" }, fault) : el("p", { class: "soft" }, [agent.name, agent.model, agent.messages === undefined ? null : `${agent.messages} messages`, suspended ? "suspended" : null].filter(Boolean).join(" · "));
    return [
        el("div", { class: "head" }, title, ...buttons, button({ symbol: "close", name: "Close the agent" }, actions.close)),
        about, rows.length ? table(["Stream", "Status", "Events", ...(admin ? ["Action"] : [])], rows.map((row) => (admin ? row : row.slice(0, 3)))) : el("p", { class: "soft" }, "No stream is kept in memory."),
    ];
}

function table(names, rows) {
    return el("div", { class: "wide", tabindex: 0, role: "group", "aria-label": names[0] + " table" }, el("table", {},
        el("thead", {}, el("tr", {}, names.map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, typeof cell === "object" ? cell : String(cell))))))));
}

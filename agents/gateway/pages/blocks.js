/**
 * The blocks of Markdown, as data. `raw` is a block's source, and `at` is its place in the text.
 *
 *     {type: "paragraph", text}          {type: "heading", level, text}      {type: "rule"}
 *     {type: "code", language, text, open}                                    {type: "table", align, rows}
 *     {type: "quote", children}          {type: "list", ordered, start, children: [{type: "item", children, task}]}
 */

const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?=\s|$)/;
const RULE = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])( +|$)/;
const DELIMITERS = /^ {0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const DEEPEST = 12;

export function blocks(text, depth = 0) {
    const lines = text.split("\n");
    const found = [];
    let at = 0;
    for (let first = 0; first < lines.length; ) {
        const [block, count] = blockAt(lines, first, depth);
        const raw = lines.slice(first, first + count).join("\n");
        if (block) found.push({ ...block, raw, at });
        first += count;
        at += raw.length + 1;
    }
    return found;
}

/** Return the block that begins at a line, and the number of its lines; null for an empty line. */
function blockAt(lines, first, depth) {
    const line = lines[first];
    if (!line.trim()) return [null, 1];
    const fence = FENCE.exec(line);
    if (fence) return code(lines, first, fence);
    const heading = HEADING.exec(line);
    if (heading) return [{ type: "heading", level: heading[1].length, text: line.slice(heading[0].length).trim().replace(/(^| )#+$/, "") }, 1];
    if (RULE.test(line)) return [{ type: "rule" }, 1];
    if (depth < DEEPEST && QUOTE.test(line)) return quote(lines, first, depth);
    if (depth < DEEPEST && ITEM.test(line)) return list(lines, first, depth);
    if (isTable(lines, first)) return table(lines, first);
    return paragraph(lines, first, depth);
}

function code(lines, first, [opening, mark, language]) {
    const indent = opening.length - opening.trimStart().length;
    const closing = new RegExp(`^ {0,3}${mark[0] === "~" ? "~" : "`"}{${mark.length},}\\s*$`);
    let end = first + 1;
    while (end < lines.length && !closing.test(lines[end])) end += 1;
    const body = lines.slice(first + 1, end).map((line) => line.replace(new RegExp(`^ {0,${indent}}`), ""));
    const open = end === lines.length;
    const text = body.join("\n");
    return [{ type: "code", language: language.trim().split(/\s/)[0], text, open }, (open ? end : end + 1) - first];
}

function quote(lines, first, depth) {
    let end = first;
    while (end < lines.length && (QUOTE.test(lines[end]) || (end > first && continues(lines, end, depth)))) end += 1;
    const inner = lines.slice(first, end).map((line) => line.replace(QUOTE, "")).join("\n");
    return [{ type: "quote", children: blocks(inner, depth + 1) }, end - first];
}

function list(lines, first, depth) {
    const [, , bullet] = ITEM.exec(lines[first]);
    const kind = bullet.at(-1);
    const children = [];
    let end = first;
    while (end < lines.length) {
        const begin = ITEM.exec(lines[end]);
        if (!begin || begin[2].at(-1) !== kind || RULE.test(lines[end])) break;
        const last = itemEnd(lines, end, begin, depth);
        children.push(item(lines.slice(end, last), begin, depth));
        end = last;
        while (end < lines.length && !lines[end].trim() && ITEM.test(lines[end + 1] ?? "")) end += 1;
    }
    const ordered = bullet.length > 1;
    return [{ type: "list", ordered, start: ordered ? parseInt(bullet, 10) : 1, children }, end - first];
}

function itemEnd(lines, first, [opening], depth) {
    const width = opening.length || 2;
    let end = first + 1;
    for (let at = end; at < lines.length; at += 1) {
        const line = lines[at];
        if (!line.trim()) continue;
        const indented = line.search(/\S/) >= Math.min(width, 4) || line.startsWith("\t");
        if (!indented && (at > end || ITEM.test(line) || !continues(lines, at, depth))) break;
        end = at + 1;
    }
    return end;
}

function item(lines, [opening], depth) {
    const width = opening.length;
    const inner = [lines[0].slice(width), ...lines.slice(1).map((line) => dedent(line, width))].join("\n");
    const task = /^\[([ xX])\] /.exec(inner);
    return {
        type: "item",
        raw: lines.join("\n"),
        task: task ? task[1] !== " " : null,
        children: blocks(task ? inner.slice(4) : inner, depth + 1),
    };
}

function dedent(line, width) {
    const blank = line.startsWith("\t") ? 1 : line.search(/\S|$/);
    return line.slice(Math.min(blank, line.startsWith("\t") ? 1 : width));
}

/** Return whether a line belongs to the paragraph before it. */
function continues(lines, at, depth) {
    const line = lines[at];
    const begins = FENCE.test(line) || HEADING.test(line) || RULE.test(line) || (depth < DEEPEST && QUOTE.test(line));
    const item = depth < DEEPEST && ITEM.exec(line);
    return Boolean(line.trim()) && !begins && !(item && item[3]);
}

function paragraph(lines, first, depth) {
    let end = first + 1;
    while (end < lines.length && continues(lines, end, depth) && !isTable(lines, end)) end += 1;
    const text = lines.slice(first, end).map((line) => line.trimStart()).join("\n").trimEnd();
    return [{ type: "paragraph", text }, end - first];
}

function isTable(lines, first) {
    const under = lines[first + 1];
    return under !== undefined && lines[first].includes("|") && under.includes("|") && DELIMITERS.test(under);
}

function table(lines, first) {
    let end = first + 2;
    while (end < lines.length && lines[end].includes("|")) end += 1;
    const align = cells(lines[first + 1]).map((cell) => (cell.endsWith(":") ? (cell[0] === ":" ? "center" : "right") : "left"));
    const rows = [lines[first], ...lines.slice(first + 2, end)].map((line) => ({ type: "row", raw: line, cells: cells(line) }));
    return [{ type: "table", align, rows }, end - first];
}

function cells(line) {
    const inner = line.trim().replace(/^\|/, "").replace(/\|$/, "");
    return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

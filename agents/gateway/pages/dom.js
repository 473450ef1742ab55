/** DOM nodes from data. Text becomes text nodes and attributes, and never HTML. */

const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/**
 * Return an element. attributes: `class`, `aria-label` and so on; a function listens to the event of its name; true is
 * an attribute without a value; null and false are left out. children: nodes and texts; null and false are left out.
 */
export function el(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) continue;
        if (typeof value === "function") element.addEventListener(name, value);
        else if (name.startsWith("on") || name === "style" || name === "srcdoc") throw new TypeError(`expected no ${name}`);
        else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

/** Return the address if a link may have it; null for `javascript:` and every other scheme. */
export function safeAddress(text) {
    try {
        const url = new URL(text);
        return SCHEMES.has(url.protocol) ? url.href : null;
    } catch {
        return null;
    }
}

/** Set the text of an element, if it differs. */
export function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

/** Return an icon of the page's sprite. It has no name: its button has one. */
export function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `#icon-${name}`);
    svg.append(use);
    return svg;
}

/** Return a button with a text, or with an icon and a name for screen readers. */
export function button({ text = null, name = null, symbol = null, ...attributes }, pressed) {
    const usual = { type: "button", "aria-label": name, title: name, class: symbol && "quiet square", click: pressed };
    return el("button", { ...usual, ...attributes },
        symbol && icon(symbol), text && el("span", {}, text));
}

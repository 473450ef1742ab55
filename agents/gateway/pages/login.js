/** The login of a page: with the code in its address, with an earlier login, or with a token. */

import { ask } from "./dialogs.js";

const HOW = "Paste a token, or run “understudy open” for a page that is logged in.";

/** Ask for a token until one is valid, and return the login. */
export async function logIn(client, text = HOW) {
    let me;
    await ask({
        title: "Log in",
        text,
        closable: false,
        action: "Log in",
        fields: [{ name: "token", label: "Token", type: "password", required: true }],
        submit: async (given) => { me = await client.logIn(given); },
    });
    return me;
}

/** Return the login of this page. A code leaves the address, and so the history, before anything else happens. */
export async function enter(client) {
    const code = new URLSearchParams(location.hash.slice(1)).get("code");
    if (code) history.replaceState(null, "", location.pathname + location.search);
    try {
        return await (code ? client.logIn({ code }) : client.me());
    } catch (failed) {
        return logIn(client, code ? failed.message : HOW);
    }
}

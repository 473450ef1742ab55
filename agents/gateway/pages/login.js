// The login of a person: by the one-time code in the address, by an earlier login, or by a token.

const part = (id) => document.getElementById(id);
let csrf = "";

async function asked(method, path, body) {
    const headers = {"Content-Type": "application/json", ...(csrf ? {"X-CSRF-Token": csrf} : {})};
    const answer = await fetch(path, {method, headers, body: body && JSON.stringify(body)});
    const data = answer.status === 204 ? {} : await answer.json();
    if (!answer.ok) throw new Error(data.error.message);
    return data;
}

function show(me, text) {
    csrf = me ? me.csrf : "";
    part("status").textContent = text;
    part("login").hidden = Boolean(me);
    part("logout").hidden = !me;
}

async function logIn(body) {
    try {
        const me = await (body ? asked("POST", "login", body) : asked("GET", "me"));
        show(me, `Logged in as ${me.user ?? "the administrator"}: ${me.scopes.join(", ")}`);
    } catch (failed) {
        show(null, body ? failed.message : "Log in with a token, or run: understudy open");
    }
}

// The code leaves the address, and so the history, before anything else happens.
const code = new URLSearchParams(location.hash.slice(1)).get("code");
if (code) history.replaceState(null, "", location.pathname + location.search);

part("login").addEventListener("submit", (event) => {
    event.preventDefault();
    const token = part("token").value.trim();
    part("token").value = "";
    logIn({token});
});
part("logout").addEventListener("click", async () => {
    await asked("POST", "logout");
    show(null, "Logged out");
});
await logIn(code ? {code} : null);

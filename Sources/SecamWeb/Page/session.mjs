// The session with the gateway, over HTTP. The browser keeps the cookie; scripts cannot read it.

const sessionPath = "/api/v1/session";
const sessionsPath = "/api/v1/sessions";

/** The gateway's refusal: `reason` is credentials, code, locked, busy or session; `retryAfter` is in seconds. */
export class Refusal extends Error {
  constructor(reason, retryAfter = 0) {
    super(reason);
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

async function request(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
  });
  if (response.ok) return response.status === 204 ? undefined : response.json();
  const answer = await response.json().catch(() => ({}));
  throw new Refusal(answer.error ?? (response.status === 401 ? "session" : "server"), answer.retryAfter);
}

/**
 * Signs in. The gateway answers with a cookie.
 *
 * @param {string} [code] second factor
 * @throws {Refusal | TypeError} TypeError when the gateway is unreachable
 */
export function signIn(user, password, code) {
  return request("POST", sessionPath, { user, password, ...(code ? { code } : {}) });
}

export function signOut() {
  return request("DELETE", sessionPath);
}

/** Returns the user and its role, or `undefined` without a valid session. */
export async function currentUser() {
  try {
    return await request("GET", sessionPath);
  } catch (error) {
    if (error.reason === "session") return undefined;
    throw error;
  }
}

/** Returns all sessions of the user. */
export function listSessions() {
  return request("GET", sessionsPath);
}

export function revokeSession(id) {
  return request("DELETE", `${sessionsPath}/${encodeURIComponent(id)}`);
}

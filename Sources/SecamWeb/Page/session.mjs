// The session with the gateway, over HTTP. The browser keeps the cookie; scripts cannot read it.

const sessionPath = "/api/v1/session";
const sessionsPath = "/api/v1/sessions";
const tokensPath = "/api/v1/tokens";
const factorPath = "/api/v1/second-factor";

/**
 * The gateway's refusal: `reason` is the code of an error, such as credentials, code, locked, busy or session;
 * `retryAfter` is in seconds.
 */
export class Refusal extends Error {
  constructor(reason, retryAfter = 0) {
    super(reason);
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

const refusals = {
  credentials: "User or password is wrong.",
  code: "The code is wrong or has expired.",
  enrolment: "You need a second factor.",
  busy: "The gateway is busy. Try again.",
  badRequest: "The gateway does not accept these values.",
  tooMany: "You have too many. Revoke one first.",
  locked: "Too many attempts. Try again later.",
};

/** Returns what an error of these functions means for the user. */
export function refusalText(error) {
  if (!(error instanceof Refusal)) return "The gateway cannot be reached. Check the network, then try again.";
  return refusals[error.reason] ?? "The gateway cannot do this now. Try again.";
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

/** Returns the user's tokens for tools. */
export function listTokens() {
  return request("GET", tokensPath);
}

/**
 * Makes a token for a tool.
 *
 * @param {{user: string, password: string, code?: string}} credentials
 * @param {{label: string, cameras: "all" | string[], scopes: string[], lifetime: string | null}} token
 * @returns {Promise<{id: string, token: string}>}
 */
export function addToken(credentials, token) {
  return request("POST", tokensPath, { ...credentials, ...token });
}

export function removeToken(id) {
  return request("DELETE", `${tokensPath}/${encodeURIComponent(id)}`);
}

/**
 * Returns a new second factor, which is not set yet: its secret, and the rows of its QR code.
 *
 * @returns {Promise<{secret: string, typedSecret: string, address: string, picture: string[]}>}
 */
export function makeSecondFactor(user, password) {
  return request("POST", factorPath, { user, password });
}

/**
 * Sets the second factor and ends all sessions of the user.
 *
 * @param {string} code a code of the new second factor
 * @returns {Promise<{recoveryCodes: string[]}>}
 */
export function setSecondFactor(user, password, secret, code) {
  return request("PUT", factorPath, { user, password, secret, code });
}

export function removeSecondFactor(user, password, code) {
  return request("DELETE", factorPath, { user, password, code });
}

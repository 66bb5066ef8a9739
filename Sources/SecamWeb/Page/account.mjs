// The dialog with the user's second factor, sessions and tokens.

import { secondFactor } from "./second-factor.mjs";
import { currentUser, listSessions, revokeSession } from "./session.mjs";
import { timeText } from "./text.mjs";
import { Tokens } from "./tokens.mjs";

export class Account {
  #dialog = document.querySelector("#account");
  #rows = this.#dialog.querySelector(".sessions");
  #error = this.#dialog.querySelector(".error");
  #template = document.querySelector("#session");
  #tokens = new Tokens();
  #user;

  constructor() {
    this.#dialog.querySelector(".factor-button").addEventListener("click", () => {
      if (this.#user.hasSecondFactor) secondFactor.remove(this.#user.user);
      else secondFactor.setUp(this.#user.user);
    });
    this.#dialog.querySelector(".token-button").addEventListener("click", () => this.#tokens.add(this.#user));
  }

  open(user) {
    this.#show(user);
    this.#dialog.showModal();
    void this.#load();
  }

  #show(user) {
    this.#user = user;
    this.#dialog.querySelector(".who").textContent =
      `Signed in as ${user.user}${user.isAdministrator ? ", administrator" : ""}.`;
    this.#dialog.querySelector(".factor").textContent = user.hasSecondFactor
      ? "Signing in from a new browser asks for a code of your authenticator app."
      : "With a second factor, a stolen password alone does not open your account.";
    const button = this.#dialog.querySelector(".factor-button");
    button.textContent = user.hasSecondFactor ? "Remove…" : "Set up…";
    button.hidden = user.hasSecondFactor && user.needsSecondFactor;
  }

  close() {
    this.#dialog.close();
  }

  async #load() {
    try {
      const [user, sessions] = await Promise.all([currentUser(), listSessions(), this.#tokens.load()]);
      if (user !== undefined) this.#show(user);
      this.#rows.replaceChildren(...sessions.map((session) => this.#row(session)));
      this.#error.textContent = "";
    } catch {
      this.#error.textContent = "The gateway does not list sessions and tokens now.";
    }
  }

  #row({ id, created, lastUsed, address, client, isCurrent }) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    const name = clientName(client);
    row.querySelector("strong").textContent = isCurrent ? `${name} (this session)` : name;
    row.querySelector(".what span").textContent =
      `${address} · since ${timeText(Date.parse(created))} · last used ${timeText(Date.parse(lastUsed))}`;
    row.title = client;
    const button = row.querySelector("button");
    // Signing out ends this one.
    button.hidden = isCurrent;
    button.setAttribute("aria-label", `Revoke ${name}, ${address}`);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await revokeSession(id).catch(() => {});
      await this.#load();
    });
    return row;
  }
}

/** "Firefox on Android" for a User-Agent, or what a program calls itself. */
function clientName(client) {
  const first = (...names) => names.find((name) => client.includes(name));
  const browser = first("Edg", "Firefox", "Chrome", "Safari")?.replace("Edg", "Edge");
  const system = first("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux") ?? "another system";
  return browser ? `${browser} on ${system}` : client || "Unknown program";
}

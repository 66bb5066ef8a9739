// The dialog with the user's sessions.

import { listSessions, revokeSession } from "./session.mjs";
import { timeText } from "./text.mjs";

export class Account {
  #dialog = document.querySelector("#account");
  #rows = this.#dialog.querySelector(".rows");
  #error = this.#dialog.querySelector(".error");
  #template = document.querySelector("#session");

  open({ user, isAdministrator }) {
    this.#dialog.querySelector(".who").textContent =
      `Signed in as ${user}${isAdministrator ? ", administrator" : ""}.`;
    this.#dialog.showModal();
    void this.#load();
  }

  close() {
    this.#dialog.close();
  }

  async #load() {
    try {
      const sessions = await listSessions();
      this.#rows.replaceChildren(...sessions.map((session) => this.#row(session)));
      this.#error.textContent = "";
    } catch {
      this.#error.textContent = "The gateway does not list the sessions now.";
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

// The user's tokens for tools: their list, and the dialog that makes one.

import { addToken, listTokens, refusalText, removeToken } from "./session.mjs";
import { timeText } from "./text.mjs";

export class Tokens {
  #list = document.querySelector("#account .tokens");
  #dialog = document.querySelector("#token");
  #form = this.#dialog.querySelector("form");
  #button = this.#form.querySelector("button");
  #error = this.#form.querySelector(".error");
  #template = document.querySelector("#session");
  #user;
  #isDone = false;

  constructor() {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#isDone) this.#dialog.close();
      else void this.#submit();
    });
    this.#dialog.addEventListener("close", () => {
      this.#form.reset();
      // The token is a password.
      this.#show(undefined);
    });
  }

  /** @throws when the gateway does not list them */
  async load() {
    const tokens = await listTokens();
    this.#list.replaceChildren(...tokens.map((token) => this.#row(token)));
  }

  add({ user, hasSecondFactor }) {
    this.#user = user;
    this.#form.querySelector(".code").hidden = !hasSecondFactor;
    this.#show(undefined);
    this.#dialog.showModal();
  }

  #show(token) {
    this.#isDone = token !== undefined;
    this.#form.querySelector(".codes").textContent = token ?? "";
    this.#button.textContent = this.#isDone ? "Done" : "Create";
    this.#error.textContent = "";
    for (const part of this.#form.querySelectorAll("[data-step]")) {
      part.hidden = (part.dataset.step === "done") !== this.#isDone;
    }
  }

  async #submit() {
    const { label, cameras, lifetime, password, code } = this.#form.elements;
    const names = cameras.value.split(",").map((name) => name.trim()).filter(Boolean);
    const scopes = [...this.#form.querySelectorAll("[name=scope]:checked")].map((box) => box.value);
    if (scopes.length === 0) {
      this.#error.textContent = "Choose at least one permission.";
      return;
    }
    this.#button.disabled = true;
    try {
      const { token } = await addToken(
        { user: this.#user, password: password.value, ...(code.value.trim() ? { code: code.value.trim() } : {}) },
        {
          label: label.value, cameras: names.length > 0 ? names : "all", scopes, lifetime: lifetime.value || null,
        });
      this.#show(token);
      this.#button.disabled = false;
      this.#button.focus();
      await this.load();
    } catch (error) {
      this.#error.textContent = refusalText(error);
    }
    this.#button.disabled = false;
  }

  #row({ id, label, scopes, cameras, expires, lastUsed }) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    const name = label || "Unnamed token";
    row.querySelector("strong").textContent = name;
    row.querySelector(".what span").textContent = [
      cameras === "all" ? "all cameras" : cameras.join(", "), scopes.join(", "),
      expires ? `expires ${timeText(Date.parse(expires))}` : "never expires",
      lastUsed ? `last used ${timeText(Date.parse(lastUsed))}` : "not used",
    ].join(" · ");
    const button = row.querySelector("button");
    button.setAttribute("aria-label", `Revoke ${name}`);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await removeToken(id).catch(() => {});
      await this.load().catch(() => {});
    });
    return row;
  }
}

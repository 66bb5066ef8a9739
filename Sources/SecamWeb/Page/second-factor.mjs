// The dialog that sets up or removes the second factor.

import { makeSecondFactor, refusalText, removeSecondFactor, setSecondFactor } from "./session.mjs";

/** Light modules around a QR code, by which readers find it. */
const margin = 4;

const titles = { remove: "Remove the second factor" };
const buttons = { password: "Continue", scan: "Set up", codes: "Done", remove: "Remove" };

class SecondFactor {
  #dialog = document.querySelector("#second-factor");
  #form = this.#dialog.querySelector("form");
  #button = this.#form.querySelector("button");
  #error = this.#form.querySelector(".error");
  #user;
  #step;
  #secret;

  constructor() {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#dialog.addEventListener("close", () => {
      this.#form.reset();
      this.#secret = undefined;
    });
  }

  /**
   * Sets up a second factor.
   *
   * @param {string} [password] what the user has typed already
   */
  setUp(user, password) {
    this.#open(user, "password");
    if (password === undefined) return;
    this.#form.elements.password.value = password;
    void this.#submit();
  }

  remove(user) {
    this.#open(user, "remove");
  }

  #open(user, step) {
    this.#user = user;
    this.#show(step);
    this.#dialog.showModal();
  }

  #show(step) {
    this.#step = step;
    this.#dialog.querySelector("h2").textContent = titles[step] ?? "Second factor";
    this.#button.textContent = buttons[step];
    this.#error.textContent = "";
    for (const part of this.#form.querySelectorAll("[data-step]")) {
      part.hidden = !part.dataset.step.split(" ").includes(step);
      const input = part.querySelector("input");
      if (input) input.required = !part.hidden;
    }
    ([...this.#form.elements].find((input) => input.name && input.checkVisibility()) ?? this.#button).focus();
  }

  async #submit() {
    const { password, code } = this.#form.elements;
    this.#button.disabled = true;
    try {
      switch (this.#step) {
        case "password": this.#showSecret(await makeSecondFactor(this.#user, password.value)); break;
        case "scan": {
          const { recoveryCodes } =
            await setSecondFactor(this.#user, password.value, this.#secret, code.value.trim());
          this.#form.querySelector(".codes").textContent = recoveryCodes.join("\n");
          this.#show("codes");
          break;
        }
        case "remove":
          await removeSecondFactor(this.#user, password.value, code.value.trim());
          this.#dialog.close();
          break;
        default: this.#dialog.close();
      }
    } catch (error) {
      this.#error.textContent = refusalText(error);
      code.select();
    }
    this.#button.disabled = false;
  }

  #showSecret({ secret, typedSecret, picture }) {
    this.#secret = secret;
    this.#form.querySelector(".secret").textContent = typedSecret;
    const qr = this.#form.querySelector(".qr");
    const side = picture.length + 2 * margin;
    qr.setAttribute("viewBox", `${-margin} ${-margin} ${side} ${side}`);
    const modules = picture.flatMap((row, y) => [...row].map((dark, x) => dark === "1" ? `M${x} ${y}h1v1h-1z` : ""));
    qr.querySelector("path").setAttribute("d", modules.join(""));
    this.#show("scan");
  }
}

/** The one dialog, for users who are signed in and for those who need a second factor to sign in. */
export const secondFactor = new SecondFactor();

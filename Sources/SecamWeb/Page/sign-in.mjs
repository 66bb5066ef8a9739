// The form that asks for user, password and second factor.

import { secondFactor } from "./second-factor.mjs";
import { refusalText, signIn } from "./session.mjs";
import { durationText } from "./text.mjs";

export class SignIn {
  #view = document.querySelector("#sign-in");
  #form = this.#view.querySelector("form");
  #button = this.#form.querySelector("button");
  #error = this.#form.querySelector(".error");
  #reason = this.#form.querySelector(".reason");
  #onSignedIn;
  #countdown;

  /** @param {() => void} onSignedIn */
  constructor(onSignedIn) {
    this.#onSignedIn = onSignedIn;
    // Which of several gateways this is.
    this.#form.querySelector(".host").textContent = location.host;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
  }

  /** @param {string} [reason] why the user has to sign in again */
  show(reason = "") {
    this.#view.hidden = false;
    this.#reason.textContent = reason;
    this.#reason.hidden = reason === "";
    const { user, password } = this.#form.elements;
    (user.value === "" ? user : password).focus();
  }

  hide() {
    clearInterval(this.#countdown);
    this.#view.hidden = true;
    this.#form.elements.password.value = "";
    this.#askForCode(false);
    this.#error.textContent = "";
  }

  async #submit() {
    const { user, password, code } = this.#form.elements;
    this.#error.textContent = "";
    this.#button.disabled = true;
    try {
      await signIn(user.value, password.value, code.value.trim());
      this.#button.disabled = false;
      this.hide();
      this.#onSignedIn();
    } catch (error) {
      this.#button.disabled = false;
      this.#refuse(error);
    }
  }

  #refuse(refusal) {
    const { user, password, code } = this.#form.elements;
    if (refusal.reason === "locked") return this.#lock(refusal.retryAfter);
    if (refusal.reason === "code") {
      const isFirst = code.closest("label").hidden;
      this.#askForCode(true);
      code.select();
      code.focus();
      // The first answer asks for the code, and refuses nothing.
      if (isFirst) return;
    }
    this.#error.textContent = refusalText(refusal);
    if (refusal.reason === "enrolment") return secondFactor.setUp(user.value, password.value);
    if (refusal.reason !== "credentials") return;
    password.select();
    (user.value === "" ? user : password).focus();
  }

  #askForCode(isNeeded) {
    for (const element of this.#form.querySelectorAll(".code")) element.hidden = !isNeeded;
    const { code } = this.#form.elements;
    code.required = isNeeded;
    code.value = "";
  }

  #lock(seconds) {
    const end = Date.now() + seconds * 1000;
    // A screen reader says the time once, and not each second.
    this.#error.textContent = `Too many attempts. Try again in ${durationText(seconds * 1000)}.`;
    this.#button.disabled = true;
    clearInterval(this.#countdown);
    this.#countdown = setInterval(() => {
      const left = end - Date.now();
      this.#button.textContent = left > 0 ? `Wait ${durationText(left)}` : "Sign in";
      if (left > 0) return;
      clearInterval(this.#countdown);
      this.#button.disabled = false;
      this.#error.textContent = "You can try again now.";
    }, 250);
  }
}

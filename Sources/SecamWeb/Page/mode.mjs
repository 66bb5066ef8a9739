// What the user has switched on. The browser remembers it.

const key = "secam.mode";
const initial = { details: false, motion: false, events: false, keys: true };

export class Mode extends EventTarget {
  #values = { ...initial, ...read() };

  get(name) {
    return this.#values[name];
  }

  set(name, value) {
    if (this.#values[name] === value) return;
    this.#values[name] = value;
    try {
      localStorage.setItem(key, JSON.stringify(this.#values));
    } catch {
      // Private windows may have no storage; the choice then lasts as long as the page.
    }
    this.dispatchEvent(new Event("change"));
  }

  toggle(name) {
    this.set(name, !this.get(name));
  }
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "{}");
  } catch {
    return {};
  }
}

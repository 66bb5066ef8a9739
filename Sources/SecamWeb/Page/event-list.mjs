// The list of events at the side, newest first.

import { EventKind } from "./secam.mjs";
import { dayText, durationText, secondsText } from "./text.mjs";

export class EventList {
  #element = document.querySelector("#events");
  #list = this.#element.querySelector("ol");
  #none = this.#element.querySelector(".none");
  #template = document.querySelector("#event");
  #badge = document.querySelector("nav .badge");
  #rows = new Map();
  #days = [];
  #cameras;
  #isDue = false;
  #unseen = 0;

  constructor(cameras) {
    this.#cameras = cameras;
  }

  get isOpen() {
    return !this.#element.hidden;
  }

  setOpen(isOpen) {
    this.#element.hidden = !isOpen;
    if (isOpen) this.#setUnseen(0);
    this.refresh();
  }

  /** Counts an event that the user may not have seen. */
  count() {
    if (!this.isOpen) this.#setUnseen(this.#unseen + 1);
  }

  /** Shows what has changed, once for all changes of this moment. */
  refresh() {
    if (this.#isDue || !this.isOpen) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#show();
    });
  }

  #show() {
    const { events } = this.#cameras;
    this.#none.hidden = events.length > 0;
    const keys = new Set(events.map((event) => event.key));
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue;
      row.remove();
      this.#rows.delete(key);
    }
    for (const heading of this.#days) heading.remove();
    this.#days = [];
    let before;
    let day;
    for (const event of events) {
      if (dayText(event.start) !== day) {
        day = dayText(event.start);
        before = this.#place(this.#heading(day), before);
      }
      before = this.#place(this.#row(event), before);
    }
  }

  /** Puts an element behind another, and leaves it alone if it is there: a moved element loses the focus. */
  #place(element, before) {
    const next = before ? before.nextElementSibling : this.#list.firstElementChild;
    if (next !== element) this.#list.insertBefore(element, next);
    return element;
  }

  #heading(day) {
    const heading = document.createElement("li");
    heading.className = "day";
    heading.textContent = day;
    this.#days.push(heading);
    return heading;
  }

  #row(event) {
    let row = this.#rows.get(event.key);
    if (row === undefined) {
      row = this.#template.content.firstElementChild.cloneNode(true);
      row.firstElementChild.dataset.camera = event.camera;
      row.querySelector("strong").textContent = event.camera;
      const time = row.querySelector("time");
      time.dateTime = new Date(event.start).toISOString();
      time.textContent = secondsText(event.start);
      this.#rows.set(event.key, row);
    }
    row.classList.toggle("is-active", event.isActive);
    row.classList.toggle("is-fault", event.kind === EventKind.unwatched);
    const text = description(event);
    const what = row.querySelector(".what span");
    if (what.textContent !== text) what.textContent = text;
    return row;
  }

  #setUnseen(count) {
    this.#unseen = count;
    this.#badge.hidden = count === 0;
    this.#badge.textContent = count > 99 ? "99+" : String(count);
  }
}

export function description(event) {
  const name = event.kind === EventKind.motion ? "Motion" : "No motion detection";
  return event.isActive ? `${name} now` : `${name} for ${durationText(event.last - event.start)}`;
}

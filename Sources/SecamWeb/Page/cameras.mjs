// All cameras that the user may see, and their events. Fires `list` when the list or the state of a camera changes,
// `turn` when a camera goes offline or is back, `gone` when one is removed, and `event` for news of an event.

import { EventKind, EventState } from "./secam.mjs";
import { Camera } from "./camera.mjs";
import { milliseconds } from "./text.mjs";

/** After its start, a gateway learns its cameras again within this time. Until then, a missing camera may come back. */
const settleTime = 15_000;
/** Events to keep. */
const eventLimit = 200;

export class Cameras extends EventTarget {
  /** Sorted by name. */
  list = [];
  /** Newest first: {key, camera, kind, start, last, isActive}, times in milliseconds. */
  events = [];
  /** The first list has arrived. */
  isKnown = false;

  #settled = 0;
  #sweep;

  named(name) {
    return this.list.find((camera) => camera.name === name);
  }

  numbered(number) {
    return this.list.find((camera) => camera.number === number);
  }

  get offlineCount() {
    return this.list.filter((camera) => camera.isOffline).length;
  }

  connected() {
    this.#settled = performance.now() + (this.isKnown ? settleTime : 0);
    for (const camera of this.list) camera.forgetEvents();
    for (const event of this.events) event.isActive = false;
  }

  disconnected() {
    clearTimeout(this.#sweep);
    for (const camera of this.list) camera.lose(Date.now());
    this.#fire("list", {});
  }

  /** Forgets everything, as after a sign-out. */
  clear() {
    clearTimeout(this.#sweep);
    this.list = [];
    this.events = [];
    this.isKnown = false;
    this.#fire("list", {});
  }

  /** @param {object[]} entries of CAMERAS: the complete list */
  update(entries) {
    this.isKnown = true;
    const listed = new Map(entries.map((entry) => [entry.name, entry]));
    for (const name of listed.keys()) {
      if (this.named(name) === undefined) this.list.push(new Camera(name));
    }
    const changed = this.list.filter((camera) => {
      const entry = listed.get(camera.name);
      if (entry === undefined) {
        camera.lose(Date.now());
        return false;
      }
      return camera.update(entry);
    });
    this.list.sort((one, other) => (one.name < other.name ? -1 : 1));
    this.#removeMissing();
    this.#fire("list", {});
    for (const camera of changed) this.#fire("turn", { camera });
  }

  /** A camera that a settled gateway does not list is gone, or the user may not see it any more. */
  #removeMissing() {
    clearTimeout(this.#sweep);
    const isMissing = (camera) => camera.number === undefined;
    const missing = this.list.filter(isMissing);
    if (missing.length === 0) return;
    const wait = this.#settled - performance.now();
    if (wait > 0) {
      this.#sweep = setTimeout(() => {
        this.#removeMissing();
        this.#fire("list", {});
      }, wait);
      return;
    }
    this.list = this.list.filter((camera) => !isMissing(camera));
    this.events = this.events.filter((event) => !missing.some((camera) => camera.name === event.camera));
    for (const camera of missing) this.#fire("gone", { camera });
  }

  /** @param {object} fields of EVENT */
  recordEvent({ flow, event }) {
    const camera = this.numbered(flow);
    if (camera === undefined) return;
    camera.recordEvent(event);
    // Numbers of cameras do not outlive the gateway (V-4), so the name identifies the event.
    const key = `${camera.name}/${event.id}`;
    let known = this.events.find((other) => other.key === key);
    const isNew = known === undefined;
    if (isNew) {
      known = { key, camera: camera.name, kind: event.kind, start: milliseconds(event.start) };
      this.events.push(known);
      this.events.sort((one, other) => other.start - one.start);
      this.events.length = Math.min(this.events.length, eventLimit);
    }
    known.last = milliseconds(event.last);
    known.isActive = event.state !== EventState.end;
    const isMotion = event.kind === EventKind.motion;
    this.#fire("event", { camera, event: known, isNew: isNew && known.isActive, isMotion });
  }

  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

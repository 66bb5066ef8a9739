// One camera: the gateway's news of it, its motion, and figures of the frames that arrived.

import { CameraState, EventKind, EventState, Rendition } from "./secam.mjs";
import { durationText, milliseconds, secondsText, timeText } from "./text.mjs";

/** A picture counts as frozen after this time without a frame. */
const freezeTimeout = 3_000;
/** Boxes older than this are hidden, since the object may have moved on. */
const boxLifetime = 1_500;
/** Frames for the mean of the rate, and the age from which they do not count. */
const rateWindow = 32;
const rateSpan = 3_000;

export class Camera {
  /** Number in this run of the gateway; `undefined` while the gateway does not list the camera. */
  number;
  state;
  /** Milliseconds since 1970 of the last change of state. */
  since = 0;
  detail = "";
  /** Size of the full picture in pixels and its frames a second; 0 while unknown. */
  width = 0;
  height = 0;
  frameRate = 0;
  /** When the camera or the gateway was lost. */
  lost;
  /** The last picture that was drawn. */
  picture;
  /** Whether a picture was drawn since the page began to ask for frames. */
  isLive = false;

  #isListedOffline = false;
  #frames = [];
  #asked = 0;
  #active = new Map();
  #boxesAt = -Infinity;

  constructor(name) {
    this.name = name;
  }

  /**
   * Applies the camera's entry in CAMERAS.
   *
   * @returns whether the camera went offline, or is back, since its last entry
   */
  update(entry) {
    const wasListedOffline = this.#isListedOffline;
    this.#isListedOffline = entry.state === CameraState.offline;
    this.number = entry.camera;
    this.state = entry.state;
    this.since = milliseconds(entry.since);
    this.detail = entry.detail;
    this.width = entry.width;
    this.height = entry.height;
    this.frameRate = entry.frameRate / 1000;
    this.lost = undefined;
    return this.#isListedOffline !== wasListedOffline;
  }

  lose(now) {
    this.number = undefined;
    this.state = undefined;
    this.lost ??= now;
  }

  get isOffline() {
    return this.lost !== undefined || this.state === CameraState.offline;
  }

  get hasMotion() {
    return [...this.#active.values()].some((event) => event.kind === EventKind.motion);
  }

  /** An event replaces what is known of the event with the same number (V-12). */
  recordEvent(event) {
    if (event.state === EventState.end) this.#active.delete(event.id);
    else this.#active.set(event.id, event);
    if (event.kind === EventKind.motion) this.#boxesAt = performance.now();
  }

  /** Another connection to the gateway tells all events again. */
  forgetEvents() {
    this.#active.clear();
  }

  boxes() {
    if (performance.now() - this.#boxesAt > boxLifetime) return [];
    return [...this.#active.values()].flatMap((event) => event.boxes);
  }

  /** Notes that frames are asked for from now on. */
  startAsking() {
    this.#asked = performance.now();
    this.#frames = [];
    this.isLive = false;
  }

  recordFrame() {
    const now = performance.now();
    this.#frames = [...this.#frames, now].filter((time) => now - time < rateSpan).slice(-rateWindow);
  }

  /** @param {{time: number, latency: number, width: number, height: number, rendition: number}} picture */
  recordPicture(picture) {
    this.picture = picture;
    this.isLive = true;
  }

  get framesPerSecond() {
    const [first, last] = [this.#frames[0], this.#frames.at(-1)];
    return last > first ? (this.#frames.length - 1) * 1000 / (last - first) : 0;
  }

  /** Time without a frame although frames are asked for, milliseconds. */
  get pause() {
    return performance.now() - Math.max(this.#asked, this.#frames.at(-1) ?? 0);
  }

  /** The text over the dimmed picture; `undefined` while frames arrive. */
  notice(connection, isAsked) {
    if (connection === "connecting") return "Connecting…";
    if (connection !== "connected") return `Reconnecting… Offline since ${timeText(this.lost ?? Date.now())}`;
    if (this.number === undefined) {
      return this.lost === undefined ? "Waiting for the camera" : `Offline since ${timeText(this.lost)}`;
    }
    if (this.state === CameraState.offline) return `Offline since ${timeText(this.since)}`;
    if (this.state === CameraState.waiting) return "No encoder";
    if (!isAsked) return undefined;
    if (this.picture === undefined) {
      return this.state === CameraState.starting ? "Starting…" : "Waiting for a picture";
    }
    return this.pause >= freezeTimeout ? `No picture for ${durationText(this.pause)}` : undefined;
  }

  /** What the gateway says of the fault behind the notice. */
  get fault() {
    return this.state === CameraState.offline || this.state === CameraState.waiting ? this.detail : "";
  }

  /** The lines of the overlay. */
  details() {
    if (this.picture === undefined) return [];
    const { time, latency, width, height, rendition } = this.picture;
    return [
      secondsText(time),
      `${this.framesPerSecond.toFixed(1)} fps`,
      `${Math.max(0, latency).toFixed(0)} ms latency`,
      `${width}×${height} ${rendition === Rendition.sub ? "sub" : "jpeg"}`,
    ];
  }
}

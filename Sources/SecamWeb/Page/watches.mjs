// Decides which frames the page asks the gateway for, and returns credit for those that it has used up. A camera that
// is not on the screen is not watched.

import { CameraState, Rendition } from "./secam.mjs";
import { Line, levels } from "./line.mjs";
import { milliseconds } from "./text.mjs";

/** Width of the `sub` rendition until a frame tells it, pixels. */
const usualSubWidth = 640;
/** A picture may be shown this much larger than it is before a larger one is asked for. */
const stretch = 1.1;
/** Frames that buffers between gateway and page may hold (V-7). */
const leastCredit = 2;
const mostCredit = 8;
/** Rate of a camera that does not tell its own. */
const usualRate = 15;
/** Frames a second in the strip below a large picture. */
const stripRate = 2;
/** Without a frame for this time, or that of three frames, an online camera is asked for its other rendition. */
const renditionTimeout = 5_000;
/** Longest wait for the picture of a snapshot, milliseconds. */
const snapshotTimeout = 15_000;
/** Lowest rate to ask for. */
const leastRate = 1;
/** How far two clocks drift apart, milliseconds a second. */
const clockDrift = 0.1;

export class Watches {
  /** Called with each frame to draw: (name, frame). */
  onFrame = () => {};
  /** Called when the line's level has changed. */
  onLevel = () => {};

  #cameras;
  #connection;
  /** By name: how a camera is shown, {pixels, isStrip}. */
  #shown = new Map();
  /** By name: what the gateway was asked for. */
  #asked = new Map();
  /** By name: what was learned of a camera. */
  #learned = new Map();
  #snapshots = new Map();
  #line = new Line();
  #generation = 0;
  #isPlanned = false;

  constructor(cameras, connection) {
    this.#cameras = cameras;
    this.#connection = connection;
    setInterval(() => this.#tick(), 1000);
  }

  /**
   * Tells how a camera is shown.
   *
   * @param {number} pixels width of its picture on the screen in device pixels, 0 while it is not visible
   */
  show(name, pixels, isStrip = false) {
    const shown = this.#shown.get(name);
    if (shown?.pixels === pixels && shown.isStrip === isStrip) return;
    this.#shown.set(name, { pixels, isStrip });
    this.plan();
  }

  isAsked(name) {
    return this.#asked.has(name);
  }

  /** What the page says of a camera that gets less than it would on a good line. */
  note(name) {
    const asked = this.#asked.get(name);
    return asked === undefined || !asked.isLowered ? "" : levels[this.#line.level].note;
  }

  /** Returns the next full picture of a camera, {jpeg, time}; `undefined` when none arrives. */
  snapshot(name) {
    return new Promise((resolve) => {
      this.#snapshots.set(name, [...this.#snapshots.get(name) ?? [], resolve]);
      setTimeout(() => this.#finishSnapshots(name, undefined), snapshotTimeout);
      this.plan();
    });
  }

  #finishSnapshots(name, picture) {
    const waiting = this.#snapshots.get(name) ?? [];
    this.#snapshots.delete(name);
    for (const resolve of waiting) resolve(picture);
    this.plan();
  }

  /** A new connection has no watches. */
  reset() {
    this.#asked.clear();
    this.#line.forget();
    this.plan();
  }

  /** Sends what has changed, once for all changes of this moment. */
  plan() {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      if (this.#connection.state !== "connected") return;
      for (const name of new Set([...this.#shown.keys(), ...this.#asked.keys()])) this.#ask(name);
    });
  }

  #ask(name) {
    const camera = this.#cameras.named(name);
    const asked = this.#asked.get(name);
    if (camera?.number === undefined) {
      this.#asked.delete(name);
      if (camera === undefined) this.#shown.delete(name);
      return;
    }
    const wanted = this.#wanted(camera);
    if (wanted === undefined) {
      if (asked === undefined) return;
      this.#asked.delete(name);
      this.#connection.send("UNWATCH", { camera: camera.number });
      return;
    }
    const isSame = asked?.rendition === wanted.rendition && asked.interval === wanted.interval
      && asked.camera === camera.number;
    if (isSame) {
      asked.isLowered = wanted.isLowered;
      return;
    }
    const credit = this.#credit(camera);
    // Credit of an earlier watch is gone (G-38). Its frames that are still on their way return none.
    this.#asked.set(name, {
      ...wanted, camera: camera.number, generation: ++this.#generation, credit, frames: 0,
      since: performance.now(),
    });
    if (asked === undefined) camera.startAsking();
    this.#connection.send("WATCH", {
      camera: camera.number, rendition: wanted.rendition, credit, interval: wanted.interval,
    });
  }

  /** Returns what to ask for, or `undefined` for nothing. */
  #wanted(camera) {
    const shown = this.#shown.get(camera.name);
    const isSnapshot = this.#snapshots.has(camera.name);
    if (isSnapshot) return { rendition: Rendition.jpeg, interval: 0, isLowered: false };
    if (shown === undefined || shown.pixels === 0) return undefined;
    const { divisor, isSub } = levels[this.#line.level];
    const learned = this.#learned.get(camera.name);
    const subWidth = learned?.subWidth ?? usualSubWidth;
    const isLarge = shown.pixels > subWidth * stretch;
    const hasSub = learned?.lacksSub !== true && (camera.width === 0 || camera.width > subWidth);
    const rate = Math.max(leastRate, Math.min(rateOf(camera), shown.isStrip ? stripRate : Infinity) / divisor);
    return {
      rendition: hasSub && (isSub || !isLarge) ? Rendition.sub : Rendition.jpeg,
      interval: rate < rateOf(camera) ? Math.round(1_000_000 / rate) : 0,
      isLowered: divisor > 1,
    };
  }

  /** As many frames as a round trip holds, and two more: one in the decoder, one behind it. */
  #credit(camera) {
    const inFlight = Math.ceil(rateOf(camera) * this.#connection.roundTrip / 1000);
    return Math.min(leastCredit + inFlight, mostCredit);
  }

  /** @param {object} fields of FRAME */
  receive(fields) {
    const camera = this.#cameras.numbered(fields.flow);
    const asked = camera && this.#asked.get(camera.name);
    // Frames may still be on their way after UNWATCH.
    if (asked === undefined) return;
    camera.recordFrame();
    asked.since = performance.now();
    this.#learn(camera, asked, fields);
    const frame = {
      payload: fields.payload, generation: asked.rendition === fields.rendition ? asked.generation : 0,
      time: milliseconds(fields.timestamp), rendition: fields.rendition,
    };
    // The gateway forwards pictures as they are, even empty ones (V-8).
    if (fields.payload.length === 0) return this.used(camera.name, frame.generation);
    if (this.#snapshots.has(camera.name) && frame.rendition === Rendition.jpeg) {
      // A copy, since the drawing of the frame takes its bytes away.
      const jpeg = new Blob([frame.payload], { type: "image/jpeg" });
      this.#finishSnapshots(camera.name, { jpeg, time: frame.time });
    }
    this.onFrame(camera.name, frame);
  }

  /** Returns the credit of a frame that has been drawn or dropped. */
  used(name, generation) {
    const asked = this.#asked.get(name);
    const camera = this.#cameras.named(name);
    if (camera === undefined || asked?.generation !== generation) return;
    const credit = this.#credit(camera);
    const frames = Math.max(0, credit - asked.credit + 1);
    asked.credit = Math.max(credit, asked.credit - 1);
    if (frames > 0) this.#connection.send("CREDIT", { flow: asked.camera, frames });
  }

  #learn(camera, asked, fields) {
    const learned = this.#learned.get(camera.name) ?? { shortest: Infinity };
    this.#learned.set(camera.name, learned);
    if (fields.rendition === Rendition.sub && learned.subWidth !== fields.width) {
      learned.subWidth = fields.width;
      this.plan();
    }
    // The first frame of a watch may be old.
    asked.frames += 1;
    if (asked.frames === 1) return;
    const delay = this.#connection.now() - milliseconds(fields.timestamp);
    learned.shortest = Math.min(learned.shortest, delay);
    // With an interval, the newest frame may be as old as a frame lasts (G-37).
    const age = asked.interval === 0 ? 0 : 1000 / rateOf(camera);
    this.#line.record(delay - learned.shortest - age);
  }

  #tick() {
    for (const learned of this.#learned.values()) learned.shortest += clockDrift;
    this.#askForOtherRenditions();
    if (!this.#line.tick()) return;
    this.plan();
    this.onLevel();
  }

  #askForOtherRenditions() {
    const now = performance.now();
    for (const [name, asked] of this.#asked) {
      const camera = this.#cameras.named(name);
      if (camera?.state !== CameraState.online) {
        asked.since = now;
        continue;
      }
      const timeout = Math.max(renditionTimeout, 3 * asked.interval / 1000, 3000 / rateOf(camera));
      if (now - asked.since < timeout) continue;
      const learned = this.#learned.get(name) ?? { shortest: Infinity };
      this.#learned.set(name, { ...learned, lacksSub: asked.rendition === Rendition.sub });
      asked.rendition = undefined;
      asked.since = now;
      this.plan();
    }
  }
}

function rateOf(camera) {
  return camera.frameRate || usualRate;
}

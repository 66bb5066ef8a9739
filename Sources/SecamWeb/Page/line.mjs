// Judges from the delay of frames whether the line carries what the page asks for. Frames that wait in a full line
// arrive later than the fastest one of their camera; clocks need not agree for this.

/** Rates and renditions to ask for, from the best line to the worst. */
export const levels = [
  { divisor: 1, isSub: false, note: "" },
  { divisor: 2, isSub: false, note: "Slow line: lower rate" },
  { divisor: 4, isSub: false, note: "Slow line: lower rate" },
  { divisor: 4, isSub: true, note: "Slow line: small picture" },
  { divisor: 16, isSub: true, note: "Slow line: small picture" },
];

/** Extra delay of the middle frame of a second, milliseconds: above `full`, the line is full, below `free` not. */
const full = 250;
const free = 100;
/** Consecutive seconds that show a full line. */
const secondsToLower = 2;
/** Seconds in which frames of the level before still arrive. */
const secondsToDrain = 3;
/** Seconds without delay before the next better level is tried; doubled each time that it fails. */
const shortestCalm = 10;
const longestCalm = 160;
/** A better level has failed when the line is full again within this time. */
const trialSeconds = 20;

export class Line {
  level = 0;
  #delays = [];
  #fullSeconds = 0;
  #freeSeconds = 0;
  #draining = 0;
  #calm = shortestCalm;
  #trial = 0;

  /** @param {number} delay beyond the shortest one of the camera, milliseconds */
  record(delay) {
    this.#delays.push(delay);
  }

  /** Forgets what was measured, as when the page was hidden. */
  forget() {
    this.#delays = [];
    this.#fullSeconds = 0;
    this.#draining = secondsToDrain;
  }

  /** Judges the last second. Returns whether the level has changed. */
  tick() {
    const delays = this.#delays.sort((one, other) => one - other);
    this.#delays = [];
    this.#trial = Math.max(0, this.#trial - 1);
    if (this.#draining > 0) {
      this.#draining -= 1;
      return false;
    }
    if (delays.length === 0) return false;
    const delay = delays[delays.length >> 1];
    this.#fullSeconds = delay > full ? this.#fullSeconds + 1 : 0;
    this.#freeSeconds = delay < free ? this.#freeSeconds + 1 : 0;
    if (this.#fullSeconds >= secondsToLower && this.level < levels.length - 1) {
      if (this.#trial > 0) this.#calm = Math.min(2 * this.#calm, longestCalm);
      return this.#change(1);
    }
    if (this.#freeSeconds >= this.#calm && this.level > 0) {
      this.#trial = trialSeconds;
      return this.#change(-1);
    }
    return false;
  }

  #change(step) {
    this.level += step;
    this.#fullSeconds = 0;
    this.#freeSeconds = 0;
    this.#draining = secondsToDrain;
    return true;
  }
}

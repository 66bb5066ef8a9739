// The live view: connects the gateway's messages, the cameras, their tiles, and what the user does.

import { ErrorCode } from "./secam.mjs";
import { Account } from "./account.mjs";
import { Cameras } from "./cameras.mjs";
import { Connection } from "./connection.mjs";
import { EventList } from "./event-list.mjs";
import { listen } from "./keys.mjs";
import { Mode } from "./mode.mjs";
import { makePainter } from "./painter.mjs";
import { PictureInPicture } from "./picture-in-picture.mjs";
import { countText, fileStamp } from "./text.mjs";
import { Wall } from "./wall.mjs";
import { Watches } from "./watches.mjs";

/** Age of the events that the list begins with, microseconds. */
const eventAge = 86_400_000_000;
/** The tiles are refreshed at this interval, for the times that they show. */
const refreshInterval = 500;
/** Motion of one camera is announced to screen readers at most this often. */
const announceInterval = 30_000;

const element = (selector) => document.querySelector(selector);

export class LiveView {
  /** Called when the session is over. */
  onEnd = () => {};
  /** Called when the user signs out. */
  onSignOut = () => {};

  #view = element("#live");
  #user;
  #cameras = new Cameras();
  #mode = new Mode();
  #painter = makePainter();
  #connection;
  #watches;
  #wall;
  #events = new EventList(this.#cameras);
  #account = new Account();
  #mini = new PictureInPicture(this.#painter);
  #announced = new Map();
  #refreshDue = false;

  #actions = {
    all: () => this.#wall.showAll() || this.#closeEvents(),
    show: (name) => this.#show(name),
    camera: (index) => this.#show(this.#cameras.list[index]?.name),
    previous: () => this.#wall.step(-1),
    next: () => this.#wall.step(1),
    details: () => this.#mode.toggle("details"),
    motion: () => this.#mode.toggle("motion"),
    events: () => this.#mode.toggle("events"),
    fullscreen: () => this.#toggleFullscreen(),
    snapshot: (name) => this.#snapshot(name),
    mini: (name) => this.#toggleMini(name),
    account: () => this.#account.open(this.#user),
    help: () => element("#help").showModal(),
    reload: () => location.reload(),
    "sign-out": () => this.onSignOut(),
  };

  /** @param {() => Promise<boolean>} isSignedIn */
  constructor(isSignedIn) {
    this.#connection = new Connection(
      isSignedIn, (state) => this.#connectionChanged(state), (name, fields) => this.#receive(name, fields));
    this.#watches = new Watches(this.#cameras, this.#connection);
    this.#wall = new Wall(this.#cameras, this.#painter);
    this.#connectParts();
    this.#listenToUser();
    this.#applyMode();
  }

  start(user) {
    this.#user = user;
    this.#view.hidden = false;
    // The form that had the focus is gone.
    element("#wall").focus();
    this.#connection.start();
  }

  stop() {
    this.#connection.stop();
    this.#mini.close();
    this.#account.close();
    this.#cameras.clear();
    this.#view.hidden = true;
    document.title = "secam";
  }

  // What happens by itself

  #connectParts() {
    this.#watches.onFrame = (name, frame) => this.#painter.draw(name, frame.payload, {
      generation: frame.generation, time: frame.time, rendition: frame.rendition,
    });
    this.#watches.onLevel = () => this.#refresh();
    this.#painter.onResult = (name, tag, outcome) => this.#drawn(name, tag, outcome);
    this.#wall.onMeasure = (tile) => this.#measure(tile);
    this.#wall.onSelect = () => this.#selectionChanged();
    this.#mini.onChange = () => this.#measureAll();
    this.#cameras.addEventListener("list", () => {
      this.#wall.sync();
      this.#watches.plan();
      this.#refresh();
    });
    this.#cameras.addEventListener("turn", ({ detail: { camera } }) => {
      this.#announce(camera.isOffline ? `${camera.name} is offline. ${camera.fault}` : `${camera.name} is back`);
    });
    this.#cameras.addEventListener("gone", ({ detail: { camera } }) => {
      this.#announce(`${camera.name} is no longer available`);
      if (this.#mini.camera === camera.name) this.#mini.close();
    });
    this.#cameras.addEventListener("event", ({ detail }) => this.#eventChanged(detail));
    setInterval(() => this.#refresh(), refreshInterval);
  }

  #connectionChanged(state) {
    if (state === "connected") {
      this.#cameras.connected();
      this.#watches.reset();
      const since = BigInt(Math.round(this.#connection.now() * 1000)) - BigInt(eventAge);
      this.#connection.send("FOLLOW", { live: true, since, cameras: [] });
    }
    if (state === "reconnecting") this.#cameras.disconnected();
    if (state === "reconnecting" || state === "failed") this.#announce("Connection to the gateway lost");
    this.#refresh();
    if (state === "ended") this.onEnd();
  }

  #receive(name, fields) {
    switch (name) {
      case "FRAME": return this.#watches.receive(fields);
      case "CAMERAS": return this.#cameras.update(fields.cameras);
      case "EVENT": return this.#cameras.recordEvent(fields);
      case "ERROR":
        // A camera may disappear while it is asked for; the next CAMERAS says so.
        if (fields.code !== ErrorCode.noSuchCamera) console.warn("the gateway refused a request:", fields.detail);
        return;
      default:
    }
  }

  #drawn(name, tag, { isDrawn, width, height, at, bitmap }) {
    this.#watches.used(name, tag.generation);
    if (!isDrawn) return;
    if (bitmap !== undefined && this.#mini.camera === name) this.#mini.draw(bitmap);
    const camera = this.#cameras.named(name);
    if (camera === undefined) return;
    const wasLive = camera.isLive;
    const latency = at + this.#connection.clockOffset - tag.time;
    camera.recordPicture({ time: tag.time, latency, width, height, rendition: tag.rendition });
    this.#wall.tile(name)?.setRatio(width, height);
    if (!wasLive) this.#refresh();
  }

  #eventChanged({ camera, event, isNew, isMotion }) {
    this.#events.refresh();
    this.#wall.tile(camera.name)?.refreshBoxes(this.#mode);
    this.#refresh();
    if (!isNew) return;
    this.#events.count();
    const now = performance.now();
    if (!isMotion || now - (this.#announced.get(camera.name) ?? -Infinity) < announceInterval) return;
    this.#announced.set(camera.name, now);
    this.#announce(`Motion at ${event.camera}`);
  }

  // What is shown

  #measureAll() {
    for (const tile of this.#wall.tiles) this.#measure(tile);
    this.#refresh();
  }

  /** A hidden page asks only for the camera in the small window. */
  #measure(tile) {
    const { name } = tile.camera;
    const isMini = this.#mini.camera === name;
    const pixels = document.hidden ? 0 : tile.pixels;
    this.#watches.show(name, isMini ? Math.max(pixels, 1) : pixels, tile.isStrip && !isMini);
  }

  #selectionChanged() {
    this.#measureAll();
    const { selected } = this.#wall;
    this.#announce(selected ? `${selected.name}, large` : "All cameras");
  }

  /** Refreshes the tiles, once for all changes of this moment. */
  #refresh() {
    this.#showTitle();
    if (this.#refreshDue) return;
    this.#refreshDue = true;
    requestAnimationFrame(() => {
      this.#refreshDue = false;
      for (const tile of this.#wall.tiles) {
        const { name } = tile.camera;
        tile.refresh({
          connection: this.#connection.state, isAsked: this.#watches.isAsked(name),
          lineNote: this.#watches.note(name), mode: this.#mode, miniCamera: this.#mini.camera,
          canMini: this.#mini.isPossible,
        });
      }
      this.#showConnection();
    });
  }

  #showTitle() {
    if (this.#view.hidden) return;
    const offline = this.#cameras.offlineCount;
    const selected = this.#wall.selected?.name;
    // Without the gateway, nothing is known of the cameras.
    const isAway = this.#connection.state === "reconnecting";
    const state = isAway ? "reconnecting" : offline > 0 ? `${offline} offline` : "";
    const title = [state, selected ?? "", "secam"].filter(Boolean).join(" – ");
    if (document.title !== title) document.title = title;
    const total = this.#cameras.list.length;
    const summary = element("#summary");
    const text = total === 0 ? "" : [countText(total, "camera"), state].filter(Boolean).join(", ");
    if (summary.textContent !== text) summary.textContent = text;
    summary.classList.toggle("has-offline", state !== "");
  }

  #showConnection() {
    const { state } = this.#connection;
    const banner = element("#banner");
    banner.hidden = state !== "reconnecting" && state !== "failed";
    banner.querySelector("span").textContent = state === "failed"
      ? "This page and the gateway do not understand each other." : "Reconnecting to the gateway…";
    banner.querySelector("button").hidden = state !== "failed";
    const empty = element("#empty");
    empty.hidden = this.#cameras.list.length > 0 || state === "reconnecting" || state === "failed";
    empty.textContent = this.#cameras.isKnown ? "No cameras yet" : "Connecting…";
  }

  #announce(text) {
    element("#status").textContent = text;
  }

  // What the user does

  #listenToUser() {
    listen(this.#mode, (name, index) => this.#perform(name, index));
    document.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button?.dataset.close !== undefined || target.nodeName === "DIALOG") return target.closest("dialog").close();
      const action = button?.dataset.action;
      if (action !== undefined) this.#perform(action, button.closest("[data-camera]")?.dataset.camera);
    });
    this.#mode.addEventListener("change", () => this.#applyMode());
    const useKeys = element("#use-keys");
    useKeys.checked = this.#mode.get("keys");
    useKeys.addEventListener("change", () => this.#mode.set("keys", useKeys.checked));
    document.addEventListener("fullscreenchange", () => {
      const isFull = document.fullscreenElement !== null;
      element("nav [data-action=fullscreen]").setAttribute("aria-pressed", String(isFull));
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#connection.hurry();
      this.#measureAll();
    });
    addEventListener("online", () => this.#connection.hurry());
    addEventListener("pagehide", () => this.#mini.close());
    for (const button of document.querySelectorAll("[data-action=fullscreen]")) {
      button.hidden = !document.fullscreenEnabled;
    }
  }

  /** Performs an action. Returns whether it had an effect. */
  #perform(name, subject) {
    if (this.#view.hidden || this.#actions[name] === undefined) return false;
    return this.#actions[name](subject) !== false;
  }

  #applyMode() {
    for (const name of ["details", "motion", "events"]) {
      element(`nav [data-action=${name}]`).setAttribute("aria-pressed", String(this.#mode.get(name)));
    }
    this.#events.setOpen(this.#mode.get("events"));
    this.#refresh();
  }

  #show(name) {
    if (this.#cameras.named(name) === undefined) return false;
    // On a phone, the list covers the cameras.
    if (this.#events.isOpen && matchMedia("(max-width: 600px)").matches) this.#mode.set("events", false);
    this.#wall.select(name);
    return true;
  }

  #closeEvents() {
    if (!this.#mode.get("events")) return false;
    this.#mode.set("events", false);
    return true;
  }

  #toggleFullscreen() {
    if (!document.fullscreenEnabled) return false;
    if (document.fullscreenElement) return void document.exitFullscreen();
    return void document.documentElement.requestFullscreen().catch(() => {});
  }

  /** Saves the picture of one camera, or of each camera on the screen. */
  #snapshot(name) {
    for (const camera of name === undefined ? this.#wall.shown : [this.#cameras.named(name)]) {
      if (camera !== undefined && !camera.isOffline) void this.#save(camera);
    }
  }

  async #save(camera) {
    const picture = await this.#watches.snapshot(camera.name);
    if (picture === undefined) return this.#announce(`No picture of ${camera.name}`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(picture.jpeg);
    link.download = `${camera.name}-${fileStamp(picture.time)}.jpg`;
    link.click();
    // The download has its own hold on the bytes by then.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    this.#announce(`Saved ${link.download}`);
  }

  #toggleMini(name) {
    const focused = document.activeElement?.closest(".tile")?.dataset.camera;
    const camera = this.#cameras.named(name ?? this.#wall.selected?.name ?? focused) ?? this.#cameras.list[0];
    if (camera === undefined || !this.#mini.isPossible) return false;
    this.#mini.toggle(camera).catch(() => this.#announce("The browser does not open a small window"));
    return true;
  }
}

// One camera on the page: its picture, its name and state, and its buttons.

import { CameraState } from "./secam.mjs";

const svg = "http://www.w3.org/2000/svg";

export class Tile {
  isInView = false;
  #parts;
  #drawnBoxes;

  /**
   * @param {HTMLTemplateElement} template
   * @param {Element} picture the painter's element
   */
  constructor(camera, template, picture) {
    this.camera = camera;
    this.element = template.content.firstElementChild.cloneNode(true);
    const part = (name) => this.element.querySelector(name);
    this.#parts = {
      open: part(".open"), stage: part(".stage"), boxes: part(".boxes"), notice: part(".notice"),
      dot: part(".caption .dot"), moving: part(".moving"), note: part(".note"), details: part(".details"),
      mini: part("[data-action=mini]"), snapshot: part("[data-action=snapshot]"), picture,
    };
    this.element.dataset.camera = camera.name;
    part(".name").textContent = camera.name;
    picture.classList.add("picture");
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", `Picture of ${camera.name}`);
    this.#parts.stage.prepend(picture);
    for (const button of this.element.querySelectorAll(".actions button")) {
      const action = button.querySelector("span").textContent;
      button.title = action;
      button.setAttribute("aria-label", `${action}: ${camera.name}`);
    }
    this.setLarge(false, false);
  }

  /** Element whose size is that of the picture. */
  get stage() {
    return this.#parts.stage;
  }

  /** Width of the picture on the screen, device pixels. */
  get pixels() {
    return this.isInView ? Math.round(this.#parts.stage.clientWidth * devicePixelRatio) : 0;
  }

  setLarge(isLarge, isStrip) {
    this.isStrip = isStrip;
    this.element.classList.toggle("is-large", isLarge);
    this.#parts.open.dataset.action = isLarge ? "all" : "show";
    this.isLarge = isLarge;
  }

  focus() {
    this.#parts.open.focus();
  }

  /** Shows the camera's present state. */
  refresh({ connection, isAsked, lineNote, mode, miniCamera, canMini }) {
    const { camera } = this;
    const parts = this.#parts;
    const notice = camera.notice(connection, isAsked);
    setText(parts.notice.querySelector("strong"), notice ?? "");
    setText(parts.notice.querySelector("span"), camera.fault);
    parts.notice.hidden = notice === undefined;
    // A picture from before the page was hidden is not a live one.
    this.element.classList.toggle("is-old", notice !== undefined || !camera.isLive);
    this.element.classList.toggle("has-picture", camera.picture !== undefined);
    this.element.classList.toggle("is-offline", camera.isOffline);
    this.element.classList.toggle("is-moving", camera.hasMotion);
    parts.dot.className = `dot ${stateClass(camera)}`;
    parts.moving.hidden = !camera.hasMotion;
    setText(parts.note, lineNote);
    parts.note.hidden = lineNote === "";
    const details = mode.get("details") ? camera.details() : [];
    parts.details.hidden = details.length === 0;
    setText(parts.details, details.join("\n"));
    parts.mini.hidden = !canMini;
    parts.mini.setAttribute("aria-pressed", String(miniCamera === camera.name));
    parts.snapshot.disabled = camera.isOffline || connection !== "connected";
    setLabel(parts.open, [
      camera.name, notice ?? "live", camera.fault, camera.hasMotion ? "motion" : "", lineNote,
      this.isLarge ? "show all cameras" : "show large",
    ]);
    this.refreshBoxes(mode);
  }

  refreshBoxes(mode) {
    const boxes = mode.get("motion") ? this.camera.boxes() : [];
    const text = JSON.stringify(boxes);
    if (text === this.#drawnBoxes) return;
    this.#drawnBoxes = text;
    this.#parts.boxes.replaceChildren(...boxes.map(({ x, y, width, height }) => {
      const rectangle = document.createElementNS(svg, "rect");
      for (const [name, value] of Object.entries({ x, y, width, height })) rectangle.setAttribute(name, value);
      return rectangle;
    }));
  }

  /** Gives the stage the picture's shape. */
  setRatio(width, height) {
    const ratio = (width / height).toFixed(4);
    if (this.ratio === ratio) return;
    this.ratio = ratio;
    this.#parts.stage.style.setProperty("--ratio", ratio);
  }
}

function stateClass(camera) {
  if (camera.isOffline) return "offline";
  return camera.state === CameraState.online ? "online" : "starting";
}

/** Changes nothing where nothing has changed: screen readers and selections would lose their place. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setLabel(element, parts) {
  const label = parts.filter((part) => part !== "").join(", ");
  if (element.getAttribute("aria-label") !== label) element.setAttribute("aria-label", label);
}

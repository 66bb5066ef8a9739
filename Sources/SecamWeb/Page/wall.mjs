// The cameras on the screen: a grid of all of them, or one large with the others in a strip below it. The address says
// which, so that the browser's back button and bookmarks work.

import { Tile } from "./tile.mjs";

/** Space between tiles, and the width below which the grid scrolls instead of shrinking its tiles, CSS pixels. */
const gap = 6;
const smallestTile = 220;
/** A narrower wall is that of a phone: one column, or two for many cameras. */
const phoneWidth = 600;
const phoneSingles = 4;
/** Room that a strip below the large picture needs. */
const stripRoom = { width: 700, height: 520 };
const usualRatio = 16 / 9;

export class Wall {
  /** Called when another camera, or none, is large. */
  onSelect = () => {};
  /** Called when the size of a tile on the screen has changed. */
  onMeasure = () => {};

  #list = document.querySelector("#tiles");
  #root = document.querySelector("#wall");
  #template = document.querySelector("#tile");
  #tiles = new Map();
  #cameras;
  #painter;
  #wasOpenedHere = false;
  #resizes = new ResizeObserver((entries) => {
    for (const { target } of entries) this.#measured(target);
  });
  #views = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const tile = this.#tiles.get(target.dataset.camera);
      if (tile === undefined) continue;
      tile.isInView = isIntersecting;
      this.onMeasure(tile);
    }
  });

  constructor(cameras, painter) {
    this.#cameras = cameras;
    this.#painter = painter;
    new ResizeObserver(() => this.layOut()).observe(this.#root);
    addEventListener("hashchange", () => this.#selected());
  }

  get tiles() {
    return [...this.#tiles.values()];
  }

  tile(name) {
    return this.#tiles.get(name);
  }

  /** The camera that is large. */
  get selected() {
    const name = selectedName();
    return name === undefined ? undefined : this.#cameras.named(name);
  }

  /** The cameras that a command without a camera is about. */
  get shown() {
    return this.selected ? [this.selected] : this.#cameras.list;
  }

  select(name) {
    const hash = `#/camera/${encodeURIComponent(name)}`;
    if (hash === location.hash) return;
    if (this.selected) {
      history.replaceState(null, "", hash);
      this.#selected();
    } else {
      this.#wasOpenedHere = true;
      location.hash = hash;
    }
  }

  /** Shows all cameras. Returns whether one was large. */
  showAll() {
    if (selectedName() === undefined) return false;
    if (this.#wasOpenedHere) {
      history.back();
    } else {
      history.replaceState(null, "", location.pathname);
      this.#selected();
    }
    return true;
  }

  /** Moves to another camera: the large one, or else the focus. */
  step(count) {
    const names = this.#cameras.list.map((camera) => camera.name);
    if (names.length === 0) return false;
    const focused = document.activeElement?.closest(".tile")?.dataset.camera;
    const present = names.indexOf(this.selected?.name ?? focused);
    const next = names[present < 0 ? 0 : (present + count + names.length) % names.length];
    if (this.selected) this.select(next);
    this.tile(next).focus();
    return true;
  }

  /** Makes the tiles agree with the list of cameras. */
  sync() {
    for (const [name, tile] of this.#tiles) {
      if (this.#cameras.named(name) !== tile.camera) this.#remove(name, tile);
    }
    this.#cameras.list.forEach((camera, index) => {
      const tile = this.#tiles.get(camera.name) ?? this.#add(camera);
      if (camera.width > 0 && camera.height > 0) tile.setRatio(camera.width, camera.height);
      // Moves a tile only if it has to: a moved element loses the focus.
      const present = this.#list.children[index];
      if (present !== tile.element) this.#list.insertBefore(tile.element, present);
    });
    this.layOut();
  }

  layOut() {
    const { clientWidth: width, clientHeight: height } = this.#root;
    const large = this.selected;
    const hasStrip = width >= stripRoom.width && height >= stripRoom.height && this.#tiles.size > 1;
    this.#root.classList.toggle("has-large", large !== undefined);
    this.#root.classList.toggle("has-strip", large !== undefined && hasStrip);
    for (const tile of this.#tiles.values()) {
      const isLarge = tile.camera === large;
      tile.setLarge(isLarge, large !== undefined && !isLarge);
      tile.element.hidden = large !== undefined && !isLarge && !hasStrip;
    }
    const cell = cellSize(this.#tiles.size, width, height, this.#ratio());
    this.#list.style.setProperty("--columns", cell.columns);
    this.#list.style.setProperty("--cell-width", `${cell.width}px`);
    this.#list.style.setProperty("--cell-height", `${cell.height}px`);
  }

  /** The shape of all pictures, if they have the same one. */
  #ratio() {
    const ratios = new Set(this.tiles.map((tile) => tile.ratio).filter(Boolean));
    return ratios.size === 1 ? Number([...ratios][0]) : usualRatio;
  }

  #selected() {
    if (selectedName() === undefined) this.#wasOpenedHere = false;
    const hadFocus = this.#list.contains(document.activeElement);
    const focused = document.activeElement?.closest(".tile")?.dataset.camera;
    this.layOut();
    // The focus stays with the camera that the user has opened or left.
    if (hadFocus) this.tile(this.selected?.name ?? focused)?.focus();
    if (this.selected) this.tile(this.selected.name)?.element.scrollIntoView({ block: "nearest" });
    this.onSelect();
  }

  #add(camera) {
    const tile = new Tile(camera, this.#template, this.#painter.attach(camera.name));
    tile.stage.dataset.camera = camera.name;
    this.#tiles.set(camera.name, tile);
    this.#resizes.observe(tile.stage);
    this.#views.observe(tile.element);
    return tile;
  }

  #remove(name, tile) {
    this.#resizes.unobserve(tile.stage);
    this.#views.unobserve(tile.element);
    tile.element.remove();
    this.#painter.remove(name);
    this.#tiles.delete(name);
  }

  #measured(stage) {
    const tile = this.#tiles.get(stage.dataset.camera);
    if (tile !== undefined) this.onMeasure(tile);
  }
}

function selectedName() {
  const encoded = /^#\/camera\/(.+)$/.exec(location.hash)?.[1];
  try {
    return encoded && decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/** Returns the cell in which pictures are largest, and the number of columns. */
function cellSize(count, width, height, ratio) {
  if (count === 0 || width === 0) return { columns: 1, width: 0, height: 0 };
  const across = (columns) => Math.floor((width - gap * (columns - 1)) / columns);
  if (width < phoneWidth) {
    const columns = count <= phoneSingles ? 1 : 2;
    return { columns, width: across(columns), height: Math.floor(across(columns) / ratio) };
  }
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const high = Math.floor((height - gap * (rows - 1)) / rows);
    const cell = { columns, width: Math.min(across(columns), Math.floor(high * ratio)) };
    cell.height = Math.floor(cell.width / ratio);
    if (cell.width > best.width) best = cell;
  }
  if (best.width >= smallestTile) return best;
  const columns = Math.max(1, Math.floor((width + gap) / (smallestTile + gap)));
  return { columns, width: across(columns), height: Math.floor(across(columns) / ratio) };
}

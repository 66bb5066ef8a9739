// Draws JPEGs: in a worker, or with `img` elements where the browser cannot draw in one.

/** Returns the painter for this browser. */
export function makePainter() {
  const canDraw = "OffscreenCanvas" in self && "transferControlToOffscreen" in HTMLCanvasElement.prototype
    && "createImageBitmap" in self;
  return canDraw ? new WorkerPainter() : new ImagePainter();
}

class WorkerPainter {
  /**
   * Called for each frame when it has been drawn or dropped: (id, tag, outcome). The outcome is
   * {isDrawn, width, height, at, bitmap}, with the bitmap while the camera is mirrored.
   */
  onResult = () => {};
  #worker = new Worker(new URL("painter-worker.mjs", import.meta.url), { type: "module" });

  constructor() {
    this.#worker.onmessage = ({ data: { id, tag, ...outcome } }) => this.onResult(id, tag, outcome);
  }

  /** Returns a new element that shows the pictures of `id`. */
  attach(id) {
    const element = document.createElement("canvas");
    // The size of a picture that has not arrived yet.
    Object.assign(element, { width: 16, height: 9 });
    const canvas = element.transferControlToOffscreen();
    this.#worker.postMessage({ type: "attach", id, canvas }, [canvas]);
    return element;
  }

  /** Draws a JPEG, whose memory is gone afterwards. */
  draw(id, jpeg, tag) {
    const { buffer, byteOffset: offset, length } = jpeg;
    this.#worker.postMessage({ type: "draw", id, tag, buffer, offset, length }, [buffer]);
  }

  /** Starts or stops passing on the bitmaps of `id`. Only this painter can. */
  mirror(id, isOn) {
    this.#worker.postMessage({ type: "mirror", id, isOn });
  }

  remove(id) {
    this.#worker.postMessage({ type: "remove", id });
  }
}

class ImagePainter {
  onResult = () => {};
  #images = new Map();

  attach(id) {
    const element = document.createElement("img");
    element.alt = "";
    this.#images.set(id, { element });
    return element;
  }

  draw(id, jpeg, tag) {
    const entry = this.#images.get(id);
    if (entry === undefined) return;
    if (entry.next !== undefined) this.onResult(id, entry.next.tag, { isDrawn: false });
    entry.next = { blob: new Blob([jpeg], { type: "image/jpeg" }), tag };
    if (!entry.isBusy) void this.#drawAll(id, entry);
  }

  remove(id) {
    const entry = this.#images.get(id);
    this.#images.delete(id);
    if (entry?.url) URL.revokeObjectURL(entry.url);
  }

  async #drawAll(id, entry) {
    entry.isBusy = true;
    while (entry.next !== undefined) {
      const { blob, tag } = entry.next;
      entry.next = undefined;
      this.onResult(id, tag, await this.#show(entry, blob));
    }
    entry.isBusy = false;
  }

  async #show(entry, blob) {
    const url = URL.createObjectURL(blob);
    const image = new Image();
    image.src = url;
    try {
      await image.decode();
    } catch {
      URL.revokeObjectURL(url);
      return { isDrawn: false };
    }
    if (entry.url) URL.revokeObjectURL(entry.url);
    entry.url = url;
    entry.element.src = url;
    const { naturalWidth: width, naturalHeight: height } = image;
    const at = performance.timeOrigin + performance.now();
    return { isDrawn: true, width, height, at };
  }
}

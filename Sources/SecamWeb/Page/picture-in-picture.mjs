// Shows one camera in the browser's small window, which stays in view over other windows and tabs.

export class PictureInPicture {
  /** Name of the camera in the window. */
  camera;
  /** Called when the window has opened or closed. */
  onChange = () => {};

  #painter;
  #canvas = document.createElement("canvas");
  #context = this.#canvas.getContext("2d", { alpha: false });
  #video = document.createElement("video");

  constructor(painter) {
    this.#painter = painter;
    this.#video.muted = true;
    this.#video.playsInline = true;
    this.#video.addEventListener("leavepictureinpicture", () => this.#closed());
  }

  get isPossible() {
    return document.pictureInPictureEnabled === true && "captureStream" in this.#canvas && "mirror" in this.#painter;
  }

  /** Opens the window for a camera, or closes it if it shows that camera. */
  async toggle(camera) {
    if (this.camera === camera.name) return document.exitPictureInPicture();
    if (this.camera !== undefined) this.#painter.mirror(this.camera, false);
    this.camera = camera.name;
    this.#painter.mirror(camera.name, true);
    this.onChange();
    try {
      this.#video.srcObject ??= this.#canvas.captureStream();
      await this.#video.play();
      if (document.pictureInPictureElement !== this.#video) await this.#video.requestPictureInPicture();
    } catch (error) {
      this.#closed();
      throw error;
    }
  }

  /** Shows a picture of the camera. */
  draw(bitmap) {
    const [width, height] = [bitmap.width, bitmap.height];
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    this.#context.drawImage(bitmap, 0, 0);
    bitmap.close();
  }

  close() {
    if (this.camera !== undefined && document.pictureInPictureElement) void document.exitPictureInPicture();
  }

  #closed() {
    if (this.camera === undefined) return;
    this.#painter.mirror(this.camera, false);
    this.#video.srcObject = null;
    this.camera = undefined;
    this.onChange();
  }
}

// Decodes and draws pictures off the page's main thread. Of each camera, one picture is in the decoder and the newest
// other one waits; a third replaces the one that waits.

/** By id: {canvas, context, next, isBusy, isMirrored}. */
const canvases = new Map();

self.onmessage = ({ data }) => {
  switch (data.type) {
    case "attach": {
      const context = data.canvas.getContext("2d", { alpha: false });
      canvases.set(data.id, { canvas: data.canvas, context });
      return;
    }
    case "remove": return void canvases.delete(data.id);
    case "mirror": {
      const entry = canvases.get(data.id);
      if (entry) entry.isMirrored = data.isOn;
      return;
    }
    default: return offer(data);
  }
};

function offer(frame) {
  const entry = canvases.get(frame.id);
  if (entry === undefined) return;
  if (entry.next !== undefined) report(entry.next, { isDrawn: false });
  entry.next = frame;
  if (!entry.isBusy) void drawAll(entry);
}

async function drawAll(entry) {
  entry.isBusy = true;
  while (entry.next !== undefined) {
    const frame = entry.next;
    entry.next = undefined;
    await draw(entry, frame);
  }
  entry.isBusy = false;
}

async function draw({ canvas, context, isMirrored }, frame) {
  let bitmap;
  try {
    const { buffer, offset, length } = frame;
    bitmap = await createImageBitmap(new Blob([new Uint8Array(buffer, offset, length)], { type: "image/jpeg" }));
  } catch {
    // Not a complete JPEG (V-8): the previous picture stays.
    return report(frame, { isDrawn: false });
  }
  const { width, height } = bitmap;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.drawImage(bitmap, 0, 0);
  const at = performance.timeOrigin + performance.now();
  if (isMirrored) {
    report(frame, { isDrawn: true, width, height, at, bitmap }, [bitmap]);
  } else {
    bitmap.close();
    report(frame, { isDrawn: true, width, height, at });
  }
}

function report({ id, tag }, outcome, transfer = []) {
  self.postMessage({ id, tag, ...outcome }, transfer);
}

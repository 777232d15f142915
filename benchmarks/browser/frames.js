// In the page of npm run bench:frames: a run takes a frame and gives a label.

import * as ort from '/onnxruntime-web/ort.wasm.bundle.min.mjs';

/** Frames by their kind, all with the same pixels. */
async function makeFrame(kind, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const image = new ImageData(width, height);
  const levels = new Uint32Array(image.data.buffer);
  for (let i = 0, level = 1; i < levels.length; i++) {
    level = (level * 1103515245 + 12345) >>> 0;
    levels[i] = level | 0xff000000;
  }
  pen.putImageData(image, 0, 0);
  switch (kind) {
    case 'ImageData':
      return image;
    case 'canvas':
      return canvas;
    case 'VideoFrame':
      return new VideoFrame(canvas, { timestamp: 0 });
    case 'ImageBitmap':
      return createImageBitmap(canvas);
    default:
      return canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 });
  }
}

/** What pages usually do for a model that takes floats: scale with a canvas, read the pixels, convert them. */
function canvasValues([height, width, channels]) {
  const pen = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  const values = new Float32Array(height * width * channels);
  return async (frame) => {
    const isDrawable = !(frame instanceof ImageData || frame instanceof Blob);
    const source = isDrawable ? frame : await createImageBitmap(frame);
    pen.drawImage(source, 0, 0, width, height);
    if (!isDrawable) source.close();
    const { data } = pen.getImageData(0, 0, width, height);
    for (let i = 0, at = 0; i < data.length; i += 4) {
      if (channels === 1) values[at++] = (0.2126 * data[i] + 0.7152 * data[i + 1] + 0.0722 * data[i + 2]) / 255;
      else for (let c = 0; c < 3; c++) values[at++] = data[i + c] / 255;
    }
    return values;
  };
}

const largest = (values) => values.indexOf(Math.max(...values));

const MAKERS = {
  /** Whole calls of the loader, whose branch is in a Worker. */
  async lcdnn(frame, url) {
    const { load } = await import(`${url}lcdnn.js`);
    const model = await load(new URL(url, location.href), { edge: false });
    const start = () => model.classify(frame);
    const run = async () => (await start()).index;
    return Object.assign(run, { start, end: () => model.dispose() });
  },
  /** The branch on values of its own size. */
  async branch(_frame, url, shape) {
    const { load } = await import(`${url}lcdnn.js`);
    const model = await load(new URL(url, location.href), { edge: false });
    const values = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, () => Math.random());
    const run = async () => (await model.classify(values)).index;
    return Object.assign(run, { end: () => model.dispose() });
  },
  async onnx(frame, url, shape) {
    const session = await ort.InferenceSession.create(url);
    const read = canvasValues(shape);
    const run = async () => {
      const tensor = new ort.Tensor('float32', await read(frame), [1, ...shape]);
      const outputs = await session.run({ [session.inputNames[0]]: tensor });
      return largest(outputs[session.outputNames[0]].data);
    };
    return Object.assign(run, { end: () => session.release() });
  },
  async litert(frame, url, shape) {
    const { liteRtModel } = await import('/run/litert.js');
    const model = await liteRtModel(url, [1, ...shape]);
    const read = canvasValues(shape);
    return async () => largest((await model(await read(frame)))[0]);
  },
  /** Decodes or copies a frame and reads all of its pixels, which any code that resizes by itself has to do. */
  async read(frame) {
    return async () => {
      const bitmap = await createImageBitmap(frame);
      const pen = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d', { willReadFrequently: true });
      pen.drawImage(bitmap, 0, 0);
      bitmap.close();
      return pen.getImageData(0, 0, pen.canvas.width, pen.canvas.height).data[0];
    };
  },
};

let runs = [];

/** Prepares contestants, lists of a maker's name and its arguments, for frames of one kind and size. */
export async function prepare(kind, width, height, contestants) {
  for (const run of runs) run.end?.();
  const frame = await makeFrame(kind, width, height);
  runs = [];
  for (const [maker, ...args] of contestants) runs.push(await MAKERS[maker](frame, ...args));
}

/** @returns milliseconds on the clock */
export async function repeat(index, calls) {
  const started = performance.now();
  for (let i = 0; i < calls; i++) {
    const label = await runs[index]();
    if (!(label >= 0)) throw new Error(`expected a label, found ${label}`);
  }
  return performance.now() - started;
}

/** @returns milliseconds, of each call, in which the page can do nothing else: until the call returns its promise */
export async function blockedMs(index, calls) {
  const times = [];
  for (let i = 0; i < calls; i++) {
    const started = performance.now();
    const answer = runs[index].start();
    times.push(performance.now() - started);
    await answer;
  }
  return times;
}

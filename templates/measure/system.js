// What `lcdnn bench system` runs in a page: any approach by the interface of lcdnn.js. globalThis.images holds what is classified.

/** More images, each as the base64 of its float32 values. */
globalThis.addImages = (texts) => {
  const valuesOf = (text) => new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  globalThis.images = [...(globalThis.images ?? []), ...texts.map(valuesOf)];
};

const files = () => performance.getEntriesByType('resource');
const bytesDown = () => files().reduce((all, { encodedBodySize }) => all + encodedBodySize, 0);
performance.setResourceTimingBufferSize(10_000);

/** Loads an approach; its downloads end when its last file is here. */
globalThis.openApproach = async ({ module, options, hints }) => {
  performance.clearResourceTimings();
  const started = performance.now();
  for (const file of hints) {
    const kind = file.endsWith('.js') ? { rel: 'modulepreload' } : { rel: 'preload', as: 'fetch', crossOrigin: '' };
    const href = new URL(file, new URL(module, location.href)).href;
    document.head.append(Object.assign(document.createElement('link'), kind, { href }));
  }
  const { load } = await import(module);
  globalThis.model = await load(undefined, options);
  const ready = performance.now();
  const downloaded = Math.max(started, ...files().map(({ responseEnd }) => responseEnd));
  return { downloadMs: downloaded - started, compileMs: ready - downloaded, bytesDown: bytesDown() };
};

/** Classifies the images, one after another, and tells where the time went. */
globalThis.classifyAll = async (warmUp) => {
  const classify = async (image) => {
    performance.clearResourceTimings();
    const begun = performance.now();
    const { index, by, times, bytes } = await globalThis.model.classify(image);
    const ms = performance.now() - begun;
    // The entry of a request comes just behind its answer.
    await new Promise((resolve) => setTimeout(resolve));
    const request = files().find(({ name }) => name.endsWith('/infer'));
    const edgeMs = request?.serverTiming.reduce((sum, { duration }) => sum + duration, 0) ?? 0;
    return {
      ms,
      computeMs: times.branchMs,
      edgeMs,
      uplinkMs: Math.max(0, times.edgeMs - edgeMs),
      bytesUp: bytes.sent,
      bytesDown: bytesDown(),
      index,
      asked: by === 'edge',
    };
  };
  const { images } = globalThis;
  for (let i = 0; i < warmUp; i++) await classify(images[i % images.length]);
  const answers = [];
  for (const image of images) answers.push(await classify(image));
  return answers;
};

/** Waits until a model that answers before its branch is loaded has the branch. */
globalThis.untilReady = async () => void (await globalThis.model.ready);

/** Has the edge answer for the first image, however sure the page is. */
globalThis.askEdge = async () => {
  await globalThis.untilReady();
  await globalThis.model.classify(globalThis.images[0], { edge: 'always' });
};

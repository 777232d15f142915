// First answer of the full network in a fresh page; `?model=URL&shape=1,28,28,1`.

// The runtime doesn't expose its memory: intercept its creation and export.
const memories = new Set();
const { Memory, instantiate, instantiateStreaming } = WebAssembly;
WebAssembly.Memory = class extends Memory {
  constructor(...args) {
    super(...args);
    memories.add(this);
  }
};
const caught = (made) => {
  for (const value of Object.values((made.instance ?? made).exports)) if (value instanceof Memory) memories.add(value);
  return made;
};
WebAssembly.instantiate = async (...args) => caught(await instantiate.apply(WebAssembly, args));
WebAssembly.instantiateStreaming = async (...args) => caught(await instantiateStreaming.apply(WebAssembly, args));

const ort = await import('/onnxruntime-web/ort.wasm.bundle.min.mjs');
const query = new URLSearchParams(location.search);
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = '/onnxruntime-web/';
const session = await ort.InferenceSession.create(query.get('model'));
const shape = query.get('shape').split(',').map(Number);
const image = new ort.Tensor('float32', new Float32Array(shape.reduce((all, size) => all * size)), shape);
await session.run({ [session.inputNames[0]]: image });
globalThis.answered = performance.now();
globalThis.wasmBytes = [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);

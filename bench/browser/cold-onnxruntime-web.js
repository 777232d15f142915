// First answer of the full network in a fresh page; `?model=URL&shape=1,28,28,1`.
import * as ort from '/onnxruntime-web/ort.wasm.bundle.min.mjs';

const query = new URLSearchParams(location.search);
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = '/onnxruntime-web/';
const session = await ort.InferenceSession.create(query.get('model'));
const shape = query.get('shape').split(',').map(Number);
const image = new ort.Tensor('float32', new Float32Array(shape.reduce((all, size) => all * size)), shape);
await session.run({ [session.inputNames[0]]: image });
globalThis.answered = performance.now();

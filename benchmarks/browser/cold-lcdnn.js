// First answer of the binary branch in a fresh page; `?bundle=URL&values=N`.
const query = new URLSearchParams(location.search);
const { load } = await import(`${query.get('bundle')}lcdnn.js`);
const model = await load(undefined, { edge: false });
await model.classify(new Float32Array(Number(query.get('values'))));
globalThis.answered = performance.now();

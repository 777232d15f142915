// First answer of the binary branch in a fresh page, or of the edge with `&first=edge`; `?bundle=URL&values=N`.
const query = new URLSearchParams(location.search);
const { load } = await import(`${query.get('bundle')}lcdnn.js`);
const first = query.get('first') ?? undefined;
const model = await load(undefined, first ? { first, timeoutMs: 60_000 } : { edge: false });
const { by } = await model.classify(new Float32Array(Number(query.get('values'))));
globalThis.by = by;
globalThis.answered = performance.now();

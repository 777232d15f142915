// First answer of the full network in LiteRT.js in a fresh page; `?model=URL&shape=1,28,28,1`.
const query = new URLSearchParams(location.search);
const { liteRtRun } = await import('/run/litert.js');
const run = await liteRtRun(query.get('model'), query.get('shape').split(',').map(Number));
await run();
globalThis.answered = performance.now();

// Sends whole images to the edge: before the branch is loaded (`first: 'edge'`), and to ask the branch and the edge at the same time
// (`edge: 'race'`). Images are scaled here without WebAssembly. lcdnn.js imports this file when a page wants one of the two.

import { openEdge } from './lcdnn-edge.js';
import { defaultEdge } from './parts/default-edge.js';
import { scalarMemory } from './parts/scalar-memory.js';
import { toInput } from './parts/to-input.js';
import { within } from './parts/within.js';

const TIMEOUT_MS = 3000;
const DISPOSED = 'the model was disposed of; load it again';

/** The client for images of each manifest, so that a model has one. */
const clients = new WeakMap();

function clientFor({ manifest, edge, settings, ended }) {
  const tail = [...(manifest.entries ?? []), { ...manifest.tail, model: manifest.name }].find(
    ({ from }) => from === 'image',
  );
  if (!edge || !tail) return undefined;
  const open = () =>
    openEdge(
      edge,
      { ...manifest, name: tail.model, tail },
      {
        ...settings,
        tally: { exits: 0 },
        ended: ended.signal,
        within,
      },
    );
  const client = clients.get(manifest) ?? open();
  clients.set(manifest, client);
  return client;
}

/**
 * A model that answers as soon as the edge can, while `loadBranch` loads the branch. Without an edge that takes images, it is the
 * usual model, when that is loaded.
 */
export async function loadFirst({ manifest, from }, options, takeImage, loadBranch) {
  const edge = options.edge ?? defaultEdge(manifest.edge, [from]);
  const ended = new AbortController();
  const { signal } = options;
  const halt = () => ended.abort(signal.reason);
  signal?.addEventListener('abort', halt);
  let model;
  const load = async (stop) => {
    const loaded = await loadBranch(stop);
    if (ended.signal.aborted) loaded.dispose();
    model = loaded;
  };
  const ready = within(Infinity, ended.signal, load).finally(() => signal?.removeEventListener('abort', halt));
  ready.catch(() => {}); // a page need not wait for it
  const context = { manifest, edge, settings: options, ended };
  const client = clientFor(context);
  if (!client) {
    await ready;
    return model;
  }

  const whenReady =
    (method) =>
    async (...given) => {
      await ready;
      return model[method](...given);
    };
  const take = (image) => takeImage(image, manifest.input);
  return {
    manifest,
    ready,
    get tau() {
      return model?.tau ?? options.tau ?? manifest.tau;
    },
    get simd() {
      return Boolean(model?.simd);
    },
    get relaxedSimd() {
      return Boolean(model?.relaxedSimd);
    },
    get worker() {
      return Boolean(model?.worker);
    },
    get verified() {
      return Boolean(model?.verified);
    },
    get edge() {
      return model?.edge ?? { state: client.state(), tau: undefined };
    },
    get stale() {
      return Boolean(model?.stale) || client.newest() !== manifest.version;
    },
    async branch(image, exit) {
      return model ? model.branch(image, exit) : whenReady('branch')(await take(image), exit);
    },
    async classify(image, given = {}) {
      if (model) return model.classify(image, given);
      const taken = await take(image);
      const { edge: policy = 'when-unsure' } = given;
      if (!['when-unsure', 'always', 'race'].includes(policy)) {
        return within(Infinity, given.signal, () => whenReady('classify')(taken, given));
      }
      return firstAnswer(context, inputOf(context, taken), given, whenReady('classify'));
    },
    classifyStream: whenReady('classifyStream'),
    dispose() {
      ended.abort(new Error(DISPOSED));
      model?.dispose();
    },
  };
}

/** Asks the branch and the edge. @param taken an image from `takeImage` @param classify of the model */
export async function race(context, taken, options, classify) {
  try {
    return await firstAnswer(context, inputOf(context, taken), options, classify);
  } catch (thrown) {
    throw context.ended.signal.aborted ? new Error(DISPOSED) : thrown;
  }
}

/** The network's input without WebAssembly: normalised, NHWC. */
const inputOf = ({ manifest }, taken) => toInput(scalarMemory(), taken, manifest.input);

/**
 * The edge's answer, or the branch's if it is sure and comes sooner. An unsure branch waits for the edge until the time is over.
 *
 * @param classify of the model, when it is loaded
 */
async function firstAnswer(context, values, options, classify) {
  const ended = context.ended.signal;
  const bytes = { sent: 0, received: 0 };
  const over = new AbortController(); // fires when there is an answer, or when none is wanted any more
  const work = async (stop) => {
    for (const signal of [stop, ended]) {
      signal.addEventListener('abort', () => over.abort(signal.reason), { signal: over.signal });
    }
    const asked = performance.now();
    let edgeError;
    const byEdge = askEdge(context, values, options, bytes, over.signal).catch((thrown) => {
      edgeError = thrown?.message ?? String(thrown);
    });
    const byBranch = classify(values, { edge: 'never', signal: over.signal }).then(
      async (answer) => (answer.unsure || options.edge === 'always' ? await byEdge : undefined) ?? answer,
      async (thrown) => {
        const answer = await byEdge;
        if (!answer) throw thrown;
        return answer;
      },
    );
    const answer = await Promise.race([byEdge.then((found) => found ?? byBranch), byBranch]);
    ended.throwIfAborted();
    if (answer.by === 'branch') {
      answer.times.edgeMs = performance.now() - asked;
      Object.assign(answer, { bytes: { ...bytes } }, edgeError && { edgeError });
    }
    return answer;
  };
  try {
    ended.throwIfAborted();
    return await within(Infinity, options.signal, work);
  } finally {
    over.abort();
  }
}

/** The edge's answer to an image. @throws the reason if there is none in time */
async function askEdge(context, values, { budgetMs = Infinity }, bytes, signal) {
  const { manifest, settings } = context;
  const client = clientFor(context);
  if (!client) throw new Error(context.edge ? 'this bundle has no entry point for images' : 'no edge server was given');
  const started = performance.now();
  const leftMs = Math.min(settings.timeoutMs ?? TIMEOUT_MS, budgetMs);
  if (!(leftMs > 0)) throw new Error(`the budget of ${budgetMs} ms ran out`);
  const asked = { bytes, tau: [manifest.tau].flat().at(-1) };
  const ask = (stop) => client.ask({ shared: values }, asked, stop, started + leftMs);
  const probabilities = await within(leftMs, signal, ask);
  const index = probabilities.indexOf(Math.max(...probabilities));
  const entropy = probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
  return {
    index,
    label: manifest.labels[index],
    probabilities,
    by: 'edge',
    exit: undefined,
    unsure: false,
    entropy: entropy / Math.log(probabilities.length),
    tau: [settings.tau ?? manifest.tau].flat().at(-1),
    times: { branchMs: 0, edgeMs: performance.now() - started },
    bytes,
  };
}

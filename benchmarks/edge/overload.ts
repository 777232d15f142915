import { setPriority } from 'node:os';
import { openTail } from '../../src/edge/tail.js';
import { readAnswer } from '../../test/infer-request.js';
import { type EdgeCase, question } from './bundles.js';
import { type Answer, fire, fireEvenly } from './fire.js';
import { startServer } from './server-process.js';

const [BATCH, QUEUE] = [8, 32];
const CONNECTIONS = 500;
/** Seconds in which all connections are opened at once, which is counted by itself. */
const OPENING = 2;

/** Ten times the load that a server can do: what becomes of those that it takes, and of itself. */
export async function overload(one: EdgeCase, { threads, seconds }: { threads: number; seconds: number }) {
  const { tail: bundle } = one;
  const { name, tail } = bundle.manifest;
  const request = question(bundle, 1);
  const opened = await openTail(bundle, threads);
  const right = Array.from(await opened.infer(request.values.slice(), 1));
  await opened.close();

  const server = await startServer(one.folders.slice(0, 1), { threads, 'max-batch': BATCH, queue: QUEUE });
  const percentile = (values: number[], share: number) =>
    values.sort((a, b) => a - b)[Math.floor(share * values.length)];
  const load = async (connections: number, duration: number, rate?: number) => {
    const accepted: number[] = [];
    const refused: number[] = [];
    /** Those of the accepted that came first. */
    const opening: number[] = [];
    const started = performance.now();
    let wrong = 0;
    const shots = await (rate ? fireEvenly : fire)(server.url, name, request, {
      connections,
      duration,
      rate,
      onAnswer(answer) {
        if (answer.status === 503) return void refused.push(answer.ms);
        accepted.push(answer.ms);
        if (performance.now() - started < 1000 * OPENING) opening.push(answer.ms);
        if (answer.status !== 200 || !isRight(answer, right)) wrong++;
      },
    });
    return { accepted, refused, opening, wrong, ...shots };
  };
  try {
    const unloaded = await load(1, 5);
    const full = await load(2 * BATCH, 10);
    const capacity = full.accepted.length / full.elapsed;
    const before = server.memory();
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, server.memory());
    }, 500);
    // What makes the load shares the processors: it shall not take them from what it measures.
    setPriority(10);
    const flood = await load(CONNECTIONS, seconds, Math.round(10 * capacity));
    const { accepted, refused, opening, wrong, errors, elapsed } = flood;
    clearInterval(watch);
    const ended = performance.now();
    const url = `${server.url}/v2/models/${name}/infer`;
    while (!(await fetch(url, request)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
    const recovered = performance.now() - ended;
    const p99 = percentile(unloaded.accepted, 0.99);
    const later = accepted.slice(opening.length); // in the order of their answers
    const bound = 3 * p99 + (1000 * (QUEUE + 2 * BATCH)) / capacity;
    console.log(`
${one.title}, ${seconds} s at ten times its capacity of ${capacity.toFixed(0)} requests/s (${tail.shape.join('x')}, ${request.body.length} bytes each):
  offered ${((accepted.length + refused.length) / elapsed).toFixed(0)}/s, answered ${(accepted.length / elapsed).toFixed(0)}/s, refused with 503 ${refused.length}, wrong ${wrong}, without answer ${errors}
  p99: alone ${p99.toFixed(0)} ms, accepted ${percentile(accepted, 0.99).toFixed(0)} ms (bound ${bound.toFixed(0)}; in the first ${OPENING} s ${percentile(opening, 0.99).toFixed(0)}, then ${percentile(later, 0.99).toFixed(0)}), refused ${percentile(refused, 0.99).toFixed(0)} ms
  memory ${(before / 1e6).toFixed(0)} MB before, ${(most / 1e6).toFixed(0)} MB at most; answers again ${recovered.toFixed(0)} ms after`);
  } finally {
    await server.close();
  }
}

/** In a batch of another size, sums may be added up in another order. */
function isRight({ jsonLength, body }: Answer, right: readonly number[]): boolean {
  const { logits } = readAnswer(jsonLength, body);
  return right.every((logit, i) => Math.abs(logit - logits[i]) < 1e-3);
}

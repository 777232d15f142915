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

export const OVERLOAD_COLUMNS = [
  { title: 'network' },
  { title: 'capacity/s', digits: 0 },
  { title: 'offered/s', digits: 0 },
  { title: 'answered/s', digits: 0 },
  { title: 'refused (503)', digits: 0 },
  { title: 'wrong', digits: 0 },
  { title: 'without answer', digits: 0 },
  { title: 'p99 alone, ms', digits: 0 },
  { title: 'accepted', digits: 0 },
  { title: 'bound', digits: 0 },
  { title: 'accepted, first 2 s and later', align: 'right' as const },
  { title: 'refused', digits: 0 },
  { title: 'memory before, MB', digits: 0 },
  { title: 'at most', digits: 0 },
  { title: 'answers again after, s', digits: 2 },
];

/** Sends ten times the load that a server can handle. @returns a row of the table, as in OVERLOAD_COLUMNS */
export async function overload(
  one: EdgeCase,
  { threads, seconds }: { threads: number; seconds: number },
): Promise<(string | number)[]> {
  const { tail: bundle } = one;
  const { name } = bundle.manifest;
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
    const ms = (values: number[]): string => percentile(values, 0.99).toFixed(0);
    return [
      `${one.title}, ${seconds} s`,
      capacity,
      (accepted.length + refused.length) / elapsed,
      accepted.length / elapsed,
      refused.length,
      wrong,
      errors,
      p99,
      percentile(accepted, 0.99),
      bound,
      `${ms(opening)}, ${ms(later)}`,
      percentile(refused, 0.99),
      before / 1e6,
      most / 1e6,
      recovered / 1000,
    ];
  } finally {
    await server.close();
  }
}

/** In a batch of another size, sums may be added up in another order. */
function isRight({ jsonLength, body }: Answer, right: readonly number[]): boolean {
  const { logits } = readAnswer(jsonLength, body);
  return right.every((logit, i) => Math.abs(logit - logits[i]) < 1e-3);
}

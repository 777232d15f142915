import { Agent, request } from 'undici';
import { median } from '../../base/statistics.js';
import { startRapl } from '../../profiling/rapl.js';
import type { Host } from './host.js';
import type { SentRequest } from './visit.js';

/** Number of concurrent requests: while one travels, the edge has another to work on. */
const CONNECTIONS = 4;
/** The server's code is still being compiled at first, so early requests are not measured. */
const WARM_UP_MS = 3000;
/** Number of rounds. Every approach is measured in each round, because a machine's speed changes over time. */
const ROUNDS = 5;

/** The cost of one request on the edge. */
export interface RequestCost {
  readonly processorMs: number;
  /**
   * Energy of the whole machine's processor, including the client's share. Absent if the machine has no energy
   * counters.
   */
  readonly joules?: number;
}

/**
 * Sends each request many times over a few connections, and returns medians over rounds in which all requests take
 * turns.
 *
 * @param sent one request per name, as pages send it
 * @param forMs how long to send each request, in ms
 */
export async function requestCosts(
  host: Host,
  sent: ReadonlyMap<string, SentRequest>,
  forMs: number,
): Promise<Map<string, RequestCost>> {
  const dispatcher = new Agent({ connections: CONNECTIONS });
  const rounds = new Map([...sent.keys()].map((id): [string, RequestCost[]] => [id, []]));
  try {
    for (const one of sent.values()) await sendFor(one, dispatcher, WARM_UP_MS);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [id, one] of sent) {
        const before = await host.processorMs();
        const spent = startRapl();
        const requests = await sendFor(one, dispatcher, forMs / ROUNDS);
        const joules = spent?.();
        const processorMs = ((await host.processorMs()) - before) / requests;
        rounds.get(id)!.push({ processorMs, ...(joules === undefined ? {} : { joules: joules / requests }) });
      }
    }
  } finally {
    await dispatcher.close();
  }
  return new Map([...rounds].map(([id, found]) => [id, medians(found)]));
}

function medians(rounds: readonly RequestCost[]): RequestCost {
  const joules = rounds.flatMap((round) => round.joules ?? []);
  return {
    processorMs: median(rounds.map(({ processorMs }) => processorMs)),
    ...(joules.length > 0 ? { joules: median(joules) } : {}),
  };
}

/** Number of requests that were answered in this time. */
async function sendFor({ url, headers, body }: SentRequest, dispatcher: Agent, ms: number): Promise<number> {
  const started = performance.now();
  let requests = 0;
  const client = async (): Promise<void> => {
    for (; performance.now() - started < ms; requests++) {
      const answer = await request(url, { method: 'POST', dispatcher, headers, body });
      await answer.body.dump();
      if (answer.statusCode !== 200) throw new Error(`${url}: expected an answer, found HTTP ${answer.statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  return requests;
}

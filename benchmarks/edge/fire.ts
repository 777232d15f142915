import { setTimeout as pause } from 'node:timers/promises';
import autocannon from 'autocannon';

export interface Answer {
  readonly status: number;
  /** Length of the JSON that its body begins with. */
  readonly jsonLength: string;
  readonly body: Uint8Array;
  readonly ms: number;
}

export interface Shots {
  readonly connections: number;
  /** Seconds. */
  readonly duration: number;
  /** Requests per second; as many as go without it. */
  readonly rate?: number;
  onAnswer?(answer: Answer): void;
}

export interface Fired {
  /** Seconds it took. */
  readonly elapsed: number;
  /** Good ones. */
  readonly answers: number;
  /** What failed without an answer. */
  readonly errors: number;
}

export interface Request {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** Parts of a second that requests are spread over. */
const PARTS = 20;

/**
 * Sends one request at a rate, spread over each second: autocannon sends all of a second's at its beginning, so here it runs
 * several times, each a part of a second after the one before.
 */
export async function fireEvenly(url: string, model: string, request: Request, shots: Shots): Promise<Fired> {
  const [connections, rate] = [shots.connections, shots.rate!].map((all) => Math.ceil(all / PARTS));
  const fired = await Promise.all(
    Array.from({ length: PARTS }, async (_, part) => {
      await pause((1000 * part) / PARTS);
      return fire(url, model, request, { ...shots, connections, rate });
    }),
  );
  const sum = (of: 'answers' | 'errors'): number => fired.reduce((all, one) => all + one[of], 0);
  return { elapsed: Math.max(...fired.map(({ elapsed }) => elapsed)), answers: sum('answers'), errors: sum('errors') };
}

/** Sends one request again and again. */
export async function fire(
  url: string,
  model: string,
  request: Request,
  { connections, duration, rate, onAnswer }: Shots,
): Promise<Fired> {
  const started = performance.now();
  const result = await autocannon({
    url: `${url}/v2/models/${model}/infer`,
    method: 'POST',
    headers: request.headers,
    body: request.body,
    connections,
    duration,
    overallRate: rate,
    timeout: 60,
    setupClient(client) {
      if (!onAnswer) return;
      const headers = new Map<string, string>();
      let chunk: Uint8Array = new Uint8Array();
      client.on('headers', ({ headers: said }) => {
        const list = said as unknown as string[]; // name, value, name, value, ...
        headers.clear();
        for (let i = 0; i < list.length; i += 2) headers.set(list[i].toLowerCase(), list[i + 1]);
      });
      client.on('body', (part) => {
        chunk = new Uint8Array(part); // all that came with it; an answer is small, and its end
      });
      client.on('response', (status, _bytes, ms) => {
        const jsonLength = headers.get('inference-header-content-length') ?? '';
        const body = chunk.subarray(chunk.length - Number(headers.get('content-length')));
        onAnswer({ status, jsonLength, body, ms });
      });
    },
  });
  if (!onAnswer && result.non2xx > 0) {
    throw new Error(`expected answers only, found statuses ${JSON.stringify(result.statusCodeStats)}`);
  }
  return { elapsed: (performance.now() - started) / 1000, answers: result['2xx'], errors: result.errors };
}

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

/** Sends one request again and again; gives the seconds it took, good answers, and what failed without an answer. */
export async function fire(
  url: string,
  model: string,
  request: { readonly headers: Record<string, string>; readonly body: Buffer },
  { connections, duration, rate, onAnswer }: Shots,
): Promise<{ elapsed: number; answers: number; errors: number }> {
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

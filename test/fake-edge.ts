import { vi } from 'vitest';

/** What a client sent: the JSON of its request, its headers and its address. */
export interface Asked {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly said: { readonly parameters: Record<string, unknown> };
}

/** Answers one request; rejects as a connection that fails does, or stays silent for ever. */
export type Reaction = (asked: Asked, signal: AbortSignal) => Response | Promise<Response>;

/** Logits that no branch gives. */
export const EDGE_LOGITS = [1, 5, 2];

/** A reply of the protocol, in JSON. */
export function reply(changes: object = {}, headers: Record<string, string> = {}): Response {
  const outputs = [{ name: 'logits', shape: [1, 3], datatype: 'FP32', data: EDGE_LOGITS }];
  return new Response(JSON.stringify({ model_name: 'tiny', outputs, ...changes }), { headers });
}

export const status =
  (code: number, headers: Record<string, string> = {}): Reaction =>
  () =>
    new Response('{}', { status: code, headers });
export const refused: Reaction = () => Promise.reject(new TypeError('fetch failed'));
export const silent: Reaction = (_, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
export const after =
  (ms: number, then: Reaction): Reaction =>
  async (asked, signal) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    signal.throwIfAborted();
    return then(asked, signal);
  };

/** The requests for inference that came, and the versions that the server says it has. */
export type FakeEdge = Asked[] & { versions: string[] };

/** Puts a server in the place of `fetch`: each request for inference has the next reaction, the last one from then on. */
export function fakeEdge(...reactions: Reaction[]): FakeEdge {
  const asked: FakeEdge = Object.assign([], { versions: [] });
  // What is asked when is looked at by a clock of the test's, for which a stream doesn't wait.
  vi.stubGlobal('CompressionStream', undefined);
  vi.stubGlobal('fetch', async (url: string, { headers, body, signal }: RequestInit) => {
    if (!url.endsWith('/infer')) return new Response(JSON.stringify({ name: 'tiny', versions: asked.versions }));
    const at = headers as Record<string, string>;
    const head = (body as Uint8Array).subarray(0, Number(at['inference-header-content-length']));
    const request = { url, headers: at, said: JSON.parse(new TextDecoder().decode(head)) };
    asked.push(request);
    const reaction = reactions.length > 1 ? reactions.shift()! : reactions[0];
    return reaction(request, signal!);
  });
  return asked;
}

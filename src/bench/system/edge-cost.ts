import { Agent, request } from 'undici';
import { median } from '../../base/median.js';
import { DATATYPES, type Datatype } from '../../bundle/datatypes.js';
import type { Manifest } from '../../bundle/manifest.js';
import type { Bundle } from '../../bundle/read-bundle.js';
import { startRapl } from '../../evaluation/rapl.js';
import type { Host } from './host.js';

/** Requests at a time: the edge always has one to do while another travels. */
const CONNECTIONS = 4;
/** The server's code is compiled while it runs: what it costs at first says nothing. */
const WARM_UP_MS = 3000;
/** In which all take their turns: a machine is not the same from one second to the next. */
const ROUNDS = 5;

/** What a request with one image costs the edge. */
export interface RequestCost {
  readonly processorMs: number;
  /** Of this whole machine's processor, the client's part of it as well; where it has counters. */
  readonly joules?: number;
}

/**
 * Asks for each model many times, one request after another on a few connections: medians of rounds in alternation.
 *
 * @param models by any names
 * @param forMs how long requests are sent for each model
 */
export async function requestCosts(
  host: Host,
  models: ReadonlyMap<string, Pick<Bundle, 'manifest'>>,
  forMs: number,
): Promise<Map<string, RequestCost>> {
  const dispatcher = new Agent({ connections: CONNECTIONS });
  const rounds = new Map([...models.keys()].map((id): [string, RequestCost[]] => [id, []]));
  try {
    for (const { manifest } of models.values()) await askFor(host, manifest, dispatcher, WARM_UP_MS);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [id, { manifest }] of models) {
        const before = await host.processorMs();
        const spent = startRapl();
        const requests = await askFor(host, manifest, dispatcher, forMs / ROUNDS);
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

/** Requests that were answered in this time. */
async function askFor(host: Host, { name, tail }: Manifest, dispatcher: Agent, ms: number): Promise<number> {
  const body = requestBody(tail);
  const started = performance.now();
  let requests = 0;
  const client = async (): Promise<void> => {
    for (; performance.now() - started < ms; requests++) {
      const answer = await request(`${host.url}/v2/models/${name}/infer`, { method: 'POST', dispatcher, ...body });
      await answer.body.dump();
      if (answer.statusCode !== 200) throw new Error(`${name}: expected an answer, found HTTP ${answer.statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  return requests;
}

/** A request of the Open Inference Protocol v2 for one image, its values in binary. */
function requestBody({ input, output, shape, ...tail }: Manifest['tail']) {
  const datatype: Datatype = tail.datatype ?? 'FP32';
  const values = shape.reduce((all, size) => all * size, 1);
  const tensor = new Uint8Array(values * DATATYPES[datatype].bytes);
  const parameters = { binary_data_size: tensor.length };
  const head = JSON.stringify({
    inputs: [{ name: input, shape: [1, ...shape], datatype, parameters }],
    outputs: [{ name: output, parameters: { binary_data: true } }],
  });
  return {
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(Buffer.byteLength(head)),
    },
    body: Buffer.concat([Buffer.from(head), tensor]),
  };
}

import { Agent, request } from 'undici';
import { DATATYPES, type Datatype } from '../../bundle/datatypes.js';
import type { Bundle } from '../../bundle/read-bundle.js';
import { startRapl } from '../../evaluation/rapl.js';
import type { Host } from './host.js';

/** Requests at a time: the edge always has one to do while another travels. */
const CONNECTIONS = 4;
/** The server's code is compiled while it runs: what it costs at first says nothing. */
const WARM_UP_MS = 1000;

/** What a request with one image costs the edge. */
export interface RequestCost {
  readonly processorMs: number;
  /** Of this whole machine's processor, the client's part of it as well; where it has counters. */
  readonly joules?: number;
}

/**
 * Asks the edge many times, one request after another on a few connections.
 *
 * @param forMs how long requests are sent
 */
export async function requestCost(
  host: Host,
  { manifest }: Pick<Bundle, 'manifest'>,
  forMs: number,
): Promise<RequestCost> {
  const { name, tail } = manifest;
  const body = requestBody(tail);
  const dispatcher = new Agent({ connections: CONNECTIONS });
  const ask = async (): Promise<void> => {
    const answer = await request(`${host.url}/v2/models/${name}/infer`, { method: 'POST', dispatcher, ...body });
    await answer.body.dump();
    if (answer.statusCode !== 200) throw new Error(`${name}: expected an answer, found HTTP ${answer.statusCode}`);
  };
  try {
    const askFor = async (ms: number): Promise<number> => {
      const started = performance.now();
      let requests = 0;
      const client = async (): Promise<void> => {
        for (; performance.now() - started < ms; requests++) await ask();
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, client));
      return requests;
    };
    await askFor(WARM_UP_MS);
    const before = await host.processorMs();
    const spent = startRapl();
    const requests = await askFor(forMs);
    const joules = spent?.();
    return {
      processorMs: ((await host.processorMs()) - before) / requests,
      ...(joules === undefined ? {} : { joules: joules / requests }),
    };
  } finally {
    await dispatcher.close();
  }
}

/** A request of the Open Inference Protocol v2 for one image, its values in binary. */
function requestBody({ input, output, shape, ...tail }: Bundle['manifest']['tail']) {
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

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { DATATYPES } from '../../src/bundle/datatypes.js';
import { createBatcher } from '../../src/edge/models/batcher.js';
import { openTailInThread } from '../../src/edge/models/tail-in-thread.js';

/**
 * What Node's HTTP can do at most on this machine: reads a body, has its last bytes computed in batches in a thread, and answers
 * as many bytes as `lcdnn serve` does, without looking at anything.
 */
export async function startBareServer(
  bundle: string,
  options: { readonly threads: number; readonly maxBatch: number },
) {
  const file = fileURLToPath(import.meta.url);
  const child = fork(file, [bundle, JSON.stringify(options)], { execArgv: ['--import', 'tsx'] });
  const [url] = (await once(child, 'message')) as [string];
  return {
    url,
    async close() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** About as long as an answer of `lcdnn serve` with ten logits. */
const ANSWER = Buffer.alloc(200);
const HEADERS = { 'content-length': ANSWER.length, 'x-other-headers': 'x'.repeat(500) };

async function serve(bundle: string, options: string): Promise<void> {
  const { threads, maxBatch } = JSON.parse(options);
  const tail = await openTailInThread(bundle, threads, () => process.exit(1));
  const { shape, datatype = 'FP32' } = tail.manifest.tail;
  const { array, bytes } = DATATYPES[datatype];
  const imageBytes = shape.reduce((product, size) => product * size, bytes);
  const batcher = createBatcher(tail, { maxBatch, maxWaitMs: 2, maxQueue: 8 * maxBatch });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const body = Buffer.concat(chunks);
      const images = Math.floor(body.length / imageBytes);
      const tensor = new Uint8Array(body.subarray(body.length - images * imageBytes));
      await batcher.infer(new array(tensor.buffer), images);
      response.writeHead(200, HEADERS).end(ANSWER);
    });
  });
  process.on('disconnect', () => process.exit());
  server.listen(0, '127.0.0.1', () => process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
}

if (process.send && process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2], process.argv[3]);

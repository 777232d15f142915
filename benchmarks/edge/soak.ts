/**
 * Measures legitimate requests while `lcdnn serve` is attacked: `npm run bench:soak [-- --seconds 10]`. Everything stays on
 * this machine (127.0.0.1). Each attack has a fixed number of connections and ends with its measurement. Attackers have the
 * a process and an address of their own (127.0.0.10, 127.0.0.11, ...; slowhttptest: 127.0.0.1); legitimate clients have 127.0.0.2. Fails if an answer is wrong or missing.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openTail } from '../../src/edge/tail.js';
import { readAnswer } from '../../test/infer-request.js';
import { packageVersions, writeResult } from '../results.js';
import { edgeCase, question } from './bundles.js';
import { startServer } from './server-process.js';

const { values: flags } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, network: { type: 'string', default: 'LeNet' } },
});
const SECONDS = Number(flags.seconds);
/** Legitimate requests per second, one after another. */
const RATE = 20;

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-soak-'));
const { folders, tail } = await edgeCase(flags.network, folder, 'u8');
const { name } = tail.manifest;
const server = await startServer([folders[0]], { threads: 1 });
const port = Number(new URL(server.url).port);
const infer = `/v2/models/${name}/infer`;

const good = question(tail, 1);
const opened = await openTail(tail, 1);
const expected = Array.from(await opened.infer(good.values, 1));
await opened.close();

/** In `attacks.ts`, which runs each in a process of its own. */
const ATTACKS = [
  'none',
  'slow headers',
  'slow bodies',
  'readers of 20,000 pipelined files that never read',
  'pipelined requests for metrics',
  'costly headers',
  'bodies in tiny chunks',
  'tiny JSON',
  'unfinished compressed bodies',
  '1,024 idle connections',
  '10,000 malformed requests',
  'slowhttptest -H',
  'slowhttptest -B',
  'slowhttptest -X',
];

/** Starts an attack. @returns a function that ends it */
function startAttack(title: string): () => Promise<void> {
  if (title === 'none') return async () => {};
  const program = fileURLToPath(new URL('attacks.ts', import.meta.url));
  const child = fork(program, [title, `${port}`, infer, `${SECONDS}`, `127.0.0.${10 + ATTACKS.indexOf(title)}`]);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('exit', (code) => {
    if (code) throw new Error(`the attack "${title}" failed with exit code ${code}`);
  });
  return () => {
    child.kill();
    return ended;
  };
}

const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: '127.0.0.2' });

/** Milliseconds of one legitimate request. @throws if its answer is wrong */
function ask(): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const options = {
      port,
      host: '127.0.0.1',
      path: infer,
      method: 'POST',
      headers: good.headers,
      agent,
      timeout: 10_000,
    };
    const sent = request(options, async (response) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part);
      const length = response.headers['inference-header-content-length']?.toString() ?? null;
      if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`));
      const { logits } = readAnswer(length, Buffer.concat(parts));
      if (!expected.every((logit, i) => Math.abs(logit - logits[i]) < 1e-3)) return reject(new Error('wrong answer'));
      resolve(performance.now() - started);
    });
    sent.on('error', reject).on('timeout', () => sent.destroy(new Error('no answer within 10 s')));
    sent.end(good.body);
  });
}

try {
  for (let i = 0; i < 50; i++) await ask();
  console.log('| attack | answers | faults | median ms | p99 ms | median / normal | memory MB |');
  console.log('| --- | --: | --: | --: | --: | --: | --: |');
  let normal = 0;
  const rows: (string | number)[][] = [];
  for (const title of ATTACKS) {
    const endAttack = startAttack(title);
    await sleep(2000);
    const times: number[] = [];
    const faults: string[] = [];
    for (const end = Date.now() + 1000 * SECONDS; Date.now() < end; await sleep(1000 / RATE)) {
      await ask().then(
        (ms) => times.push(ms),
        (thrown: Error) => faults.push(thrown.message),
      );
    }
    const memory = server.memory();
    await endAttack();
    times.sort((a, b) => a - b);
    const at = (share: number): number => times[Math.floor(share * (times.length - 1))] ?? Number.NaN;
    normal ||= at(0.5);
    const cells = [title, times.length, faults.length, at(0.5).toFixed(1), at(0.99).toFixed(1)];
    console.log(`| ${[...cells, (at(0.5) / normal).toFixed(2), Math.round(memory / 1e6)].join(' | ')} |`);
    rows.push([title, times.length, faults.length, at(0.5), at(0.99), at(0.5) / normal, Math.round(memory / 1e6)]);
    if (faults.length > 0) {
      process.exitCode = 1;
      console.log(`  faults: ${[...new Set(faults)].join('; ')}`);
    }
    await sleep(500);
  }
  const titles = ['attack', 'answers', 'faults', 'median ms', 'p99 ms', 'median / normal', 'memory, MB'];
  const digits = [0, 0, 0, 1, 1, 2, 0];
  const columns = titles.map((title, i) =>
    i === 0 ? { title } : { title, digits: digits[i], align: 'right' as const },
  );
  writeResult('soak', {
    command: `npm run bench:soak -- --seconds ${SECONDS}`,
    versions: packageVersions('onnxruntime-node', 'fastify'),
    tables: { attacks: { columns, rows } },
  });
} finally {
  agent.destroy();
  await server.close();
  rmSync(folder, { recursive: true });
}

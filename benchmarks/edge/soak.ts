/**
 * Measures legitimate requests while `lcdnn serve` is attacked: `npm run bench:soak [-- --seconds 10]`. Everything stays on
 * this machine (127.0.0.1). Each attack has a fixed number of connections and ends with its measurement. Attackers have the
 * address 127.0.0.1 and legitimate clients 127.0.0.2. Fails if an answer is wrong or missing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { deflateSync } from 'node:zlib';
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

/** Connections of an attack, which its end closes. */
const sockets = new Set<Socket>();
function raw(request: string | Buffer, reads = true): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
  sockets.add(socket);
  socket.write(request);
  return reads ? socket.resume() : socket;
}
const head = (headers: Record<string, string | number>): string =>
  `POST ${infer} HTTP/1.1\r\nhost: x\r\n${Object.entries(headers)
    .map((pair) => `${pair.join(': ')}\r\n`)
    .join('')}\r\n`;
const post = (body: Buffer, headers: Record<string, string | number> = {}): Buffer =>
  Buffer.concat([Buffer.from(head({ 'content-length': body.length, ...headers })), body]);

/** Opens connections, at most `most` at a time, until the attack ends. */
async function flood(most: number, open: () => Socket, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    while (sockets.size < most && !signal.aborted) open();
    await sleep(10);
  }
}

/** Runs a tool with its own limits; skips visibly if it isn't installed. */
async function run(command: string, args: string[], signal: AbortSignal): Promise<void> {
  if (spawnSync(command, ['-h']).error) {
    console.log(`(${command} is not installed: this row is without an attack)`);
    return;
  }
  const child = spawn(command, args, { stdio: 'ignore' });
  signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
  await new Promise((resolve) => child.on('close', resolve));
}

const tinyJson = ['['.repeat(1e6), `[${'{},'.repeat(3e5)}{}]`].map((text) => deflateSync(text));
const costlyHeader = `GET /lcdnn.js HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept-encoding: a${' '.repeat(15_000)}b\r\n\r\n`;
const tinyChunks = head({ 'transfer-encoding': 'chunked' }) + '1\r\nx\r\n'.repeat(40_000);
const unfinished = deflateSync(Buffer.alloc(2 << 20)).subarray(0, -8);
const slow = ['-c', '500', '-r', '200', '-l', `${SECONDS}`, '-u', `http://127.0.0.1:${port}/lcdnn.js`];
const ATTACKS: Readonly<Record<string, (signal: AbortSignal) => Promise<unknown>>> = {
  none: async () => {},
  'slow headers': (signal) => flood(400, () => raw('GET / HTTP/1.1\r\nhost: '), signal),
  'slow bodies': (signal) => flood(400, () => raw(head({ 'content-length': 1000 })), signal),
  'readers of 20,000 pipelined files that never read': (signal) =>
    flood(400, () => raw('GET /lcdnn-simd.wasm HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(50), false), signal),
  'pipelined requests for metrics': (signal) =>
    flood(100, () => raw('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(1800), false), signal),
  'costly headers': (signal) => flood(50, () => raw(costlyHeader), signal),
  'bodies in tiny chunks': (signal) => flood(50, () => raw(tinyChunks), signal),
  'tiny JSON': (signal) =>
    flood(
      50,
      () => raw(post(tinyJson[sockets.size % 2], { 'content-encoding': 'deflate', connection: 'close' })),
      signal,
    ),
  'unfinished compressed bodies': (signal) =>
    flood(
      400,
      () => raw(`${head({ 'content-encoding': 'deflate', 'content-length': 8000 })}${unfinished.toString('latin1')}`),
      signal,
    ),
  '1,024 idle connections': async () => {
    for (let i = 0; i < 1024; i++) raw('');
  },
  '10,000 malformed requests': async (signal) => {
    for (let i = 0; i < 10_000 && !signal.aborted; i += 20) {
      for (let j = 0; j < 20; j++) raw(post(Buffer.from(`{"inputs":${i + j}`), { connection: 'close' }));
      await sleep(2);
    }
  },
  'slowhttptest -H': (signal) => run('slowhttptest', ['-H', ...slow], signal),
  'slowhttptest -B': (signal) => run('slowhttptest', ['-B', ...slow], signal),
  'slowhttptest -X': (signal) => run('slowhttptest', ['-X', ...slow], signal),
};

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
  for (const [title, attack] of Object.entries(ATTACKS)) {
    const controller = new AbortController();
    const attacking = attack(controller.signal);
    await sleep(1000);
    const times: number[] = [];
    const faults: string[] = [];
    for (const end = Date.now() + 1000 * SECONDS; Date.now() < end; await sleep(1000 / RATE)) {
      await ask().then(
        (ms) => times.push(ms),
        (thrown: Error) => faults.push(thrown.message),
      );
    }
    const memory = server.memory();
    controller.abort();
    await attacking;
    for (const socket of sockets) socket.destroy();
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

/**
 * Attacks a server from a process of its own, so that the attacker's work doesn't delay the clients that `soak.ts` measures:
 * `tsx attacks.ts TITLE PORT INFER_PATH SECONDS ADDRESS`. Its connections come from ADDRESS. SIGTERM ends it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';

const [title, portText, infer, SECONDS, localAddress] = process.argv.slice(2);
const port = Number(portText);

/** Connections of an attack, which its end closes. */
const sockets = new Set<Socket>();
function raw(request: string | Buffer, reads = true): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
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

const controller = new AbortController();
process.once('SIGTERM', () => controller.abort());
controller.signal.addEventListener('abort', () => {
  for (const socket of sockets) socket.destroy();
  setTimeout(() => process.exit(), 100);
});
await ATTACKS[title](controller.signal);
// What waits keeps waiting until the measurement ends.
if (!controller.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 600_000));

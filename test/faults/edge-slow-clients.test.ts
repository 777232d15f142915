import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { BUNDLE } from './cli.js';
import { ask, questions, serving } from './serving.js';

/** Connections that send a byte now and then, and never a whole request; or nothing at all. */
const SLOW = 60;

it('clients that never finish a request are cut, and keep nobody else waiting', async () => {
  const server = await serving(BUNDLE, ['--request-timeout', '3']);
  const asked = await questions(BUNDLE, 1);
  const port = Number(new URL(server.url).port);
  const { headers, body } = asked.requests[0];
  const head = `POST /v2/models/tiny/infer HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n`;
  const starts = [
    '',
    head,
    `${head}${Object.entries(headers)
      .map((pair) => `${pair.join(': ')}\r\n`)
      .join('')}\r\n`,
  ];
  const sockets: Socket[] = [];
  const cut = Array.from({ length: SLOW }, async (_, i) => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    const start = starts[i % 3];
    socket.write(start);
    const drip = setInterval(() => start && socket.write(start === head ? 'x' : body.subarray(0, 1)), 300);
    socket.resume(); // what it is told (408) is read, so that the end is seen
    await once(socket, 'close');
    clearInterval(drip);
  });
  for (let i = 0; i < 20; i++) expect(await ask(server, asked, 0)).toMatchObject({ logits: asked.answers[0] });
  await Promise.all(cut);
  expect(await ask(server, asked, 0)).toMatchObject({ logits: asked.answers[0] });
});

it('no more connections are taken than it may have', async () => {
  const server = await serving(BUNDLE, ['--max-connections', '5']);
  const port = Number(new URL(server.url).port);
  const opened = Array.from({ length: 20 }, () =>
    connect(port, '127.0.0.1')
      .on('error', () => {})
      .resume(),
  );
  await expect.poll(() => opened.filter((socket) => socket.closed).length).toBeGreaterThanOrEqual(15);
  for (const socket of opened) socket.destroy();
  await expect.poll(async () => (await fetch(`${server.url}/v2/health/live`).catch(() => undefined))?.status).toBe(200);
});

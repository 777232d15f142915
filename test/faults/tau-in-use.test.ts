import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { countSent, emptyUseCounts } from '../../src/tau/in-use.js';
import { copyOf, expectMistake, lcdnn, RUN } from './cli.js';

const TAU = 0.01;
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** An edge server that counted 10,000 images, all of the full network's classes up to an entropy. */
async function served(answer: unknown): Promise<string> {
  const server = createServer((_request, response) => response.end(JSON.stringify(answer)));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function counted() {
  const counts = emptyUseCounts(TAU);
  counts.exits = 9000;
  for (let i = 0; i < 1000; i++) countSent(counts, TAU + i / 2000, i < 400);
  return [{ model: 'tiny', version: '0123456789ab', counts }];
}

it('a proposal is printed with its evidence, and taken over on demand alone', async () => {
  const run = copyOf(RUN);
  const before = readFileSync(join(run, 'tau.json'), 'utf8');
  const server = await served(counted());
  const { stdout } = await lcdnn('tune-tau', run, '--from-server', server);
  expect(stdout).toMatch(/tiny 0123456789ab: 10000 images, 1000 sent to the edge, 0 audited/);
  expect(stdout).toMatch(/present +0.01000 +90.00 % +unknown/);
  expect(stdout).toMatch(/proposed +0.2\d+ +94.\d+ %/);
  expect(readFileSync(join(run, 'tau.json'), 'utf8')).toBe(before);

  const applied = await lcdnn('tune-tau', run, '--from-server', server, '--apply', '--json');
  const { tau } = JSON.parse(applied.stdout);
  expect(tau).toBeGreaterThan(0.19);
  const tuned = JSON.parse(readFileSync(join(run, 'tau.json'), 'utf8'));
  expect(tuned).toMatchObject({ tau, method: 'in-use', note: expect.stringMatching(/^from 10000 images in use/) });
  expect(Object.keys(tuned).sort()).toEqual([...new Set([...Object.keys(JSON.parse(before)), 'note'])].sort());
});

it('a threshold for entropies at another temperature is not taken over', async () => {
  const run = copyOf(RUN);
  const before = readFileSync(join(run, 'tau.json'), 'utf8');
  const server = await served(counted().map((use) => ({ ...use, entropyTemperature: 0.5 })));
  expect((await lcdnn('tune-tau', run, '--from-server', server)).code).toBe(0);
  await expectMistake(
    ['tune-tau', run, '--from-server', server, '--apply'],
    /expected entropies at temperature 1, .* found 0.5 .*--entropy-temperature 0.5/,
  );
  expect(readFileSync(join(run, 'tau.json'), 'utf8')).toBe(before);
});

it.each([
  [[], /expected one model, found none/],
  [{ ready: true }, /expected the counts of an "lcdnn serve" of this version, found/],
  [[{ ...counted()[0], version: 7 }], /expected the counts of an "lcdnn serve"/],
])('an answer of another server is refused: %j', async (answer, fault) => {
  await expectMistake(['tune-tau', RUN, '--from-server', await served(answer)], fault);
});

it.each([
  [['--from-server', 'edge'], /edge: expected the address of an edge server/],
  [['--from-server', 'http://127.0.0.1:2', '--objective', 'exits'], /--objective/],
  [['--entropy-temperature', '0'], /entropy temperature: expected a number from 0.01 to 100, found 0/],
  [['--apply'], /--from-server/],
])('%j is a mistake', (flags, fault) => expectMistake(['tune-tau', RUN, ...flags], fault));

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BUNDLE, expectMistake, fresh, lcdnn, type Started, start } from './cli.js';

const AWAY = 'http://127.0.0.1:2';
const started: Started[] = [];
afterAll(async () => {
  for (const { child } of started) child.kill('SIGKILL');
  await Promise.all(started.map(({ ended }) => ended));
});

/** Starts a server, and gives its address once it listens. */
async function listening(...args: string[]): Promise<Started & { readonly url: string }> {
  const program = start(args);
  started.push(program);
  let said = '';
  program.child.stdout!.on('data', (text) => {
    said += text;
  });
  await program.printed('Ctrl-C stops');
  return { ...program, url: /http:\/\/[\d.]+:\d+/.exec(said)![0] };
}

describe.concurrent('gateway refuses', () => {
  it.each<[string[], RegExp | string]>([
    [[], 'error: expected the addresses of servers or --servers-file, found neither'],
    [['x:1', '--servers-file', 'x'], 'error: expected the addresses of servers or --servers-file, found both'],
    [['x:1', '--capacity', '-5'], '--capacity: expected whole numbers from 1 with commas between them, found -5'],
    [['x:1', '--policy', 'least-load'], /no policy is called least-load; did you mean least-loaded\?/],
    [['x:1', '--driver', 'haproxy', '--cors', '*'], '--cors: requests do not pass here with --driver haproxy'],
    [[AWAY], `error: expected a server that is ready, found none at ${AWAY}/v2/health/ready; start them with`],
  ])('%j', (args, line) => expectMistake(['gateway', ...args], line));
});

describe('a gateway in front of servers', () => {
  const policy = fresh('policy');
  const file = join(policy, 'policy.safetensors');
  let servers: string[];
  beforeAll(async () => {
    const plan = ['--servers', '2', '--capacity', '8', '--slots', '8', '--steps', '10', '--episodes', '2'];
    const [first, second, trained] = await Promise.all([
      listening('serve', BUNDLE, '--port', '0'),
      listening('serve', BUNDLE, '--port', '0'),
      lcdnn('schedule', 'train', ...plan, '--iterations', '3', '--out', policy),
    ]);
    expect(trained.code).toBe(0);
    servers = [first.url, second.url];
  });

  it('hands out what they serve, decides by a policy, and goes on with another where its file is damaged', async () => {
    const gateway = await listening('gateway', ...servers, '--policy', policy, '--port', '0');
    const manifest = await (await fetch(`${gateway.url}/manifest.json`)).json();
    expect(manifest).toEqual(JSON.parse(readFileSync(join(BUNDLE, 'manifest.json'), 'utf8')));
    const fallback = async () =>
      /^lcdnn_gateway_fallback (\d)$/m.exec(await (await fetch(`${gateway.url}/metrics`)).text())?.[1];
    expect(await fallback()).toBe('0');
    const whole = readFileSync(file);
    writeFileSync(file, whole.subarray(0, 100));
    gateway.child.kill('SIGHUP');
    await gateway.printed('least-loaded decides instead of the chosen policy');
    expect([await fallback(), (await fetch(`${gateway.url}/manifest.json`)).status]).toEqual(['1', 200]);
    writeFileSync(file, whole);
    gateway.child.kill('SIGHUP');
    await vi.waitFor(async () => expect(await fallback()).toBe('0'), { timeout: 10_000 });
    gateway.child.kill('SIGTERM');
    expect((await gateway.ended).code).toBe(0);
  });

  it('refuses a policy for another number of them, or a damaged one', async () => {
    await expectMistake(
      ['gateway', servers[0], '--policy', policy],
      /expected a policy for 1 servers, found one for 2/,
    );
    const damaged = fresh('policy.safetensors');
    writeFileSync(damaged, 'no policy');
    await expectMistake(['gateway', ...servers, '--policy', damaged], /expected a safetensors file/);
  });

  it('refuses a server without the metrics of lcdnn serve', async () => {
    const gateway = await listening('gateway', ...servers, '--port', '0');
    await expectMistake(
      ['gateway', gateway.url],
      /\/metrics: expected the metrics of an "lcdnn serve" of this version/,
    );
    gateway.child.kill('SIGINT');
    await gateway.ended;
  });
});

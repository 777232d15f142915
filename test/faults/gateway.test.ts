import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BUNDLE, expectMistake, fresh, lcdnn, type Started, start } from './cli.js';

const AWAY = 'http://127.0.0.1:2';
const HAS_HAPROXY = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy', '/usr/bin/haproxy'].some((path) =>
  existsSync(path),
);
if (!HAS_HAPROXY) console.warn('haproxy is not installed (Debian: apt install haproxy): a test is skipped');
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
    [
      ['x:1', '--driver', 'haproxy', '--haproxy-socket', '/s', '--cors', '*'],
      '--cors: has no effect on a HAProxy that runs already',
    ],
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

  it.skipIf(!HAS_HAPROXY)('ends with a message when its HAProxy dies', async () => {
    const gateway = await listening('gateway', ...servers, '--driver', 'haproxy', '--port', '0');
    const haproxy = execFileSync('pgrep', ['-P', `${gateway.child.pid}`, 'haproxy'], { encoding: 'utf8' });
    process.kill(Number(haproxy), 'SIGKILL');
    const { code, stderr } = await gateway.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: expected HAProxy to keep running, found that it has ended .*; start the gateway again$/m,
    );
  });

  it('follows a file of servers, which may change', async () => {
    const file = fresh('servers');
    writeFileSync(file, `${servers[0]} 4 # the first\n\n`);
    const gateway = await listening('gateway', '--servers-file', file, '--port', '0');
    const up = async () =>
      Array.from(
        (await (await fetch(`${gateway.url}/metrics`)).text()).matchAll(
          /^lcdnn_gateway_server_up\{server="(.*)"\} 1$/gm,
        ),
        ([, origin]) => origin,
      );
    expect(await up()).toEqual([servers[0]]);
    writeFileSync(file, `${servers[0]}\n${servers[1]}\n`);
    await vi.waitFor(async () => expect(await up()).toEqual(servers), { timeout: 20_000 });
    writeFileSync(file, 'no address at all');
    await gateway.printed('the servers were not replaced');
    expect(await up()).toEqual(servers);
    writeFileSync(file, `${servers[1]}\n`);
    await vi.waitFor(async () => expect(await up()).toEqual([servers[1]]), { timeout: 20_000 });
    gateway.child.kill('SIGINT');
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

  it('accepts a server without the metrics of lcdnn serve, and warns', async () => {
    const first = await listening('gateway', ...servers, '--port', '0');
    const second = await listening('gateway', first.url, '--port', '0', '--log', 'warn');
    expect((await fetch(`${second.url}/v2/health/ready`)).status).toBe(200);
    for (const gateway of [second, first]) gateway.child.kill('SIGINT');
    expect((await second.ended).stderr).toContain('reports no load');
    await first.ended;
  });
});

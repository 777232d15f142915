import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../src/gateway/haproxy/start-haproxy.js';
import { type FakeUpstream, fakeUpstream } from '../fake-upstream.js';

/** The configuration in the docs, run by a real nginx. Only addresses and paths are replaced. */
const PAGE = new URL('../../docs/operate/scaling.md', import.meta.url);
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };
const hasNginx = spawnSync('nginx', ['-v'], { env }).status === 0;
if (!hasNginx) console.warn('nginx is not installed (Debian: apt install nginx-light): its tests are skipped');

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-nginx-'));
const at = (name: string): string => join(folder, name);
let edge: FakeUpstream;
let port: number;
let stop: () => Promise<void>;

function replaced(text: string, changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((changed, [from, to]) => {
    if (changed.split(from).length !== 2) throw new Error(`expected ${from} once in the configuration`);
    return changed.replace(from, to);
  }, text);
}

beforeAll(async () => {
  if (!hasNginx) return;
  edge = await fakeUpstream({ answer: (_request, response) => void response.end('{"from":"edge"}') });
  port = await freePort('127.0.0.1');
  mkdirSync(at('web/edge'), { recursive: true });
  writeFileSync(at('web/lcdnn.js'), 'export {};');
  writeFileSync(at('web/lcdnn.wasm'), '');
  writeFileSync(at('web/edge/tail.onnx'), 'the tail');
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', at('key.pem'), '-out', at('cert.pem'), '-days', '1'];
  execFileSync('openssl', ['req', '-x509', ...key, '-subj', '/CN=edge.example'], { stdio: 'ignore' });
  const [, printed] = /```nginx\n([\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8'))!;
  const site = replaced(printed, [
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['server 127.0.0.1:8000;', `server ${new URL(edge.origin).host};`],
    ['/etc/ssl/edge.example.pem', at('cert.pem')],
    ['/etc/ssl/edge.example.key', at('key.pem')],
    ['root /srv/my-bundle;', `root ${at('web')};`],
  ]);
  writeFileSync(at('site.conf'), site);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${at(name)};`,
  );
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const main = `${user} pid ${at('pid')}; error_log stderr; events {}
http { include /etc/nginx/mime.types; access_log off; ${temporary.join(' ')} include ${at('site.conf')}; }`;
  writeFileSync(at('nginx.conf'), main);
  const nginx = spawn('nginx', ['-p', folder, '-c', at('nginx.conf'), '-e', 'stderr', '-g', 'daemon off;'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  nginx.stderr.on('data', (text) => {
    output += text;
  });
  const ended = new Promise<void>((resolve) => nginx.on('close', () => resolve()));
  stop = () => {
    nginx.kill('SIGQUIT');
    return ended;
  };
  await vi.waitFor(
    async () => {
      if (nginx.exitCode !== null) throw new Error(`nginx has ended: ${output}`);
      await ask('/lcdnn.js');
    },
    { timeout: 20_000 },
  );
});

afterAll(async () => {
  await stop?.();
  await edge?.kill();
  rmSync(folder, { recursive: true, force: true });
});

function ask(path: string, { method = 'GET', body = '' } = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, rejectUnauthorized: false, agent: false as const };
    request(options, async (response) => {
      let text = '';
      for await (const part of response) text += part;
      resolve({ status: response.statusCode!, headers: response.headers, text });
    })
      .on('error', reject)
      .end(body);
  });
}

describe.skipIf(!hasNginx)('the nginx configuration of the docs', () => {
  it('serves the web files with security headers, and not the tail', async () => {
    const script = await ask('/lcdnn.js');
    expect(script).toMatchObject({ status: 200, text: 'export {};' });
    expect((await ask('/lcdnn.wasm')).headers['content-type']).toBe('application/wasm');
    const [expected] = /default-src[^;]*;.*frame-ancestors 'self'/.exec(readFileSync(PAGE, 'utf8'))!;
    for (const path of ['/lcdnn.js', '/nothing', '/v2'])
      expect([path, (await ask(path)).headers]).toMatchObject([
        path,
        { 'content-security-policy': expected, 'x-content-type-options': 'nosniff' },
      ]);
    expect((await ask('/edge/tail.onnx')).status).toBe(404);
  });

  it("has the policy of the edge server's own pages", async () => {
    const { SECURITY_HEADERS } = await import('../../src/edge/access.js');
    expect(readFileSync(PAGE, 'utf8')).toContain(`"${SECURITY_HEADERS['content-security-policy']}"`);
  });

  it('passes /v2 on without a redirect, with the address of the client', async () => {
    edge.asked.splice(0);
    for (const path of ['/v2', '/v2/models/tiny?x=1'])
      expect(await ask(path)).toMatchObject({ status: 200, text: '{"from":"edge"}' });
    expect(edge.asked.map(({ url }) => url)).toEqual(['/v2', '/v2/models/tiny?x=1']);
    expect(edge.asked[1].headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', host: '127.0.0.1' });
  });

  it('refuses long bodies, and too many requests of one client with 429', async () => {
    const infer = (body = 'x') => ask('/v2/models/tiny/infer', { method: 'POST', body });
    expect((await infer('x'.repeat(3 << 20)).catch(() => ({ status: 413 }))).status).toBe(413);
    const statuses = (await Promise.all(Array.from({ length: 60 }, () => infer()))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(15);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(10);
    expect(statuses.every((status) => status === 200 || status === 429)).toBe(true);
  });
});

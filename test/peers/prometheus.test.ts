import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen } from '../../src/edge/listen.js';
import { createEdgeServer, type EdgeServer } from '../../src/edge/server.js';
import { createGateway, type Gateway } from '../../src/gateway/gateway.js';
import { RULES } from '../../src/scheduling/policies/index.js';
import { tinyBundle } from '../tiny-bundle.js';

/** The metrics, alert rules and dashboard, checked with Prometheus's own tool. */
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
if (!hasPromtool) console.warn('promtool is not installed (Debian: apt install prometheus): its tests are skipped');

const MONITORING = fileURLToPath(new URL('../../docs/operate/monitoring/', import.meta.url));
const read = (name: string): string => readFileSync(join(MONITORING, name), 'utf8');
const queriesOf = (dashboard: string): string[] =>
  JSON.parse(dashboard).panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => expr),
  );

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-prometheus-'));
let edge: EdgeServer;
let gateway: Gateway;
beforeAll(async () => {
  edge = await createEdgeServer(await tinyBundle(join(folder, 'bundle')), { threads: 1 });
  const origin = await listen(edge, { host: '127.0.0.1', port: 0 });
  gateway = await createGateway({ servers: [{ origin, capacity: 4 }], policy: RULES['least-loaded']({ eta: 0.05 }) });
});
afterAll(async () => {
  await gateway?.close();
  await edge?.close();
  rmSync(folder, { recursive: true, force: true });
});

function promtool(args: string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(stdout + stderr);
  return stdout + stderr;
}

describe.skipIf(!hasPromtool)('promtool has no complaint about', () => {
  it('the metrics of the server', async () => {
    expect(promtool(['check', 'metrics'], ownMetrics((await edge.inject('/metrics')).body))).toBe('');
  });

  it('the metrics of the gateway', async () => {
    expect(promtool(['check', 'metrics'], ownMetrics((await gateway.inject('/metrics')).body))).toBe('');
  });

  it('the alert rules and the configuration', () => {
    promtool(['check', 'rules', join(MONITORING, 'alerts.yml')]);
    promtool(['check', 'config', join(MONITORING, 'prometheus.yml')]);
  });

  it('the queries of the dashboard', () => {
    const rules = queriesOf(read('dashboard.json')).map((expr, i) => ({
      record: `query${i}`,
      expr: expr.replaceAll('$__rate_interval', '1m'),
    }));
    const path = join(folder, 'queries.yml');
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    promtool(['check', 'rules', path]);
  });
});

it('rules and dashboard use metrics that exist', async () => {
  const exported = (await edge.inject('/metrics')).body + (await gateway.inject('/metrics')).body;
  const used = new Set(
    `${read('alerts.yml')}${read('dashboard.json')}`.match(/\b(?:lcdnn|nodejs|process)_[a-z0-9_]+/g),
  );
  expect(used.size).toBeGreaterThan(10);
  for (const name of used) {
    const family = name.replace(/_(bucket|sum|count)$/, '');
    expect(exported).toMatch(new RegExp(`^# TYPE (${name}|${family}) `, 'm'));
  }
});

/** Without the metrics of Node, whose names aren't ours. */
function ownMetrics(text: string): string {
  return text
    .split('\n')
    .filter((line) => /^(# (HELP|TYPE) )?lcdnn_/.test(line) || line === '')
    .join('\n');
}

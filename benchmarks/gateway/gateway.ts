/**
 * Three `lcdnn serve` of different speed behind a gateway, by policy and driver: `npm run bench:gateway [-- --driver haproxy --json FILE]`. Everything runs
 * on this machine, so that gateway, servers and load share its cores; the servers are held to a part of one core together.
 * Fails on a wrong answer, and on a request that is lost while a server dies and comes back. `--out` writes benchmarks/results/gateway.json.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { table } from '../../src/base/format.js';
import { readBundle } from '../../src/bundle/read-bundle.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { deployedState } from '../../src/network/deployed.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { resolvePlan } from '../../src/scheduling/learning/training-plan.js';
import { resolveSettings } from '../../src/scheduling/settings.js';
import { beginTraining, runTraining } from '../../src/scheduling/training-run.js';
import { createWorld } from '../../src/scheduling/world.js';
import { initialState } from '../../src/train/initial-state.js';
import { type ServeProcess, startListening } from '../../test/serve-process.js';
import { zooDraft, zooEncoding } from '../../test/zoo-bundle.js';
import { packageVersions, writeResult } from '../results.js';
import { startLimited } from './limited-server.js';
import { askAlone, type Loaded, load, loadFully } from './load.js';

/** Shares of a core. */
const SHARES = [0.2, 0.1, 0.05];
const CAPACITY = 8;
const REPORT_EVERY_MS = 200;
const SECONDS = 10;
const LOADS = [0.3, 0.8, 1.2];
const { values: flags } = parseArgs({
  options: {
    driver: { type: 'string', multiple: true },
    json: { type: 'string' },
    out: { type: 'boolean', default: false },
  },
});
const DRIVERS = flags.driver ?? ['embedded', 'haproxy'];
const SAMPLE_MS = 100;
const HEADER = ['answers/s', 'p50 ms', 'p99 ms', 'refused', 'wrong', 'lost'];
/** Digits of the columns with numbers. */
const NUMBERS = new Map<string, object>([
  ...HEADER.map((title) => [title, { digits: 0 }] as const),
  ['load', { align: 'right' }],
  ['variance', { digits: 3 }],
]);
/** The killed server is away from one second to another. */
const [KILLED_AT, BACK_AT] = [3, 5];
/** So low that the others can bear it. */
const KILL_LOAD = 0.15;

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-bench-gateway-'));
const network = createNetwork('resnet18', [32, 32, 3], 10, { width: 0.25 });
const state = deployedState(network, initialState(network, 'momentum', 1));
await writeBundle(join(folder, 'bundle'), zooDraft(network, state, 0.5, zooEncoding(network, state, 'u8')));
const bundle = readBundle(join(folder, 'bundle'));
const policies = ['least-loaded', 'round-robin', await trainPolicy()];

const servers = await Promise.all(SHARES.map((share) => startLimited(join(folder, 'bundle'), share)));
const results: object[] = [];
try {
  const questions = await askAlone(servers[0].url, bundle);
  const each = await Promise.all(servers.map(({ url }) => loadFully(url, bundle, questions, 5)));
  const capacity = each.reduce((sum, { perSecond }) => sum + perSecond, 0);
  console.log(
    `capacity ${capacity.toFixed(0)}/s (${each.map(({ perSecond }) => perSecond.toFixed(0)).join(' + ')}) at shares of a core ` +
      `of ${SHARES.join(', ')}; ${availableParallelism()} cores for everything`,
  );

  const rows: string[][] = [];
  const answers: (string | number)[][] = [];
  for (const driver of DRIVERS) {
    for (const policy of policies) {
      const gateway = await startGateway(driver, policy);
      for (const share of LOADS) {
        const [loaded, variance] = await Promise.all([
          load(urlOf(gateway), bundle, questions, SECONDS, share * capacity),
          utilisationVariance(gateway),
        ]);
        rows.push([driver, nameOf(policy), `${100 * share} %`, ...cells(loaded), variance.toFixed(3)]);
        results.push({ driver, policy: nameOf(policy), share, ...loaded, variance });
        const { perSecond, p50Ms, p99Ms, refused } = loaded;
        answers.push([driver, nameOf(policy), `${100 * share} %`, perSecond, p50Ms, p99Ms, refused, variance]);
        await sleep(500); // what waits is answered
      }
      await gateway.kill('SIGINT');
    }
  }
  console.log(table([['driver', 'policy', 'load', ...HEADER, 'variance'], ...rows], [3, 4, 5, 6, 7, 8, 9]));

  const killed: string[][] = [];
  const deaths: (string | number)[][] = [];
  for (const driver of DRIVERS) {
    const gateway = await startGateway(driver, 'least-loaded');
    const [loaded] = await Promise.all([
      load(urlOf(gateway), bundle, questions, SECONDS, KILL_LOAD * capacity),
      killAndRevive(),
    ]);
    killed.push([driver, ...cells(loaded)]);
    results.push({ driver, killed: true, ...loaded });
    const { perSecond, p50Ms, p99Ms, refused, wrong, lost } = loaded;
    deaths.push([driver, perSecond, p50Ms, p99Ms, refused, wrong, lost]);
    await gateway.kill('SIGINT');
  }
  console.log(
    `\nthe fastest server killed at ${KILLED_AT} s, started again at ${BACK_AT} s, at ${100 * KILL_LOAD} % load:`,
  );
  console.log(table([['driver', ...HEADER], ...killed], [1, 2, 3, 4, 5, 6]));
  const columns = (titles: readonly string[]) => titles.map((title) => ({ title, ...(NUMBERS.get(title) ?? {}) }));
  if (flags.out)
    writeResult('gateway', {
      command: 'npm run bench:gateway -- --out',
      versions: packageVersions('onnxruntime-node', 'undici'),
      figures: { capacity: Math.round(capacity) },
      tables: {
        answers: {
          columns: columns(['driver', 'policy', 'load', 'answers/s', 'p50 ms', 'p99 ms', 'refused', 'variance']),
          rows: answers,
        },
        killed: { columns: columns(['driver', ...HEADER]), rows: deaths },
      },
    });
} finally {
  await Promise.all(servers.map((server) => server.kill()));
  rmSync(folder, { recursive: true });
}
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);

/** DRLoS for three servers of these speeds; the folder of its training. */
async function trainPolicy(): Promise<string> {
  const mean = SHARES.reduce((sum, share) => sum + share, 0) / SHARES.length;
  const given = SHARES.map((share) => ({ capacity: CAPACITY, speed: share / mean }));
  const world = createWorld(
    resolveSettings({ servers: given, slots: 64, buffer: 448, reportEvery: REPORT_EVERY_MS / 10 }),
  );
  const path = join(folder, 'drlos');
  const trained = beginTraining(path, world, resolvePlan({ iterations: 500, objective: { variance: 1, cloud: 1 } }));
  const started = performance.now();
  await runTraining(path, world, trained, [], () => {});
  console.log(`DRLoS: 500 iterations in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return path;
}

function startGateway(driver: string, policy: string): Promise<ServeProcess> {
  const timers = ['--report-every', `${REPORT_EVERY_MS}`, '--buffer', '64', '--port', '0', '--log', 'error'];
  const urls = servers.map(({ url }) => url);
  return startListening(
    'gateway',
    ...urls,
    '--driver',
    driver,
    '--policy',
    policy,
    '--capacity',
    `${CAPACITY}`,
    ...timers,
  );
}

function urlOf({ port }: ServeProcess): string {
  return `http://127.0.0.1:${port}`;
}

function nameOf(policy: string): string {
  return policy.includes('/') ? 'DRLoS' : policy;
}

/** Mean over a run of the variance of the servers' utilisation, by what the gateway knows of it. */
async function utilisationVariance(gateway: ServeProcess): Promise<number> {
  const until = performance.now() + 1000 * SECONDS;
  const variances: number[] = [];
  while (performance.now() < until) {
    const text = await (await fetch(`${urlOf(gateway)}/metrics`)).text();
    const found = [...text.matchAll(/^lcdnn_gateway_server_utilisation\{.*\} (.*)$/gm)].map(([, value]) =>
      Number(value),
    );
    const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
    variances.push(found.reduce((sum, value) => sum + (value - mean) ** 2, 0) / found.length);
    await sleep(SAMPLE_MS);
  }
  return variances.reduce((sum, value) => sum + value, 0) / variances.length;
}

async function killAndRevive(): Promise<void> {
  await sleep(1000 * KILLED_AT);
  const port = Number(new URL(servers[0].url).port);
  await servers[0].kill();
  await sleep(1000 * (BACK_AT - KILLED_AT));
  servers[0] = await startLimited(join(folder, 'bundle'), SHARES[0], port);
}

function cells({ perSecond, p50Ms, p99Ms, refused, wrong, lost }: Loaded): string[] {
  if (wrong + lost > 0) process.exitCode = 1;
  return [perSecond.toFixed(0), p50Ms.toFixed(0), p99Ms.toFixed(0), `${refused}`, `${wrong}`, `${lost}`];
}

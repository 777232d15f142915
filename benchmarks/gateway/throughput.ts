/**
 * What a gateway costs: the same three `lcdnn serve` of LeNet directly, behind the embedded gateway and behind HAProxy, in
 * alternation: `npm run bench:gateway-throughput [-- --rounds 5 --seconds 5]`. Everything shares this machine's cores. Each
 * answer is compared with ONNX Runtime's; a wrong or missing one is a failure.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { table } from '../../src/base/format.js';
import { median } from '../../src/base/statistics.js';
import { openTail } from '../../src/edge/tail.js';
import { readAnswer } from '../../test/infer-request.js';
import { type ServeProcess, startListening } from '../../test/serve-process.js';
import { edgeCase, question } from '../edge/bundles.js';
import { fire } from '../edge/fire.js';
import { packageVersions, writeResult } from '../results.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    network: { type: 'string', default: 'LeNet' },
  },
});
const [rounds, seconds] = [Number(flags.rounds), Number(flags.seconds)];
const SERVERS = 3;
/** Requests at the same time, over all servers. */
const CONNECTIONS = 33;

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-bench-throughput-'));
const { folders, tail } = await edgeCase(flags.network, folder, 'u8');
const { name } = tail.manifest;
const good = question(tail, 1);
const opened = await openTail(tail, 1);
const expected = Array.from(await opened.infer(good.values, 1));
await opened.close();

const urlOf = ({ port }: ServeProcess): string => `http://127.0.0.1:${port}`;
const start = (...args: string[]) => startListening(...args, '--port', '0', '--log', 'error');
const servers = await Promise.all(Array.from({ length: SERVERS }, () => start('serve', folders[0], '--threads', '1')));
const gateways = await Promise.all(
  ['embedded', 'haproxy'].map((driver) =>
    start('gateway', ...servers.map(urlOf), '--driver', driver, '--capacity', '16'),
  ),
);
const CONTESTANTS: Readonly<Record<string, readonly string[]>> = {
  'no gateway': servers.map(urlOf),
  embedded: [urlOf(gateways[0])],
  haproxy: [urlOf(gateways[1])],
};

interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
let faults = 0;

/** Sends requests to these addresses, which share the connections. */
async function measure(urls: readonly string[], duration: number): Promise<Measured> {
  const times: number[] = [];
  const fired = await Promise.all(
    urls.map((url) =>
      fire(url, name, good, {
        connections: CONNECTIONS / urls.length,
        duration,
        onAnswer({ status, jsonLength, body, ms }) {
          const { logits } = status === 200 ? readAnswer(jsonLength, body) : { logits: [] };
          if (expected.every((logit, i) => Math.abs(logit - logits[i]) < 1e-3)) times.push(ms);
          else faults++;
        },
      }),
    ),
  );
  faults += fired.reduce((sum, { errors }) => sum + errors, 0);
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(share * (times.length - 1))];
  return {
    perSecond: times.length / Math.max(...fired.map(({ elapsed }) => elapsed)),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

try {
  const measured = new Map(Object.keys(CONTESTANTS).map((title) => [title, [] as Measured[]]));
  for (const urls of Object.values(CONTESTANTS)) await measure(urls, 1);
  for (let round = 0; round < rounds; round++)
    for (const [title, urls] of Object.entries(CONTESTANTS)) measured.get(title)!.push(await measure(urls, seconds));

  const medianOf = (title: string, of: keyof Measured): number => median(measured.get(title)!.map((one) => one[of]));
  const titles = [...measured.keys()];
  const rows = titles.map((title) => [
    title,
    medianOf(title, 'perSecond'),
    medianOf(title, 'p50Ms'),
    medianOf(title, 'p99Ms'),
    medianOf(title, 'perSecond') / medianOf('haproxy', 'perSecond'),
  ]);
  const columns = [
    { title: 'requests go' },
    { title: 'answers/s', digits: 0, align: 'right' as const },
    { title: 'p50 ms', digits: 1, align: 'right' as const },
    { title: 'p99 ms', digits: 1, align: 'right' as const },
    { title: "share of HAProxy's answers", digits: 2, align: 'right' as const },
  ];
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell)));
  console.log(table([columns.map(({ title }) => title), ...cells], [1, 2, 3, 4]));
  for (const title of titles)
    console.log(
      title,
      measured
        .get(title)!
        .map((one) => Math.round(one.perSecond))
        .join(' '),
    );
  console.log(`${faults} wrong or missing answers`);
  if (faults > 0) process.exitCode = 1;
  else
    writeResult('gateway-throughput', {
      command: `npm run bench:gateway-throughput -- --rounds ${rounds} --seconds ${seconds}`,
      versions: packageVersions('onnxruntime-node', 'undici'),
      tables: { answers: { columns, rows } },
    });
} finally {
  await Promise.all(gateways.map((gateway) => gateway.kill('SIGINT')));
  await Promise.all(servers.map((server) => server.kill()));
  rmSync(folder, { recursive: true });
}

// Makes a result of what `lcdnn bench system` measured with networks that were trained on CIFAR-10 to the end: first answers,
// further answers, and the load on the edge.
//
//   npx tsx benchmarks/system/cifar-10.ts resnet18.json alexnet.json
import { parseArgs } from 'node:util';
import { type Approach, type NetworkResults, readSystemResults } from '../../src/baselines/results/results.js';
import { printTable } from '../print-table.js';
import { type ResultTable, writeResult } from '../results.js';

const { positionals: files } = parseArgs({ allowPositionals: true });
const all = files.map(readSystemResults);
const networks = all.flatMap((results) => results.networks);

const of = ({ approaches }: NetworkResults, wanted: Approach) =>
  approaches.find(({ approach }) => approach === wanted)!;
const nameOf = ({ network, accuracy }: NetworkResults): string =>
  `${network} (${(100 * accuracy.exitRatio).toFixed(1)} % exit early)`;

const SHOWN: readonly Approach[] = ['lcdnn', 'lcdnn-first', 'mobile-only', 'mobile-only-int8', 'edge-only', 'binary'];

const timesOf = (kind: 'cold' | 'warm'): ResultTable => ({
  columns: [
    { title: 'network' },
    { title: 'connection' },
    ...SHOWN.map((approach) => ({ title: approach, ...(kind === 'cold' ? { digits: 0 } : {}) })),
  ],
  rows: networks.flatMap((network) =>
    of(network, 'lcdnn').measurements.map(({ connection }, i) => [
      ...[nameOf(network), connection],
      ...SHOWN.map((approach) => of(network, approach).measurements[i][kind].meanMs),
    ]),
  ),
});

const load: ResultTable = {
  columns: [
    { title: 'network' },
    { title: 'sent to the edge', digits: 1, unit: ' %' },
    { title: 'LcDNN, images/s', digits: 0 },
    { title: 'edge-only, images/s', digits: 0 },
    { title: 'ratio', digits: 2 },
    { title: '1 / (1 - exits)', digits: 2 },
  ],
  rows: networks.map((network) => {
    const [own, edge] = [of(network, 'lcdnn').edge, of(network, 'edge-only').edge];
    const exits = network.accuracy.exitRatio;
    const [lcdnn, alone] = [own.perSecond!, edge.perSecond!];
    return [network.network, 100 * own.asked, lcdnn, alone, lcdnn / alone, 1 / (1 - exits)];
  }),
};

const tables = { 'first-answers': timesOf('cold'), 'further-answers': timesOf('warm'), 'edge-load': load };
for (const table of Object.values(tables)) console.log(printTable(table));
writeResult('evaluation-cifar-10', {
  command: 'lcdnn bench system RUN --network 4g,wifi --threads 1',
  versions: { chromium: all[0].machine.browser.replace('Chromium ', '') },
  tables,
});

// Makes a result of what `lcdnn bench system` measured with `first: 'edge'`: first answers next to the edge alone, further answers
// next to LcDNN without it.
//
//   npx tsx benchmarks/system/first-answers.ts results/lenet.json results/resnet18.json
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Approach, SystemResults } from '../../src/baselines/results/results.js';
import { printTable } from '../print-table.js';
import { type ResultTable, writeResult } from '../results.js';

const { positionals: files } = parseArgs({ allowPositionals: true });
const all = files.map((file): SystemResults => JSON.parse(readFileSync(file, 'utf8')));

const rows: ResultTable['rows'] = all.flatMap(({ networks }) =>
  networks.flatMap(({ network, approaches }) => {
    const of = (wanted: Approach) => approaches.find(({ approach }) => approach === wanted)!.measurements;
    const [own, first, edge] = [of('lcdnn'), of('lcdnn-first'), of('edge-only')];
    return own.map((measured, i) => [
      ...[`${network}, ${measured.connection}`, measured.cold.meanMs, first[i].cold.meanMs, edge[i].cold.meanMs],
      first[i].cold.meanMs / edge[i].cold.meanMs,
      ...[measured.warm.meanMs, first[i].warm.meanMs, edge[i].warm.meanMs],
    ]);
  }),
);
const ms = (title: string) => ({ title, unit: ' ms' });
const answers: ResultTable = {
  columns: [
    ...[{ title: 'network, connection' }, ms('first answer, lcdnn'), ms("first: 'edge'"), ms('edge alone')],
    { title: 'to the edge alone', digits: 2 },
    ...[ms('further answers, lcdnn'), ms("first: 'edge'"), ms('edge alone')],
  ],
  rows,
};
console.log(printTable(answers));
writeResult('first-answers', {
  command: 'lcdnn bench system RUN --network 4g --visits 4',
  versions: { chromium: all[0].machine.browser.replace('Chromium ', '') },
  tables: { answers },
});

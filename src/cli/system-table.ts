import { fileSize, percent, table } from '../base/format.js';
import type { Measurement, NetworkResults } from '../baselines/results/results.js';

const milliseconds = (ms: number): string => (ms < 100 ? ms.toPrecision(3) : ms.toFixed(0));

/** Approaches under each condition, with their times as multiples of LcDNN's. */
export function systemTable({ network, dataset, tau, accuracy, approaches }: NetworkResults): string {
  const head =
    `${network} on ${dataset}: full ${percent(accuracy.full)}, branch ${percent(accuracy.branch)}, both ` +
    `${percent(accuracy.both)}, ${percent(accuracy.exitRatio)} exit early at tau ${tau} (${accuracy.images} test images)`;
  const conditions = approaches[0].measurements;
  const sections = conditions.map(({ connection, slowdown }, i) => {
    const lcdnn = approaches.find(({ approach }) => approach === 'lcdnn')!.measurements[i];
    const of = (measurement: Measurement, kind: 'cold' | 'warm'): string[] => {
      const { meanMs, p50Ms, p95Ms } = measurement[kind];
      return [...[meanMs, p50Ms, p95Ms].map(milliseconds), `${(meanMs / lcdnn[kind].meanMs).toFixed(2)}`];
    };
    const rows = approaches.map(({ approach, measurements, downloadBytes, accuracy: own, edge }) => [
      approach,
      ...of(measurements[i], 'cold'),
      ...of(measurements[i], 'warm'),
      fileSize(Math.round(downloadBytes)),
      own ? percent(own.share) : '',
      edge.perSecond === undefined ? '' : edge.perSecond.toFixed(0),
    ]);
    const times = ['mean', 'p50', 'p95', 'times'];
    const header = [
      ['', 'first', 'answer', 'ms', '', 'later', 'answers', 'ms', '', '', '', 'images/s of'],
      ['', ...times, ...times, 'download', 'accuracy', 'an edge core'],
    ];
    const title = `over ${connection}${slowdown > 1 ? `, processor ${slowdown} times slower` : ''}`;
    return `${title}\n\n${table([...header, ...rows], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])}`;
  });
  const plans = approaches.map(({ approach, plan }) => [approach, plan]);
  return [head, ...sections, table(plans)].join('\n\n');
}

import { fileSize, percent, table, wholeNumber } from '../base/format.js';
import type { Provenance } from '../provenance/provenance.js';
import { temperatureText } from './tuned-lines.js';

interface DescribedBundle {
  readonly name: string;
  readonly version: string;
  readonly network: string;
  readonly dataset: string;
  readonly tau: number | readonly number[];
  readonly entropyTemperature?: number;
  readonly labels: readonly string[];
  readonly files: number;
  readonly bytes: number;
  readonly provenance?: Provenance;
}

/** A bundle and where it comes from, for people. */
export function bundleText({ provenance, ...bundle }: DescribedBundle): string {
  const rows = [
    ['bundle', `${bundle.name} ${bundle.version}`],
    ['files', `${bundle.files}, ${fileSize(bundle.bytes)}; all are as in the manifest`],
    ['network', `${bundle.network}, ${bundle.labels.length} classes of ${bundle.dataset}`],
    ['tau', `${[bundle.tau].flat().join(', ')}${temperatureText(bundle.entropyTemperature)}`],
  ];
  if (!provenance) return `${table(rows)}\nprovenance: none beside the bundle; a new export writes it`;
  const { lcdnn, platform, run, data, tau, accuracy } = provenance;
  const { train, validation, test } = data.images;
  return table([
    ...rows,
    ['tuned by', `${tau.method}, objective ${tau.objective}`],
    [
      'lcdnn',
      `${lcdnn.version}, commit ${lcdnn.commit ?? 'unknown'}${lcdnn.modified ? ' with changes' : ''}, Node ${platform.node} on ` +
        `${platform.system} ${platform.processor}`,
    ],
    ['options', run.config],
    ['checkpoint', run.checkpoint],
    ['data', data.fingerprint],
    ['images', [train, validation, test].map(wholeNumber).join(' + ')],
    ['validation', accuracies(accuracy.validation)],
    ['test', accuracy.test ? accuracies(accuracy.test) : 'not evaluated'],
  ]);
}

function accuracies({ images, full, branches, both, exitRatio }: Provenance['accuracy']['validation']): string {
  return [
    `full ${percent(full)}`,
    `branch ${branches.map((share) => percent(share)).join(', ')}`,
    ...(both === undefined ? [] : [`both ${percent(both)}`]),
    ...(exitRatio === undefined ? [] : [`${percent(exitRatio)} exit early`]),
    `on ${wholeNumber(images)} images`,
  ].join(', ');
}

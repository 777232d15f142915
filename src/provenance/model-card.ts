import { stringify } from 'yaml';
import { fileSize, percent, wholeNumber } from '../base/format.js';
import { catalogEntries } from '../datasets/catalog.js';
import type { Statistics } from '../run/evaluation-details.js';
import type { Tested } from '../run/results.js';
import type { Provenance } from './provenance.js';

/** What a model card is written from, besides the provenance. */
export interface CardFacts {
  readonly provenance: Provenance;
  readonly network: string;
  readonly classNames: readonly string[];
  /** Height, width and channels of an image. */
  readonly image: readonly number[];
  /** Results on the test split, if the run was evaluated. */
  readonly tested?: Tested;
  readonly downloadBytes: number;
  /** Licence of the model, which only its owner can choose: `mit`, `apache-2.0`, ... */
  readonly licence?: string;
  /** File in the bundle with the licence text of the network that the run started from. */
  readonly licenceFile?: string;
}

/** Names of the catalogue's data sets on the Hugging Face hub. */
const HUB_NAMES: Readonly<Record<string, string>> = {
  mnist: 'ylecun/mnist',
  'fashion-mnist': 'zalando-datasets/fashion_mnist',
  'fashion-mnist-sample': 'zalando-datasets/fashion_mnist',
  'cifar-10': 'uoft-cs/cifar10',
  'cifar-100': 'uoft-cs/cifar100',
};
const TAGS = ['lcdnn', 'binary-neural-network', 'early-exit', 'edge', 'webassembly', 'onnx'];
/** Classes in the table; of more, those with the lowest recall. */
const MOST_CLASSES = 100;

/** `MODEL_CARD.md`: Markdown with the metadata that the Hugging Face hub reads. */
export function modelCard(facts: CardFacts): string {
  const sections = [
    `# ${facts.provenance.bundle.name}`,
    about(facts),
    `## Data\n\n${dataSection(facts)}`,
    `## Results\n\n${resultsSection(facts)}`,
    `## Limits\n\n${limitsSection(facts)}`,
    `## Licences\n\n${licenceSection(facts)}`,
    `## Where it comes from\n\n${originSection(facts)}`,
  ];
  return `---\n${stringify(metadata(facts))}---\n\n${sections.join('\n\n')}\n`;
}

/** Keys of https://huggingface.co/docs/hub/model-cards. */
function metadata({ provenance, tested, licence }: CardFacts): Record<string, unknown> {
  const { data, bundle } = provenance;
  const hubName = HUB_NAMES[data.dataset];
  const metric = (name: string, value: number) => ({ type: 'accuracy', name, value });
  const collaborative = tested?.collaborative;
  return {
    ...(licence ? { license: licence } : {}),
    library_name: 'lcdnn',
    pipeline_tag: 'image-classification',
    tags: TAGS,
    ...(hubName ? { datasets: [hubName] } : {}),
    ...(tested
      ? {
          metrics: ['accuracy'],
          'model-index': [
            {
              name: bundle.name,
              results: [
                {
                  task: { type: 'image-classification' },
                  dataset: { name: data.dataset, type: hubName ?? data.dataset, split: 'test' },
                  metrics: [
                    ...(collaborative ? [metric('accuracy, branch and edge together', collaborative.accuracy)] : []),
                    metric('accuracy of the full network', tested.full.accuracy),
                  ],
                },
              ],
            },
          ],
        }
      : {}),
  };
}

function about({ network, classNames, image, provenance, downloadBytes }: CardFacts): string {
  const [height, width, channels] = image;
  const { tau, data } = provenance;
  const temperature = tau.entropyTemperature === undefined ? '' : ` (entropy at temperature ${tau.entropyTemperature})`;
  return (
    `${network}, trained together with a small branch that answers in the browser. If the branch is unsure, an edge ` +
    'server finishes the computation.\n\n' +
    `- Input: ${channels === 1 ? 'grey' : 'colour'} images of ${height}x${width} pixels\n` +
    `- Output: one of ${classNames.length} classes: ${listed(classNames)}\n` +
    `- Download of a page before the first answer: ${fileSize(downloadBytes)}\n` +
    `- Exit threshold τ: ${[tau.value].flat().join(', ')}${temperature}, tuned on ${wholeNumber(data.images.validation)} ` +
    'validation images'
  );
}

function dataSection({ provenance: { data } }: CardFacts): string {
  const { train, validation, test } = data.images;
  const entry = catalogEntries().find(({ name }) => name === data.dataset);
  return [
    `${entry?.title ?? (data.dataset === 'folder' ? 'Images of a folder' : data.dataset)}: ${wholeNumber(train)} images to ` +
      `train on, ${wholeNumber(validation)} for validation, ${wholeNumber(test)} for testing.`,
    ...(entry ? [`Credit: ${entry.credit}.`] : []),
    `SHA-256 of all images with their classes: \`${data.fingerprint}\`.`,
  ].join('\n\n');
}

function resultsSection({ tested, classNames }: CardFacts): string {
  if (!tested) return 'Not measured on test images. `lcdnn evaluate` does that; then export again.';
  const { details, collaborative } = tested;
  const interval = (statistics: Statistics | undefined): string =>
    statistics ? statistics.interval.map((end) => percent(end)).join(' to ') : '';
  const rows = [
    ['full network', percent(tested.full.accuracy), interval(details?.full)],
    ['branch', percent(tested.branch.accuracy), interval(details?.branches[0])],
    ...(collaborative
      ? [['branch and edge together', percent(collaborative.accuracy), interval(details?.collaborative)]]
      : []),
  ];
  const answers = details?.collaborative ?? details?.full;
  return [
    `On ${wholeNumber(tested.samples)} test images that nothing was chosen with:`,
    markdownTable(['', 'accuracy', '95 % interval'], rows),
    ...(collaborative
      ? [
          `${percent(collaborative.exitRatio)} of the images exit early: the browser answers them alone.` +
            (collaborative.harm === undefined
              ? ''
              : ` ${percent(collaborative.harm)} of all images exit early with a wrong answer although the full network is right.`),
        ]
      : []),
    ...(answers ? [classTable(classNames, answers)] : []),
  ].join('\n\n');
}

function classTable(classNames: readonly string[], { perClass }: Statistics): string {
  const cell = (share: number | null): string => (share === null ? '–' : percent(share, 1));
  const order = classNames.map((_, i) => i);
  if (order.length > MOST_CLASSES) order.sort((a, b) => (perClass[a].recall ?? 2) - (perClass[b].recall ?? 2));
  const rows = order.slice(0, MOST_CLASSES).map((i) => {
    const { count, precision, recall } = perClass[i];
    return [classNames[i], wholeNumber(count), cell(precision), cell(recall)];
  });
  const table = markdownTable(['class', 'test images', 'precision', 'recall'], rows);
  const more = order.length > MOST_CLASSES ? `The ${MOST_CLASSES} classes with the lowest recall:\n\n` : '';
  return more + table;
}

function limitsSection({ classNames, provenance, tested }: CardFacts): string {
  const answers = tested?.details?.collaborative ?? tested?.details?.full;
  const worst = answers?.perClass
    .map(({ recall }, i) => ({ name: classNames[i], recall: recall ?? 1 }))
    .sort((a, b) => a.recall - b.recall)[0];
  const lines = [
    `The model always answers with one of its ${classNames.length} classes, also for images that show something else.`,
    'The accuracies hold for images like those of the test split. Other cameras, lighting or crops can lower them.',
    'τ was tuned on validation images. If the images in use differ, the share of early exits and their accuracy differ too.',
    ...(worst && worst.recall < 1
      ? [`The weakest class is ${worst.name}: ${percent(worst.recall, 1)} of its test images are recognised.`]
      : []),
    ...(provenance.accuracy.test ? [] : ['The accuracy on test images is unknown.']),
  ];
  return lines.map((line) => `- ${line}`).join('\n');
}

function licenceSection({ provenance: { data, run }, licence, licenceFile }: CardFacts): string {
  const entry = catalogEntries().find(({ name }) => name === data.dataset);
  const { initFrom } = run.options;
  return [
    `- Model: ${licence ?? 'not chosen; its owner decides'}`,
    `- Data: ${entry?.licence ?? 'unknown; check the terms of the images before you publish the model'}`,
    ...(typeof initFrom === 'string' || licenceFile
      ? [
          `- Network that training started from${typeof initFrom === 'string' ? ` (\`${initFrom}\`)` : ''}: ` +
            (licenceFile ? `see \`${licenceFile}\` in the bundle` : 'licence not recorded; check its terms'),
        ]
      : []),
    '- Loader and kernels in the bundle: MIT (lcdnn)',
  ].join('\n');
}

function originSection({ provenance: { lcdnn, run, bundle } }: CardFacts): string {
  return [
    `- Bundle ${bundle.name}, version ${bundle.version}`,
    `- lcdnn ${lcdnn.version}${lcdnn.commit ? `, commit ${lcdnn.commit}` : ''}${lcdnn.modified ? ' with changes' : ''}`,
    `- Options: \`${run.config}\`, checkpoint: \`${run.checkpoint}\` (SHA-256; \`provenance.json\` lists all options)`,
  ].join('\n');
}

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

const listed = (names: readonly string[]): string =>
  names.slice(0, 20).join(', ') + (names.length > 20 ? ` and ${names.length - 20} more` : '');

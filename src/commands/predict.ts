import { Args, Flags } from '@oclif/core';
import { type Prediction, type Predictions, predict } from '../api/predict.js';
import { UserError } from '../base/errors.js';
import { percent, table } from '../base/format.js';
import { LcdnnCommand } from './base-command.js';

/** The exit code for input that can't be used. */
const EXIT_BAD_INPUT = 2;

export default class Predict extends LcdnnCommand {
  static override summary = 'Classify image files with a bundle, as a page would.';

  static override description =
    "Runs Algorithm 3 of the paper with the bundle alone: the bundle's own loader and WebAssembly run the branch. Images that " +
    'the branch is unsure of go through the rest of the network, in this process or on an edge server.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> --bundle my-bundle photo.jpg',
    '<%= config.bin %> <%= command.id %> --bundle my-bundle images/ --edge http://127.0.0.1:8080 --json',
  ];

  static override strict = false;

  static override args = {
    images: Args.string({ required: true, description: 'Image files, or folders of images.' }),
  };

  static override flags = {
    bundle: Flags.string({ required: true, summary: 'Folder that "lcdnn export" wrote.' }),
    edge: Flags.url({ summary: 'Address of an edge server. [default: run the rest of the network here]' }),
  };

  async run(): Promise<Predictions> {
    const { argv, flags } = await this.parse(Predict);
    const { bundle, edge } = flags;
    if (edge && !/^https?:$/.test(edge.protocol)) {
      throw new UserError(`--edge: expected an address that begins with http:// or https://, found ${edge}`);
    }
    const predicted = await predict(bundle, argv as string[], { edge });
    const { predictions, skipped, tau } = predicted;
    this.log(table(rowsOf(predictions, Array.isArray(tau)), [2, 3]));
    const unanswered = predictions.find(({ unsure }) => unsure);
    if (unanswered) {
      this.logToStderr(`the edge didn't answer, so some images have the branch's answer only: ${unanswered.edgeError}`);
    }
    for (const { file, reason } of skipped) this.logToStderr(`skipped ${file}: ${reason}`);
    // The other images are answered, but a script should notice.
    if (skipped.length > 0) process.exitCode = EXIT_BAD_INPUT;
    return predicted;
  }
}

function rowsOf(predictions: readonly Prediction[], severalExits: boolean): string[][] {
  const rows = predictions.map(({ file, label, index, probabilities, entropy, by, exit, unsure }) => [
    file,
    label,
    percent(probabilities[index]),
    entropy.toFixed(4),
    `${by}${severalExits && exit ? ` ${exit}` : ''}${unsure ? ' (unsure)' : ''}`,
  ]);
  return [['file', 'label', 'probability', 'entropy', 'by'], ...rows];
}

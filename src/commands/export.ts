import { join } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { checkExport } from '../api/check-export.js';
import { exportRepository } from '../api/export-repository.js';
import { type ExportOptions, exportWeb } from '../api/export-web.js';
import type { DataOptions } from '../api/run-data.js';
import { writeExample } from '../api/write-example.js';
import { UserError } from '../base/errors.js';
import { bytesFlag } from '../cli/bytes-flag.js';
import { dataFlags, dataOptions } from '../cli/data-flags.js';
import { withDataProgress } from '../cli/data-progress.js';
import { exampleText } from '../cli/example-text.js';
import { exportText } from '../cli/export-text.js';
import { gateReportFlags, reportGates } from '../cli/gate-flags.js';
import { uplinkTable } from '../cli/uplink-table.js';
import { EXAMPLES, type Example } from '../codegen/example-project.js';
import { UPLINKS } from '../export/uplink/encoding.js';
import { checkGate } from '../gates/gate.js';
import { downloadGates } from '../gates/size-gate.js';
import { LcdnnCommand } from './base-command.js';

type GivenOptions = ExportOptions & DataOptions;

interface BundleFlags extends GateFlags {
  readonly example?: Example;
}

interface CheckFlags extends Omit<GateFlags, 'max-bytes'> {
  readonly name?: string;
  readonly uplink?: ExportOptions['uplink'];
  readonly edge?: string;
  readonly 'licence-file'?: string;
  readonly 'data-dir'?: string;
  readonly 'accept-changed-data'?: boolean;
}

interface GateFlags {
  readonly 'max-bytes'?: number;
  readonly junit?: string;
  readonly summary?: string;
}

export default class Export extends LcdnnCommand {
  static override summary =
    'Write a web bundle (loader, WebAssembly, packed weights, demo page, tail for the edge server), or a model repository for Triton.';
  static override description =
    'The bundle is checked against the trainer first; one that disagrees is not kept. What devices send to the edge is ' +
    'chosen on validation images. --target triton writes the entry points as a model repository for Triton, OpenVINO Model Server ' +
    'and KServe. Beside the bundle, in BUNDLE.about, are its provenance, a statement for supply chain tools, and a model card.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> runs/mnist --target web --out bundles/mnist',
    '<%= config.bin %> <%= command.id %> runs/mnist --uplink f32 --out bundles/mnist',
    '<%= config.bin %> <%= command.id %> runs/mnist --out bundles/mnist --max-bytes 100KB',
    '<%= config.bin %> <%= command.id %> runs/mnist --out bundles/mnist --example next',
    '<%= config.bin %> <%= command.id %> runs/mnist --check bundles/mnist',
    '<%= config.bin %> <%= command.id %> bundles/mnist --target triton --out repositories/mnist',
  ];
  static override args = {
    run: Args.string({ required: true, description: 'Run directory; with --target triton also a bundle.' }),
  };
  static override flags = {
    target: Flags.option({ summary: 'What to write.', options: ['web', 'triton'] as const, default: 'web' })(),
    out: Flags.string({ summary: 'Folder for the bundle or the repository.' }),
    check: Flags.string({
      summary: 'Bundle to compare with: export again without keeping the result, and exit with 3 if a file differs.',
      exclusive: ['out', 'max-bytes'],
    }),
    name: Flags.string({ summary: 'Name of the model on the edge server. [default: NETWORK-DATASET]' }),
    uplink: Flags.option({
      summary:
        'What devices send to the edge: the output of the shared layers in single precision (f32), half precision (f16) or ' +
        'bytes (u8), or the image. auto: the smallest of the first three that loses less than 0.05 points of accuracy on ' +
        'validation images. [default: auto]',
      options: ['auto', ...UPLINKS] as const,
    })(),
    edge: Flags.string({
      summary:
        'Address of the edge server for pages: a URL, or a path on the server that hosts the bundle, such as /ml/. [default: the root of that server]',
    }),
    example: Flags.option({
      summary:
        'Also write a small example project beside the bundle: plain HTML, Next, or Vite with React, Svelte or Vue. ' +
        'Its page uses the bundle. An existing folder stays as it is.',
      options: EXAMPLES,
      exclusive: ['check'],
    })(),
    licence: Flags.string({ summary: 'Licence of the model for its model card, as mit or apache-2.0.' }),
    'licence-file': Flags.string({
      summary: 'Licence text of the network that the run started from. The bundle gets a copy.',
    }),
    'max-bytes': bytesFlag('Gate: largest download of a page, compressed with brotli.', 'GATES'),
    ...gateReportFlags,
    ...dataFlags,
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Export);
    const { target, out, name, uplink, edge } = flags;
    if (target === 'triton' && flags['max-bytes'] !== undefined) {
      throw new UserError('--max-bytes: expected --target web, found triton; the limit is for the download of a page');
    }
    if (target === 'triton' && flags.example !== undefined) {
      throw new UserError('--example: expected --target web, found triton; the example is a page');
    }
    if (flags.check !== undefined) return this.checkBundle(args.run, flags.check, flags);
    if (out === undefined)
      throw new UserError('--out: expected a folder for the bundle, found none; give --out or --check');
    return withDataProgress(({ onProgress, onNote }) => {
      const { licence, 'licence-file': licenceFile } = flags;
      const options = { out, name, uplink, edge, licence, licenceFile, ...dataOptions(flags), onProgress, onNote };
      return target === 'triton'
        ? this.exportRepository(args.run, options)
        : this.exportBundle(args.run, options, flags);
    });
  }

  private async exportBundle(run: string, options: GivenOptions, given: BundleFlags): Promise<unknown> {
    const exported = await exportWeb(run, options);
    const { manifest, downloadBytes, uplink, check } = exported;
    const { name, version, tau } = manifest;
    this.log(exportText(options.out, exported));
    const example = given.example && writeExample(given.example, options.out);
    if (example) this.log(exampleText(example));
    this.log(`next: ${this.config.bin} serve ${options.out}`);
    const gates = downloadGates(downloadBytes, given['max-bytes']);
    reportGates(this, `Bundle ${options.out}`, gates, given);
    const checked = gates.length > 0 ? { gates } : {};
    return {
      bundle: options.out,
      name,
      version,
      tau,
      downloadBytes,
      uplink,
      check,
      example: example?.folder,
      ...checked,
    };
  }

  private async checkBundle(run: string, bundle: string, flags: CheckFlags): Promise<unknown> {
    const { name, uplink, edge, 'licence-file': licenceFile } = flags;
    const result = await withDataProgress(({ onProgress, onNote }) =>
      checkExport(run, bundle, { name, uplink, edge, licenceFile, ...dataOptions(flags), onProgress, onNote }),
    );
    const { changed, files, differentInputs } = result;
    for (const file of changed)
      this.log(`${file.path}: ${brief(file.bundle)} in the bundle, ${brief(file.rebuilt)} rebuilt`);
    if (differentInputs.length > 0) this.log(`different from the recorded export: ${differentInputs.join(', ')}`);
    const value = changed.length;
    const gate = checkGate({ name: `changed files of ${files}`, unit: 'count', bound: 'max', limit: 0, value });
    reportGates(this, `Rebuild of ${bundle}`, [gate], flags);
    return { bundle, ...result, gates: [gate] };
  }

  private async exportRepository(source: string, options: GivenOptions): Promise<unknown> {
    const { uplink, name, version, files } = await exportRepository(source, options);
    if (uplink) this.log(uplinkTable(uplink));
    this.log(`${options.out}: ${name} ${version}: ${files.join(', ')}`);
    this.log(`next: tritonserver --model-repository=${join(options.out, 'models')} (docs/operate/scaling.md)`);
    return { repository: options.out, name, version, files };
  }
}

const brief = (hash: string | undefined): string => hash?.slice(0, 12) ?? 'missing';

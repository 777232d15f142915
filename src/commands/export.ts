import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { exportWeb, type WebFlags, type WebResult } from '../api/export-web.js';
import { openTrained } from '../api/open-trained.js';
import { UserError } from '../base/errors.js';
import { fileSize } from '../base/format.js';
import { MANIFEST_FILE } from '../bundle/manifest.js';
import { readBundle } from '../bundle/read-bundle.js';
import { uplinkTable } from '../cli/uplink-table.js';
import { modelRepository } from '../codegen/model-repository.js';
import { writeRepository } from '../codegen/write-repository.js';
import { UPLINKS } from '../export/uplink/encoding.js';
import { LcdnnCommand } from './base-command.js';

type ExportFlags = WebFlags & { readonly 'data-dir'?: string };

export default class Export extends LcdnnCommand {
  static override summary =
    'Write a web bundle: loader, WebAssembly, packed weights, demo page, and the tail for the edge; or a model repository of that tail for Triton, OpenVINO Model Server and KServe.';
  static override description =
    'A bundle is checked against the trainer before it takes its name; one that disagrees is not kept. What devices send to the edge is chosen on validation images.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> runs/mnist --target web --out bundles/mnist',
    '<%= config.bin %> <%= command.id %> runs/mnist --uplink f32 --out bundles/mnist',
    '<%= config.bin %> <%= command.id %> bundles/mnist --target triton --out repositories/mnist',
  ];
  static override args = {
    run: Args.string({ required: true, description: 'Run directory; for --target triton a bundle, too.' }),
  };
  static override flags = {
    target: Flags.option({ summary: 'What to write.', options: ['web', 'triton'] as const, default: 'web' })(),
    out: Flags.string({ summary: 'Folder of the bundle, or of the repository.', required: true }),
    name: Flags.string({ summary: 'Name of the model on the edge server. [default: NETWORK-DATASET]' }),
    uplink: Flags.option({
      summary:
        'What devices send to the edge: the shared layers’ output in single or half precision or in bytes, or the image. auto: the smallest of the first three that loses less than 0.05 points on validation images. [default: auto]',
      options: ['auto', ...UPLINKS] as const,
    })(),
    edge: Flags.string({
      summary:
        'Address of the edge server for pages: a URL, or a path on the server that hosts the bundle, such as /ml/. [default: the root of that server]',
    }),
    'data-dir': Flags.directory({ summary: 'Folder that holds the files of the data set.' }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Export);
    if (flags.target === 'triton') return this.exportRepository(args.run, flags);
    const { manifest, downloadBytes, uplink, check } = await this.exportRun(args.run, flags, flags.out);
    this.log(uplinkTable(uplink));
    this.log(
      `${flags.out}: ${manifest.name} ${manifest.version}, a page fetches ${fileSize(downloadBytes)} (brotli), ` +
        `runs in ${fileSize(check.memoryBytes)} of memory; ` +
        `checked on ${check.images} images: branch within ${check.largestBranchError.toExponential(1)}, ` +
        `full within ${check.largestFullError.toExponential(1)}, ` +
        `as it is sent within ${check.largestEncodedError.toExponential(1)}; ${check.rounded} with a sign that rounds to ` +
        `the other side here, ${check.otherClass} of them to another class`,
    );
    this.log(`next: ${this.config.bin} serve ${flags.out}`);
    const { name, version, tau } = manifest;
    return { bundle: flags.out, name, version, tau, downloadBytes, uplink, check };
  }

  private async exportRun(path: string, flags: ExportFlags, out: string): Promise<WebResult> {
    const trained = await openTrained(path, flags['data-dir']);
    return exportWeb(trained, { ...flags, out }, this.config.version);
  }

  /** The model repository of a bundle, or of what a run would be as one. */
  private async exportRepository(source: string, flags: ExportFlags): Promise<unknown> {
    const isBundle = existsSync(join(source, MANIFEST_FILE));
    if (isBundle && (flags.name ?? flags.uplink) !== undefined) {
      throw new UserError(
        `${source}: a bundle has its name and its uplink; leave out --name and --uplink, or name the run`,
      );
    }
    const temporary = mkdtempSync(join(tmpdir(), 'lcdnn-export-'));
    try {
      const folder = isBundle ? source : join(temporary, 'bundle');
      if (!isBundle) this.log(uplinkTable((await this.exportRun(source, flags, folder)).uplink));
      const { manifest, files } = readBundle(folder);
      const repository = modelRepository(manifest, files.get(manifest.tail.file)!);
      writeRepository(flags.out, repository);
      this.log(`${flags.out}: ${manifest.name} ${manifest.version}: ${[...repository.keys()].join(', ')}`);
      this.log(`next: tritonserver --model-repository=${join(flags.out, 'models')} (docs/operate/scaling.md)`);
      return { repository: flags.out, name: manifest.name, version: manifest.version, files: [...repository.keys()] };
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
}

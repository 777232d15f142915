import { once } from 'node:events';
import { Args, Flags } from '@oclif/core';
import { readBundle } from '../bundle/read-bundle.js';
import { listen } from '../edge/listen.js';
import { createEdgeServer } from '../edge/server.js';
import { LcdnnCommand } from './base-command.js';

export default class Serve extends LcdnnCommand {
  static override summary = 'Host a bundle and answer what its branch is unsure of.';

  static override description =
    "One process serves the bundle's web folder (demo page at /demo/) and runs the rest of the network for it: Open " +
    'Inference Protocol v2 over REST, with binary tensors. It refuses a bundle whose files are not the ones that its ' +
    'manifest lists. Ctrl-C stops it once running requests are answered.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> my-bundle',
    '<%= config.bin %> <%= command.id %> my-bundle --host 0.0.0.0 --port 80',
    '<%= config.bin %> <%= command.id %> my-bundle --cors https://shop.example',
  ];

  static override enableJsonFlag = false;

  static override args = {
    bundle: Args.string({ required: true, description: 'Folder that `lcdnn export` wrote.' }),
  };

  static override flags = {
    host: Flags.string({ default: '127.0.0.1', summary: 'Address to listen on; 0.0.0.0 for every network.' }),
    port: Flags.integer({ default: 8080, min: 0, max: 65535, summary: 'Port to listen on; 0 for any that is free.' }),
    'max-batch': Flags.integer({ default: 16, min: 1, max: 1024, summary: 'Most images in one request.' }),
    cors: Flags.string({
      multiple: true,
      summary: 'Origin of another site whose pages may ask; * for any. Repeatable.',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Serve);
    const bundle = readBundle(args.bundle);
    const app = await createEdgeServer(bundle, { maxBatch: flags['max-batch'], cors: flags.cors });
    const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    const url = await listen(app, { host: flags.host, port: flags.port });
    const { name, version } = bundle.manifest;
    this.log(`${name} ${version}: demo ${url}/demo/, edge ${url}/v2/models/${name}/infer (Ctrl-C stops)`);
    await stopped;
    await app.close();
  }
}

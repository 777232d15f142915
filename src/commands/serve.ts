import { Args, Flags } from '@oclif/core';
import { messageOf } from '../base/errors.js';
import { listenForInterruption } from '../cli/interruption.js';
import { numberFlag } from '../cli/number-flag.js';
import { serverFlags, serverOptions } from '../cli/server-flags.js';
import { listen } from '../edge/listen.js';
import { createEdgeServer, type EdgeServer } from '../edge/server.js';
import { startTracing } from '../edge/tracing.js';
import { LcdnnCommand } from './base-command.js';

/** Milliseconds between two checks of the bundle folders. */
const CHECK_MS = 1000;

export default class Serve extends LcdnnCommand {
  static override summary = 'Host bundles, and answer the images that their branches are unsure of.';

  static override description =
    "One process serves the bundles' web folders (demo page at /demo/, or at /NAME/demo/ for several bundles) and runs the " +
    'rest of their networks: Open Inference Protocol v2 over REST, with binary tensors, and Prometheus metrics at /metrics. ' +
    'A bundle is refused if its files differ from its manifest. When a new version is exported into a bundle folder, new ' +
    'requests go to it within a second, or at once after SIGHUP. Ctrl-C stops the server once running requests are ' +
    'answered; SIGTERM makes it unready for load balancers first.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> my-bundle',
    '<%= config.bin %> <%= command.id %> digits clothes --host 0.0.0.0 --port 80',
    '<%= config.bin %> <%= command.id %> my-bundle --cors https://shop.example --rate-limit 50 --log info',
  ];

  static override enableJsonFlag = false;
  static override strict = false;

  static override args = {
    bundle: Args.string({ required: true, description: 'Folder that "lcdnn export" wrote. Repeatable.' }),
  };

  static override flags = {
    ...serverFlags,
    'max-batch': Flags.integer({
      default: 16,
      min: 1,
      max: 1024,
      summary: 'Maximum number of images in one request, and in one batch of several requests.',
    }),
    'max-wait': Flags.integer({
      default: 2,
      min: 0,
      max: 1000,
      summary: 'How long a request waits for others to form a batch, in ms. An idle server never waits.',
    }),
    queue: Flags.integer({
      default: 128,
      min: 1,
      summary: 'Maximum number of images that wait for a model. Beyond it, requests get 503 at once.',
    }),
    threads: Flags.integer({
      min: 1,
      summary: 'Number of threads that compute one batch. [default: all processors but one]',
    }),
    'loosen-tau': numberFlag(
      'While busy, ask clients to send fewer images, by using a larger tau whose validation accuracy is at most this many points below the full network.',
    ),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Serve);
    const { reloadToken, ...options } = serverOptions(flags);
    const app = await createEdgeServer(argv as string[], {
      maxBatch: flags['max-batch'],
      maxWaitMs: flags['max-wait'],
      maxQueue: flags.queue,
      threads: flags.threads,
      ...options,
      loosenTau: flags['loosen-tau'],
      tracing: flags.otel ? startTracing('lcdnn-serve') : undefined,
      packWeb: true,
    });
    const interruption = listenForInterruption();
    const url = await listen(app, { host: flags.host, port: flags.port });
    // A closed pipe or a full disk is no reason to stop; oclif's own listener would.
    process.stdout.removeAllListeners('error').on('error', () => {});
    const several = app.models.names.length > 1;
    for (const name of app.models.names) {
      const { version } = app.models.get(name)!;
      const demo = `${url}${several ? `/${name}` : ''}/demo/`;
      this.log(`${name} ${version}: demo ${demo}, edge ${url}/v2/models/${name}/infer (Ctrl-C stops)`);
    }
    const stopWatching = watch(app, reloadToken);
    await interruption.interrupted();
    await app.drain(interruption.exitCode() === 143 ? 1000 * flags.drain : 0);
    stopWatching();
    interruption.stop();
  }
}

/** Checks for new versions every second. SIGHUP checks immediately, and reads the token again. */
function watch(app: EdgeServer, reloadToken: () => void): () => void {
  const check = (): void => void app.reload();
  const timer = setInterval(check, CHECK_MS);
  const hangup = (): void => {
    try {
      reloadToken();
    } catch (thrown) {
      app.log.error({ reason: messageOf(thrown) }, 'the token was not replaced');
    }
    check();
  };
  process.on('SIGHUP', hangup);
  return () => {
    clearInterval(timer);
    process.off('SIGHUP', hangup);
  };
}

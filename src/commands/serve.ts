import { Args, Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { readFileOrExplain } from '../base/files.js';
import { listenForInterruption } from '../base/interruption.js';
import { listen } from '../edge/listen.js';
import { LOG_LEVELS } from '../edge/log.js';
import { createEdgeServer, type EdgeServer } from '../edge/server.js';
import { LcdnnCommand } from './base-command.js';

/** Milliseconds between two looks at the bundle folders. */
const LOOK_MS = 1000;

export default class Serve extends LcdnnCommand {
  static override summary = 'Host bundles and answer what their branches are unsure of.';

  static override description =
    "One process serves the bundles' web folders (demo page at /demo/, of several bundles at /NAME/demo/) and runs the " +
    'rest of the networks for them: Open Inference Protocol v2 over REST, with binary tensors; Prometheus metrics at ' +
    '/metrics. It refuses a bundle whose files are not the ones that its manifest lists. A folder into which another ' +
    'version is exported is noticed within a second (SIGHUP: at once): new requests go to that version. Ctrl-C stops the ' +
    'server once running requests are answered; SIGTERM tells load balancers first.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> my-bundle',
    '<%= config.bin %> <%= command.id %> digits clothes --host 0.0.0.0 --port 80',
    '<%= config.bin %> <%= command.id %> my-bundle --cors https://shop.example --rate-limit 50 --log info',
  ];

  static override enableJsonFlag = false;
  static override strict = false;

  static override args = {
    bundle: Args.string({ required: true, description: 'Folder that `lcdnn export` wrote; further ones may follow.' }),
  };

  static override flags = {
    host: Flags.string({ default: '127.0.0.1', summary: 'Address to listen on; 0.0.0.0 for every network.' }),
    port: Flags.integer({ default: 8080, min: 0, max: 65535, summary: 'Port to listen on; 0 for any that is free.' }),
    'max-batch': Flags.integer({
      default: 16,
      min: 1,
      max: 1024,
      summary: 'Most images in one request, and in one batch of several requests.',
    }),
    'max-wait': Flags.integer({
      default: 2,
      min: 0,
      max: 1000,
      summary: 'Milliseconds that a request waits for others to make a batch; an idle server never waits.',
    }),
    queue: Flags.integer({
      default: 128,
      min: 1,
      summary: 'Most images of a model that wait; beyond it, 503 at once.',
    }),
    threads: Flags.integer({ min: 1, summary: 'Threads that compute one batch. [default: all processors but one]' }),
    cors: Flags.string({
      multiple: true,
      summary: 'Origin of another site whose pages may ask; * for any. Repeatable.',
    }),
    'token-file': Flags.string({
      summary: 'File with the bearer token that inference and metrics then ask for; or LCDNN_TOKEN in the environment.',
    }),
    'rate-limit': Flags.integer({ min: 1, summary: 'Most inference requests a second from one address.' }),
    'trust-proxy': Flags.string({
      multiple: true,
      summary: 'Address or range (CIDR) of a proxy whose X-Forwarded-For is believed. Repeatable.',
    }),
    'max-connections': Flags.integer({ default: 1024, min: 1, summary: 'Most connections at a time.' }),
    'request-timeout': Flags.integer({ default: 30, min: 1, summary: 'Seconds for a request to come in whole.' }),
    drain: Flags.integer({
      default: 2,
      min: 0,
      summary: 'Seconds from SIGTERM, when readiness ends, until the server no longer listens.',
    }),
    log: Flags.option({ options: LOG_LEVELS })({
      default: 'warn',
      summary: 'What is logged as JSON lines on standard error; info: every request. Never images.',
    }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Serve);
    const app = await createEdgeServer(argv as string[], {
      maxBatch: flags['max-batch'],
      maxWaitMs: flags['max-wait'],
      maxQueue: flags.queue,
      threads: flags.threads,
      cors: flags.cors,
      token: tokenIn(flags['token-file']),
      rateLimit: flags['rate-limit'],
      trustProxy: flags['trust-proxy'],
      maxConnections: flags['max-connections'],
      requestTimeoutMs: 1000 * flags['request-timeout'],
      log: flags.log,
      packWeb: true,
    });
    const interruption = listenForInterruption();
    const url = await listen(app, { host: flags.host, port: flags.port });
    // Nobody reads, or the disk is full: no reason to stop, which oclif's own listener takes it for.
    process.stdout.removeAllListeners('error').on('error', () => {});
    const several = app.models.names.length > 1;
    for (const name of app.models.names) {
      const { version } = app.models.get(name)!;
      const demo = `${url}${several ? `/${name}` : ''}/demo/`;
      this.log(`${name} ${version}: demo ${demo}, edge ${url}/v2/models/${name}/infer (Ctrl-C stops)`);
    }
    const stopWatching = watch(app);
    await aborted(interruption.signal);
    await app.drain(interruption.exitCode() === 143 ? 1000 * flags.drain : 0);
    stopWatching();
    interruption.stop();
  }
}

/** Looks for new versions every second, and at SIGHUP. */
function watch(app: EdgeServer): () => void {
  const look = (): void => void app.reload();
  const timer = setInterval(look, LOOK_MS);
  process.on('SIGHUP', look);
  return () => {
    clearInterval(timer);
    process.off('SIGHUP', look);
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function tokenIn(file: string | undefined): string | undefined {
  if (file === undefined) return process.env['LCDNN_TOKEN'] || undefined;
  const token = readFileOrExplain(file, 'a file with the token').toString().trim();
  if (token) return token;
  throw new UserError(`${file}: expected a token, found nothing`);
}

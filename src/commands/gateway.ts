import { unwatchFile, watchFile as watchFileStat } from 'node:fs';
import { Args, Flags } from '@oclif/core';
import { messageOf, UserError } from '../base/errors.js';
import { listenForInterruption } from '../cli/interruption.js';
import { serverFlags, serverOptions } from '../cli/server-flags.js';
import { listen } from '../edge/listen.js';
import { startTracing } from '../edge/tracing.js';
import { createGateway, type GatewayOptions, type Gateway as GatewayServer } from '../gateway/gateway.js';
import { type HaproxyGateway, startHaproxyGateway } from '../gateway/haproxy/haproxy-gateway.js';
import { HaproxyEnded } from '../gateway/haproxy/start-haproxy.js';
import { parseOrigin, parseServers, readServersFile, type ServerAddress } from '../gateway/parse-servers.js';
import type { Scheduler } from '../gateway/scheduler.js';
import { ruleNames } from '../scheduling/policies/index.js';
import { namedPolicy } from '../scheduling/policies/named-policy.js';
import type { Policy } from '../scheduling/policies/policy.js';
import { resolveSettings } from '../scheduling/settings.js';
import { LcdnnCommand } from './base-command.js';

/** Milliseconds between two checks of the file with the servers. */
const CHECK_MS = 1000;

/** The positions of users are unknown, so no server is closest. */
const RULES = ruleNames.filter((name) => name !== 'closest');

export default class Gateway extends LcdnnCommand {
  static override summary = 'Spread requests over several edge servers, by a rule or a learned policy.';

  static override description =
    'Clients call the gateway like a single "lcdnn serve". It reads the load of each server from its metrics, holds ' +
    'requests in a bounded buffer while all are busy, retries once on another server if one dies, and leaves out servers ' +
    'that are not ready until they are ready again. Its own Prometheus metrics are at /metrics. SIGHUP reloads the policy. ' +
    'Ctrl-C stops it once running requests are answered; SIGTERM makes it unready for load balancers first.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> http://10.0.0.2:8080 http://10.0.0.3:8080',
    '<%= config.bin %> <%= command.id %> 10.0.0.2:8080 10.0.0.3:8080 10.0.0.4:8080 --capacity 32,32,8 --policy policies/drlos',
    '<%= config.bin %> <%= command.id %> 10.0.0.2:8080 10.0.0.3:8080 --remote https://cloud.example --host 0.0.0.0 --port 80',
    '<%= config.bin %> <%= command.id %> 10.0.0.2:8080 10.0.0.3:8080 --driver haproxy',
  ];

  static override enableJsonFlag = false;
  static override strict = false;

  static override args = {
    server: Args.string({ description: 'Address of an "lcdnn serve"; more may follow. Or use --servers-file.' }),
  };

  static override flags = {
    'servers-file': Flags.string({
      summary:
        'File with an address on each line, optionally followed by a capacity. Changes take effect within a second.',
      exclusive: ['haproxy-socket'],
    }),
    policy: Flags.string({
      default: 'least-loaded',
      summary: `Rule, policy file or folder of "lcdnn schedule train". Rules: ${RULES.join(', ')}.`,
    }),
    capacity: Flags.string({
      default: '16',
      summary: 'Number of requests that a server gets at the same time: one number, or one per server, as 32,32,8.',
    }),
    step: Flags.integer({
      default: 10,
      min: 1,
      max: 1000,
      summary: 'Milliseconds between decisions while all servers are busy. Otherwise requests are forwarded at once.',
    }),
    'report-every': Flags.integer({
      default: 100,
      min: 10,
      max: 60_000,
      summary: 'Milliseconds between two readings of the metrics of a server.',
    }),
    'health-every': Flags.integer({
      default: 500,
      min: 10,
      max: 60_000,
      summary:
        'Milliseconds between two health checks. A server is left out after two failures and used again after two successes.',
    }),
    buffer: Flags.integer({
      default: 512,
      min: 1,
      max: 100_000,
      summary: 'Maximum number of requests that wait. Beyond it, requests go to --remote, or get 503 at once.',
    }),
    remote: Flags.string({ summary: 'Address for requests that no server can take.' }),
    timeout: Flags.integer({
      default: 10_000,
      min: 1,
      summary: 'Milliseconds until a request is answered with 504, unless the client asks for a shorter time.',
    }),
    'answer-timeout': Flags.integer({
      default: 5000,
      min: 1,
      summary: 'Milliseconds in which a server has to begin its answer. After that, another server is tried.',
    }),
    driver: Flags.option({ options: ['embedded', 'haproxy'] as const })({
      default: 'embedded',
      summary:
        'What forwards requests: this process (embedded), or a HAProxy that it starts and whose weights it sets at each report.',
    }),
    'haproxy-socket': Flags.string({
      summary: 'Runtime socket of a HAProxy that is already running. --host and --port are then used for metrics only.',
    }),
    'haproxy-backend': Flags.string({ default: 'servers', summary: 'Backend of that HAProxy that lists the servers.' }),
    'max-body': Flags.integer({ default: 16, min: 1, max: 1024, summary: 'Maximum request size in MiB.' }),
    ...serverFlags,
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Gateway);
    const readServers = serversIn(argv as string[], flags['servers-file'], flags.capacity);
    let servers = readServers();
    const readPolicy = (): Policy => policyFor(flags.policy, servers);
    const { reloadToken, ...server } = serverOptions(flags);
    const options = {
      servers,
      policy: readPolicy(),
      stepMs: flags.step,
      reportEveryMs: flags['report-every'],
      healthEveryMs: flags['health-every'],
      maxWaiting: flags.buffer,
      remote: flags.remote === undefined ? undefined : parseOrigin(flags.remote),
      timeoutMs: flags.timeout,
      answerTimeoutMs: flags['answer-timeout'],
      maxBodyBytes: flags['max-body'] << 20,
      tracing: flags.otel && flags.driver === 'embedded' ? startTracing('lcdnn-gateway') : undefined,
      ...server,
    };
    const at = { host: flags.host, port: flags.port };
    const interruption = listenForInterruption();
    const gateway = flags.driver === 'haproxy' ? await steered(options, at, flags) : await embedded(options, at);
    process.stdout.on('error', () => {}); // a closed pipe or a full disk is no reason to stop
    const up = gateway.upstreams.filter((upstream) => upstream.up).length;
    this.log(`${flags.policy} over ${servers.length} servers, ${up} of them ready: ${gateway.url} (Ctrl-C stops)`);
    const reloadPolicy = (): void => usePolicy(gateway.scheduler, readPolicy);
    const stopReloading = atHangup(() => {
      reloadPolicy();
      attempt(reloadToken, 'the token was not replaced', gateway.log);
    });
    const { replaceServers } = gateway;
    const stopWatching =
      replaceServers && flags['servers-file'] !== undefined
        ? watchFile(flags['servers-file'], () =>
            attempt(
              () => {
                servers = readServers();
                reloadPolicy();
                void replaceServers(servers);
              },
              'the servers were not replaced',
              gateway.log,
            ),
          )
        : () => {};
    const output = await Promise.race([gateway.failed, interruption.interrupted()]);
    await gateway.drain(interruption.exitCode() === 143 ? 1000 * flags.drain : 0);
    stopReloading();
    stopWatching();
    interruption.stop();
    if (interruption.exitCode() === undefined) {
      throw new HaproxyEnded(output ?? '');
    }
  }
}

/** A running gateway of either driver. */
interface Running extends HaproxyGateway {
  readonly replaceServers?: GatewayServer['replaceServers'];
}

interface At {
  readonly host: string;
  readonly port: number;
}

async function embedded(options: GatewayOptions, at: At): Promise<Running> {
  const gateway = await createGateway(options);
  const { upstreams, scheduler, drain, replaceServers, log } = gateway;
  const url = await listen(gateway, at);
  return { url, upstreams, scheduler, drain, replaceServers, log, failed: new Promise(() => {}) };
}

/** @throws UserError for flags that HAProxy would have to implement */
function steered(options: GatewayOptions, at: At, flags: Readonly<Record<string, unknown>>): Promise<Running> {
  if (flags['servers-file'] !== undefined) {
    throw new UserError('--servers-file: needs --driver embedded, which can replace servers');
  }
  if (flags['otel']) {
    throw new UserError(
      '--otel: needs --driver embedded; HAProxy passes traceparent headers on, so servers can have --otel',
    );
  }
  const socket = flags['haproxy-socket'] as string | undefined;
  const foreign = ['cors', 'rate-limit', 'trust-proxy'].find((name) => flags[name] !== undefined);
  if (socket !== undefined && foreign !== undefined) {
    throw new UserError(`--${foreign}: has no effect on a HAProxy that runs already; write it into its configuration`);
  }
  const running = socket === undefined ? undefined : { socket, backend: flags['haproxy-backend'] as string };
  return startHaproxyGateway({ ...options, ...at, running });
}

/** How to read the servers: from the arguments or from a file. @throws UserError unless exactly one of them is given */
function serversIn(addresses: readonly string[], file: string | undefined, capacity: string): () => ServerAddress[] {
  if (addresses.length > 0 === (file !== undefined)) {
    const found = file === undefined ? 'neither' : 'both';
    throw new UserError(`expected the addresses of servers or --servers-file, found ${found}`);
  }
  if (file === undefined) return () => parseServers(addresses, capacity);
  return () => readServersFile(file, parseServers(['x'], capacity)[0].capacity);
}

/** @throws UserError */
function policyFor(name: string, servers: readonly { readonly capacity: number }[]): Policy {
  if (name === 'closest') {
    throw new UserError(
      `--policy closest: the gateway doesn't know where users are; choose one of: ${RULES.join(', ')}`,
    );
  }
  return namedPolicy(name, resolveSettings({ servers: servers.map(({ capacity }) => ({ capacity })) }));
}

/** Uses the policy as it is now. If it can't be read, least-loaded decides until it can. */
function usePolicy(scheduler: Scheduler, readPolicy: () => Policy): void {
  try {
    scheduler.use(readPolicy());
  } catch (thrown) {
    scheduler.use({ reason: messageOf(thrown) });
  }
}

function attempt(action: () => void, failure: string, log: Running['log']): void {
  try {
    action();
  } catch (thrown) {
    log.error({ reason: messageOf(thrown) }, failure);
  }
}

function atHangup(action: () => void): () => void {
  process.on('SIGHUP', action);
  return () => void process.off('SIGHUP', action);
}

/** Calls `onChange` within a second after a file has changed. */
function watchFile(path: string, onChange: () => void): () => void {
  watchFileStat(path, { interval: CHECK_MS }, (now, before) => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) onChange();
  });
  return () => unwatchFile(path);
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { codeOf, UserError } from '../../base/errors.js';
import { command } from './socket.js';

/** HAProxy has ended by itself while the gateway needed it. */
export class HaproxyEnded extends UserError {
  override readonly exitCode = 1;
  override readonly code = 'ERR_LCDNN_HAPROXY';

  constructor(output: string) {
    const reason = output.trim() || 'no message, so it was probably killed';
    super(`expected HAProxy to keep running, found that it has ended (${reason}); start the gateway again`);
  }
}

export interface HaproxyProcess {
  /** Fulfilled with its error output when it has ended. */
  readonly ended: Promise<string>;
  /** Stops listening, and ends after the last request or after `limitMs` milliseconds. */
  stop(limitMs: number): Promise<void>;
}

const START_MS = 20_000;
/** Debian installs it in a folder that is only in root's PATH. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/sbin` };

/** Writes a configuration into the folder and starts HAProxy with it. @throws UserError */
export async function startHaproxy(folder: string, config: string, socket: string): Promise<HaproxyProcess> {
  const path = join(folder, 'haproxy.cfg');
  writeFileSync(path, config);
  // In its own process group, so that Ctrl-C only reaches the gateway, which stops HAProxy properly.
  const child = spawn('haproxy', ['-db', '-f', path], {
    env: ENVIRONMENT,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const killIt = (): void => void child.kill('SIGKILL');
  process.once('exit', killIt);
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-4000);
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.on('close', () => {
      process.off('exit', killIt);
      resolve(output);
    });
    child.on('error', reject);
  });
  const failed = ended.then(
    () => {
      throw new UserError(`expected HAProxy to start, found: ${alertsIn(output)}`);
    },
    (thrown) => {
      if (codeOf(thrown) !== 'ENOENT') throw thrown;
      throw new UserError('expected the program haproxy, found none; install it (Debian: apt install haproxy)');
    },
  );
  await Promise.race([failed, listening(socket)]);
  failed.catch(() => {}); // from now on, `ended` reports failures
  return {
    ended,
    async stop(limitMs) {
      child.kill('SIGUSR1');
      const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

async function listening(socket: string): Promise<void> {
  const until = performance.now() + START_MS;
  for (;;) {
    try {
      await command(socket, 'show info');
      return;
    } catch (thrown) {
      if (performance.now() > until) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const alertsIn = (output: string): string => {
  const alerts = output.split('\n').filter((line) => line.includes('ALERT'));
  return (alerts[0] ?? output).replace(/^\[\w+\]\s+\(\d+\)\s+:\s+/, '').trim() || 'nothing output';
};

/** A port of this machine that is free at the moment. */
export async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

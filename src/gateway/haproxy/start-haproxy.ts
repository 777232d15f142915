import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { codeOf, UserError } from '../../base/errors.js';
import { command } from './socket.js';

export interface HaproxyProcess {
  /** Fulfilled when it has ended, with what it said. */
  readonly ended: Promise<string>;
  /** Listens no longer, and ends with the last request, or after so many milliseconds. */
  stop(limitMs: number): Promise<void>;
}

const START_MS = 20_000;
/** Debian has it where only root's PATH looks. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/sbin` };

/** Starts HAProxy on a configuration, which is written into the folder. @throws UserError */
export async function startHaproxy(folder: string, config: string, socket: string): Promise<HaproxyProcess> {
  const path = join(folder, 'haproxy.cfg');
  writeFileSync(path, config);
  // In a process group of its own: Ctrl-C is for the gateway, which lets it end in good order.
  const child = spawn('haproxy', ['-db', '-f', path], {
    env: ENVIRONMENT,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const killIt = (): void => void child.kill('SIGKILL');
  process.once('exit', killIt);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.on('close', () => {
      process.off('exit', killIt);
      resolve(said);
    });
    child.on('error', reject);
  });
  const failed = ended.then(
    () => {
      throw new UserError(`expected HAProxy to start, found: ${alertsIn(said)}`);
    },
    (thrown) => {
      if (codeOf(thrown) !== 'ENOENT') throw thrown;
      throw new UserError('expected the program haproxy, found none; install it (Debian: apt install haproxy)');
    },
  );
  await Promise.race([failed, listening(socket)]);
  failed.catch(() => {}); // from now on `ended` tells
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
  const until = Date.now() + START_MS;
  for (;;) {
    try {
      await command(socket, 'show info');
      return;
    } catch (thrown) {
      if (Date.now() > until) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const alertsIn = (said: string): string => {
  const alerts = said.split('\n').filter((line) => line.includes('ALERT'));
  return (alerts[0] ?? said).replace(/^\[\w+\]\s+\(\d+\)\s+:\s+/, '').trim() || 'nothing said';
};

/** A port of this machine that nobody has, for now. */
export async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

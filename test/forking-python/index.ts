import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export interface ForkingPython {
  /** A program that takes `-m MODULE ARGUMENTS` as `python` does. */
  readonly path: string;
  stop(): Promise<void>;
}

/** Starts a process that imports torch once; the program then runs modules in forks of it. */
export async function startForkingPython(python: string): Promise<ForkingPython> {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-python-'));
  const socket = join(folder, 'socket');
  const path = join(folder, 'python');
  writeFileSync(path, `#!/bin/sh\nexec ${python} -SI ${file('client.py')} ${socket} "$@"\n`);
  chmodSync(path, 0o755);
  const server = spawn(python, [file('server.py'), socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  const ended = once(server, 'close');
  const ready = await Promise.race([once(server.stdout, 'data'), ended.then(() => undefined)]);
  if (!ready) throw new Error(`${python} server.py ended with ${server.exitCode}`);
  return {
    path,
    async stop() {
      server.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

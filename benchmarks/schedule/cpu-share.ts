import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { median } from '../../src/base/statistics.js';

const SCRIPT = fileURLToPath(new URL('decide.ts', import.meta.url));
const PERIOD_MS = 50;
const SECONDS = 3;

/**
 * Mean time of a decision in ms if the process gets only a share of a core: like a CPU limiter, it stops the process for
 * the rest of every 50 ms. Median of three seconds.
 */
export async function decisionMsAtShare(slots: number, share: number): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, String(slots)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const seconds: number[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => seconds.push(Number(line)));
  const ended = new Promise((resolve) => child.on('close', resolve));
  try {
    // The first second includes compilation.
    while (seconds.length <= SECONDS && child.exitCode === null) {
      if (share < 1) {
        child.kill('SIGSTOP');
        await sleep(PERIOD_MS * (1 - share));
        child.kill('SIGCONT');
      }
      await sleep(PERIOD_MS * share);
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  return median(seconds.slice(1));
}

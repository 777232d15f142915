import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PACKAGE } from '../../src/train/pytorch/train-in-python.js';

/** The program that takes steps of engine pytorch. */
export const enginePytorch = fileURLToPath(new URL('engine_pytorch.py', import.meta.url));

/** A process that answers each line with its images/s, its peak memory and, if it can, its images per second of CPU time. */
export function contestant(command: string, args: string[]) {
  const env = { ...process.env, PYTHONPATH: PACKAGE, PYTHONDONTWRITEBYTECODE: '1' };
  const child: ChildProcess = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout! });
  child.once('exit', (code) => {
    if (code) throw new Error(`${command} ${args.join(' ')} ended with ${code}`);
  });
  return {
    async round(steps: number): Promise<{ rate: number; peak: number; cpuRate: number }> {
      child.stdin!.write(`${steps}\n`);
      const [line] = await once(lines, 'line');
      const [rate, peak, cpuRate] = String(line).split(' ').map(Number);
      return { rate, peak, cpuRate };
    },
    end: () => child.stdin!.end(),
  };
}

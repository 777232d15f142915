// npm run bench:train - images/s of the joint LeNet: our traced step against PyTorch on the CPU, in alternation.
// PyTorch: a Python with torch, named by --python or found as /usr/bin/python3 (Debian: python3-torch, libopenblas0-pthread).
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from '../median.js';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: '/usr/bin/python3' },
    batch: { type: 'string', default: '64' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '15' },
    steps: { type: 'string', default: '20' },
  },
});

/** A process that answers each line with its images/s and its peak memory. */
function contestant(command: string, args: string[]) {
  const child: ChildProcess = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout! });
  return {
    async round(steps: string): Promise<{ rate: number; peak: number }> {
      child.stdin!.write(`${steps}\n`);
      const [line] = await once(lines, 'line');
      const [rate, peak] = String(line).split(' ').map(Number);
      return { rate, peak };
    },
    end: () => child.stdin!.end(),
  };
}

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
try {
  execFileSync(options.python, ['-c', 'import torch'], { stdio: 'ignore' });
} catch {
  console.log(`skipped: ${options.python} has no torch (Debian: apt-get install python3-torch libopenblas0-pthread)`);
  process.exit(0);
}
const size = [options.batch, options.threads];
const pytorch = contestant(options.python, [here('pytorch_lenet.py'), ...size]);
const lcdnn = contestant(process.execPath, ['--import', 'tsx', here('lcdnn-lenet.ts'), ...size]);
await Promise.all([pytorch.round('3'), lcdnn.round('3')]); // both warm

const ours: number[] = [];
const theirs: number[] = [];
let peaks = '';
for (let i = 0; i < Number(options.rounds); i++) {
  const a = await lcdnn.round(options.steps);
  const b = await pytorch.round(options.steps);
  ours.push(a.rate);
  theirs.push(b.rate);
  peaks = `peak memory: lcdnn ${(a.peak / 1e6).toFixed(0)} MB, PyTorch ${(b.peak / 1e6).toFixed(0)} MB`;
}
lcdnn.end();
pytorch.end();
const ratio = median(ours.map((rate, i) => rate / theirs[i]));
console.log(`joint LeNet, batch ${options.batch}, ${options.threads} threads, ${options.rounds} rounds in alternation`);
console.log(`images/s, medians: lcdnn ${median(ours).toFixed(0)}, PyTorch ${median(theirs).toFixed(0)}`);
console.log(`ratio (median of rounds): ${ratio.toFixed(2)}`);
console.log(peaks);

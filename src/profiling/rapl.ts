import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A counter of µJ that wraps to 0 at `range`. */
interface Counter {
  readonly path: string;
  readonly range: number;
}

/**
 * Starts to measure the energy of this machine's processor packages with their counters (RAPL, Intel and AMD on Linux).
 * A counter wraps within minutes to hours, so call the result more often than that.
 *
 * @returns a function that returns the joules since the previous call; undefined without readable counters
 */
export function startRapl(folder = '/sys/class/powercap'): (() => number | undefined) | undefined {
  const counters = packagesIn(folder);
  let before = counters.map(read);
  if (before.length === 0 || before.includes(undefined)) return undefined;
  return () => {
    const now = counters.map(read);
    const joules = counters.map(({ range }, i) => since(before[i], now[i], range));
    before = now;
    return joules.every((one) => one !== undefined) ? joules.reduce((sum, one) => sum + one, 0) : undefined;
  };
}

/** Zones like `intel-rapl:0`. Their subzones (`intel-rapl:0:1`) and `psys` would count the same energy again. */
function packagesIn(folder: string): Counter[] {
  return namesIn(folder)
    .filter((name) => /^intel-rapl:\d+$/.test(name) && text(join(folder, name, 'name'))?.startsWith('package'))
    .map((name) => ({
      path: join(folder, name, 'energy_uj'),
      range: Number(text(join(folder, name, 'max_energy_range_uj')) ?? Number.NaN),
    }));
}

function since(before: number | undefined, now: number | undefined, range: number): number | undefined {
  if (before === undefined || now === undefined) return undefined;
  const microjoules = now < before ? now + range - before : now - before;
  return Number.isFinite(microjoules) ? microjoules / 1e6 : undefined;
}

function read({ path }: Counter): number | undefined {
  const digits = text(path);
  return digits !== undefined && /^\d+$/.test(digits) ? Number(digits) : undefined;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // this machine has no such counters
  }
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined; // missing, or readable only for root
  }
}

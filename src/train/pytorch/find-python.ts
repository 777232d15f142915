import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { UserError } from '../../base/errors.js';

const run = promisify(execFile);

/** Programs to try if the user doesn't name one. */
const CANDIDATES = ['python3', 'python', '/usr/bin/python3'];

const OLDEST = { python: '3.10', torch: '1.13', safetensors: '0.3' };

/** Prints the versions of the trainer's packages (null if one is missing) and the available devices. */
const PROBE = `
import importlib, json, platform
def version(name):
    try: return importlib.import_module(name).__version__
    except ImportError: return None
found = {"python": platform.python_version(), **{n: version(n) for n in ("torch", "numpy", "safetensors")}}
if found["torch"]:
    import torch
    found["devices"] = ["cpu"] + ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available()
    def has_bfloat16(device):
        if device == "cuda": return torch.cuda.is_bf16_supported()
        try: return device == "cpu" and any(flag in open("/proc/cpuinfo").read() for flag in ("avx512_bf16", "amx_bf16"))
        except OSError: return False
    found["bfloat16"] = [device for device in found["devices"] if has_bfloat16(device)]
print(json.dumps(found))`;

export interface Python {
  readonly path: string;
  readonly torch: string;
  /** Whether the device has bfloat16 arithmetic, instead of converting numbers first. */
  readonly bfloat16?: boolean;
}

interface Probed {
  readonly python: string;
  readonly torch: string | null;
  readonly numpy: string | null;
  readonly safetensors: string | null;
  readonly devices?: readonly string[];
  /** Devices with bfloat16 arithmetic. */
  readonly bfloat16?: readonly string[];
}

/**
 * Finds a Python that can train: the given one, or the first on the PATH that meets the requirements.
 *
 * @throws UserError with a line that says what is missing or too old and how to get it, or which devices are available
 */
export async function findPython(named: string | undefined, device: string): Promise<Python> {
  const faults: string[] = [];
  for (const path of named === undefined ? CANDIDATES : [named]) {
    const probed = await probe(path);
    const fault = typeof probed === 'string' ? probed : lacking(probed);
    if (fault === undefined) {
      const { torch, devices = [], bfloat16 = [] } = probed as Probed;
      if (devices.includes(device)) return { path, torch: torch!, bfloat16: bfloat16.includes(device) };
      throw new UserError(
        `engine pytorch: expected device ${devices.join(' or ')} with torch ${torch} of ${path}, found ${device}`,
      );
    }
    faults.push(`${path}: ${fault}`);
  }
  throw new UserError(
    `engine pytorch: expected a Python ${OLDEST.python} or newer with torch, numpy and safetensors, found ` +
      `${faults.join('; ')}. Install them (pip install torch numpy safetensors), name another with --python, or leave ` +
      'out --engine',
  );
}

/** The missing or outdated requirements, if any. */
function lacking(probed: Probed): string | undefined {
  const missing = (['torch', 'numpy', 'safetensors'] as const).filter((name) => !probed[name]);
  if (missing.length > 0) return `Python ${probed.python} without ${missing.join(' and ')}`;
  const old = (['python', 'torch', 'safetensors'] as const).find((name) => isOlder(probed[name]!, OLDEST[name]));
  return old && `${old} ${probed[old]}, older than ${OLDEST[old]}`;
}

async function probe(path: string): Promise<Probed | string> {
  try {
    const { stdout } = await run(path, ['-c', PROBE], { timeout: 120_000 });
    return JSON.parse(stdout) as Probed;
  } catch (thrown) {
    const { code, stderr } = thrown as { code?: unknown; stderr?: string };
    if (code === 'ENOENT') return 'no such program';
    return `does not start (${stderr?.trim().split('\n').at(-1) || String(code)})`;
  }
}

/** Compares dotted version numbers, up to the length of the second one. */
export function isOlder(version: string, than: string): boolean {
  const [found, wanted] = [version, than].map((text) => text.split('.').map((part) => Number.parseInt(part, 10)));
  const at = wanted.findIndex((number, i) => (found[i] ?? 0) !== number);
  return at >= 0 && (found[at] ?? 0) < wanted[at];
}

import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { type GivenSettings, readSettings, resolveSettings, type Settings } from '../scheduling/settings.js';
import { numberFlag } from './number-flag.js';

const helpGroup = 'SETTINGS';

/** Flags for the simulated servers and their load. Each overrides the settings file. */
export const scheduleFlags = {
  settings: Flags.file({ summary: 'Settings file (JSON); docs/operate/scheduling.md lists its fields.', helpGroup }),
  servers: Flags.integer({ summary: 'Number of edge servers. [default: 3]', helpGroup }),
  capacity: Flags.string({
    summary:
      'Tasks that a server works on at the same time: one number, or one per server, as 500,500,250. [default: 500]',
    helpGroup,
  }),
  speed: Flags.string({ summary: 'Speed of the servers: one number, or one per server. [default: 1]', helpGroup }),
  load: numberFlag('Work that arrives, as a share of the capacity of all servers. [default: 0.8]', { helpGroup }),
  steps: numberFlag('Number of steps during which tasks arrive. [default: 50]', { helpGroup }),
  slots: numberFlag('Number of task slots that a decision sees (M). [default: 500]', { helpGroup }),
  buffer: numberFlag('Number of tasks that can wait behind the slots; the rest go to the cloud. [default: 2000]', {
    helpGroup,
  }),
  eta: numberFlag('Share of its free capacity that a server offers in a low offer. [default: 0.05]', { helpGroup }),
  skew: numberFlag('How unevenly users are distributed around the servers; 0 is evenly. [default: 0.5]', { helpGroup }),
  'forward-ms-per-km': numberFlag('Delay per km when a task runs on a server that is not its closest. [default: 0.1]', {
    helpGroup,
  }),
  filling: Flags.option({
    summary: 'Which offers are accepted if there are more offers than tasks. [default: proportional]',
    options: ['proportional', 'nearest'] as const,
    helpGroup,
  })(),
  'report-every': numberFlag('Number of steps between two reports of a server. [default: 1]', { helpGroup }),
  tracking: Flags.boolean({
    summary: 'Count the tasks sent since the last report. Switch it off if other gateways send, too. [default: on]',
    allowNo: true,
    helpGroup,
  }),
  fail: Flags.string({
    summary: 'SERVER:FROM-TO: a server (counted from 0) that is down during these steps. Repeatable.',
    multiple: true,
    helpGroup,
  }),
  'cloud-ms': numberFlag('Delay of the cloud, in ms. [default: 100]', { helpGroup }),
  'deadline-ms': numberFlag('A task that takes longer, in ms, is late. [default: 200]', { helpGroup }),
};

type ScheduleFlags = { readonly [Name in keyof typeof scheduleFlags]?: unknown };

/** The settings from the settings file and the flags. @throws UserError if one is wrong */
export function settingsOf(flags: ScheduleFlags): Settings {
  const file = flags.settings === undefined ? {} : readSettings(flags.settings as string);
  const given = {
    load: flags.load,
    steps: flags.steps,
    slots: flags.slots,
    buffer: flags.buffer,
    eta: flags.eta,
    skew: flags.skew,
    forwardMsPerKm: flags['forward-ms-per-km'],
    filling: flags.filling,
    reportEvery: flags['report-every'],
    tracking: flags.tracking,
    failures: (flags.fail as string[] | undefined)?.map(parseFailure),
    cloudMs: flags['cloud-ms'],
    deadlineMs: flags['deadline-ms'],
    servers: serversOf(flags, file.servers),
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return resolveSettings({ ...file, ...Object.fromEntries(set) });
}

function serversOf(flags: ScheduleFlags, inFile: GivenSettings['servers'] | undefined): unknown {
  const capacity = numbers('capacity', flags.capacity);
  const speed = numbers('speed', flags.speed);
  if (flags.servers === undefined && !capacity && !speed) return undefined;
  const most = Math.max(capacity?.length ?? 0, speed?.length ?? 0);
  const count = (flags.servers as number | undefined) ?? (most > 1 ? most : (inFile?.length ?? 3));
  if (count < 1 || count > 256) throw new UserError(`--servers: expected 1 to 256 servers, found ${count}`);
  const of = (values: number[] | undefined, name: string, server: number): number | undefined => {
    if (values && values.length > 1 && values.length !== count) {
      throw new UserError(`--${name}: expected one number, or ${count} for ${count} servers, found ${values.length}`);
    }
    return values && (values.length > 1 ? values[server] : values[0]);
  };
  const kept = flags.servers === undefined || flags.servers === inFile?.length ? inFile : undefined;
  return Array.from({ length: count }, (_, server) => {
    const base = { capacity: 500, ...kept?.[server] };
    return {
      ...base,
      capacity: of(capacity, 'capacity', server) ?? base.capacity,
      speed: of(speed, 'speed', server) ?? base.speed,
    };
  });
}

function numbers(name: string, text: unknown): number[] | undefined {
  if (text === undefined) return undefined;
  const values = String(text)
    .split(',')
    .map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.every(Number.isFinite)) return values;
  throw new UserError(`--${name}: expected numbers separated by commas, found ${text}`);
}

function parseFailure(text: string) {
  const [, server, from, to] = /^(\d+):(\d+)-(\d+)$/.exec(text) ?? [];
  if (server !== undefined) return { server: Number(server), from: Number(from), to: Number(to) };
  throw new UserError(`--fail: expected SERVER:FROM-TO, as 0:20-40, found ${text}`);
}

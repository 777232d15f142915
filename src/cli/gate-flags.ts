import { appendFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Flags } from '@oclif/core';
import { messageOf, UserError } from '../base/errors.js';
import { makeFolder, writeFileAtomic } from '../base/files.js';
import type { Gate } from '../gates/gate.js';
import { gatesJunit, gatesMarkdown, gatesText } from '../gates/print-gates.js';

/** Exit code of a command if a gate failed (docs/exit-codes.md). */
const EXIT_GATE_FAILED = 3;

const helpGroup = 'GATES';

/** Flags of commands with gates, for the reports on them. */
export const gateReportFlags = {
  junit: Flags.string({ summary: 'File for the gates as a JUnit report.', helpGroup }),
  summary: Flags.string({
    summary: 'File that the gates are appended to as Markdown, such as "$GITHUB_STEP_SUMMARY".',
    helpGroup,
  }),
};

/** A share with its name, as `both=0.98`. */
export interface NamedShare {
  readonly name: string;
  readonly share: number;
}

/** The values of such a flag by name. */
export const sharesByName = (given: readonly NamedShare[] = []): Record<string, number> =>
  Object.fromEntries(given.map(({ name, share }) => [name, share]));

/** A flag for shares with names, as `both=0.98`. @param unnamed name of a share that is given without one */
export const namedSharesFlag = (summary: string, unnamed?: string) =>
  Flags.custom<NamedShare>({
    summary,
    helpGroup,
    parse: async (input, _context, { name }) => {
      const [, of = unnamed, digits] = /^(?:([a-z]+\d*)=)?(\d+(?:\.\d+)?(?:e-?\d+)?)$/.exec(input) ?? [];
      if (of !== undefined && digits !== undefined) return { name: of, share: Number(digits) };
      throw new UserError(
        `--${name}: expected NAME=SHARE, as both=0.98${unnamed ? ', or a share' : ''}, found ${input}`,
      );
    },
  })({ multiple: true, multipleNonGreedy: true });

/** Checks, before the work begins, that there is something to report on. @throws UserError if no gate was given */
export function requireGateFlag({ junit, summary }: ReportFiles, given: boolean): void {
  const file = junit ?? summary;
  if (given || file === undefined) return;
  throw new UserError(`${file}: expected a gate to report on, found none; give a limit too`);
}

interface ReportFiles {
  readonly junit?: string;
  readonly summary?: string;
}

interface GatedCommand {
  log(text: string): void;
}

/**
 * Prints gates, and writes them to the files that the flags name. If one failed, the command exits with 3 at its end.
 *
 * @param title what the gates are about
 */
export function reportGates(
  command: GatedCommand,
  title: string,
  gates: readonly Gate[],
  { junit, summary }: ReportFiles,
): void {
  requireGateFlag({ junit, summary }, gates.length > 0);
  if (gates.length === 0) return;
  command.log(gatesText(gates));
  if (junit !== undefined) {
    makeFolder(dirname(junit));
    writeFileAtomic(junit, gatesJunit(title, gates));
  }
  if (summary !== undefined) appendText(summary, gatesMarkdown(title, gates));
  if (gates.some(({ passed }) => !passed)) process.exitCode = EXIT_GATE_FAILED;
}

function appendText(path: string, text: string): void {
  makeFolder(dirname(path));
  try {
    appendFileSync(path, text);
  } catch (thrown) {
    throw new UserError(`${path}: expected a file that can be written, found: ${messageOf(thrown)}; choose another`);
  }
}

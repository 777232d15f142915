import { UserError } from '../base/errors.js';
import { readUsageCounts } from '../edge/read-usage-counts.js';
import { applyTau } from '../run/apply-tau.js';
import { readExitRule } from '../run/results.js';
import { openRun } from '../run/run-directory.js';
import { type Proposal, proposeTau } from '../tau/in-use.js';

export interface ServerTauOptions {
  /** Model on the server. Needed if it serves several. */
  readonly model?: string;
  /** Bearer token of the server. */
  readonly token?: string;
  /** Share of images that may exit early with another answer than the full network's. */
  readonly epsilon?: number;
  /** Probability that the limit may be exceeded. */
  readonly delta?: number;
  /** Write the proposed threshold into `tau.json`, for the next export. */
  readonly apply?: boolean;
}

export interface ServerTau extends Proposal {
  readonly model: string;
  readonly version: string;
}

/**
 * Proposes a threshold from the images that an edge server has answered in use, without labels.
 *
 * @param server address of the edge server
 * @throws UserError if the server can't be reached or doesn't serve the model, a limit is out of range, or the threshold is
 *   for entropies at another temperature than the run's
 */
export async function proposeTauFromServer(
  run: string,
  server: string,
  { model, token, epsilon, delta, apply }: ServerTauOptions = {},
): Promise<ServerTau> {
  const opened = openRun(run);
  const { counts, entropyTemperature: theirs = 1, ...served } = await readUsageCounts(server, { model, token });
  const proposal = proposeTau(counts, { epsilon, delta });
  const { tau, reason, evidence } = proposal;
  const ours = readExitRule(opened)?.entropyTemperature ?? 1;
  if (apply && theirs !== ours) {
    throw new UserError(
      `${server}: expected entropies at temperature ${ours}, as in ${run}, found ${theirs} in what it serves; ` +
        `run "lcdnn tune-tau ${run} --entropy-temperature ${theirs}" first`,
    );
  }
  if (apply && tau !== counts.tau) applyTau(opened, tau, `from ${evidence.images} images in use: ${reason}`);
  return { ...served, ...proposal };
}

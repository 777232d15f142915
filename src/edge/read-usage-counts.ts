import { z } from 'zod';
import { messageOf, UserError } from '../base/errors.js';
import { ENTROPY_BINS, type UseCounts } from '../tau/in-use.js';

const count = z.int().nonnegative();
const counts = z.strictObject({
  all: z.array(count).length(ENTROPY_BINS),
  disagreed: z.array(count).length(ENTROPY_BINS),
});

/** What `USAGE_PATH` returns. */
export const usageSchema = z.array(
  z.strictObject({
    model: z.string(),
    version: z.string(),
    /** Temperature of the entropies. Absent: 1. */
    entropyTemperature: z.number().positive().optional(),
    counts: z.strictObject({ tau: z.number().min(0).max(1), exits: count, unsure: counts, audited: counts }),
  }),
);

/** The counts of an edge server for the current version of a model. */
export type ModelUsage = z.infer<typeof usageSchema>[number];

/** Path of an edge server's counts, a list of `ModelUsage`. */
export const USAGE_PATH = '/lcdnn/use';

const TIMEOUT_MS = 10_000;

/**
 * Reads what an edge server has learned about τ.
 *
 * @param model name on the server; optional if it serves one model
 * @throws UserError if the server does not answer, isn't an `lcdnn serve`, or has no such model
 */
export async function readUsageCounts(
  server: string,
  { model, token }: { readonly model?: string; readonly token?: string } = {},
): Promise<ModelUsage & { readonly counts: UseCounts }> {
  const url = URL.canParse(server) ? new URL(USAGE_PATH, server) : undefined;
  if (!url?.protocol.startsWith('http')) {
    throw new UserError(`${server}: expected the address of an edge server, such as http://127.0.0.1:8080`);
  }
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const found = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
    .then(async (response) => (response.ok ? usageSchema.safeParse(await response.json()) : response.status))
    .catch((thrown) => {
      throw new UserError(`${url}: expected an answer of "lcdnn serve", found none (${messageOf(thrown)})`);
    });
  if (found === 401) throw new UserError(`${url}: the server asks for a token; give it with --token-file`);
  if (typeof found === 'number' || !found.success) {
    const what = typeof found === 'number' ? `HTTP ${found}` : z.prettifyError(found.error).split('\n')[0];
    throw new UserError(`${url}: expected the counts of an "lcdnn serve" of this version, found ${what}`);
  }
  const fitting = found.data.filter((use) => model === undefined || use.model === model);
  if (fitting.length === 1) return fitting[0];
  const names = found.data.map((use) => use.model).join(', ') || 'none';
  throw new UserError(
    model === undefined
      ? `${url}: expected one model, found ${names}; choose one with --model`
      : `${url}: expected a model ${model}, found ${names}`,
  );
}

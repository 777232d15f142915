import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../base/errors.js';
import { HEADLESS } from './find-browser.js';

/**
 * Opens a page in a headless browser with a fresh profile, and closes the browser when `result` is there.
 *
 * @throws UserError if the browser exits before
 */
export async function browseUntil<Result>(program: string, url: string, result: Promise<Result>): Promise<Result> {
  const profile = mkdtempSync(join(tmpdir(), 'lcdnn-browser-'));
  const browser = spawn(program, [...HEADLESS, `--user-data-dir=${profile}`, url], { stdio: 'ignore' });
  const ended = once(browser, 'exit');
  try {
    await Promise.race([
      result,
      ended.then(([code]) => {
        throw new UserError(
          `${program} exited with code ${code} before it finished measuring; choose another with --browser`,
        );
      }),
    ]);
    return await result;
  } finally {
    browser.kill();
    await ended.catch(() => {});
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

// Finds the Chromium that the browser tests need. On Debian as root it installs one; otherwise it prints how, and fails.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findBrowser } from '../dist/profiling/find-browser.js';

try {
  findBrowser();
} catch (missing) {
  const debianRoot = existsSync('/etc/debian_version') && process.getuid?.() === 0;
  if (process.env.CHROMIUM_PATH || !debianRoot) {
    console.error(`the browser tests: ${missing.message}. Debian: "sudo apt-get install chromium".`);
    process.exit(1);
  }
  execFileSync('apt-get', ['update'], { stdio: 'inherit' });
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { stdio: 'inherit' });
}

// The browser tests need a Chromium: finds one; on Debian as root installs it; else says how, and fails.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const candidates = process.env.CHROMIUM_PATH ? [process.env.CHROMIUM_PATH] : CANDIDATES;

if (!candidates.some((path) => existsSync(path))) {
  const debianRoot = existsSync('/etc/debian_version') && process.getuid?.() === 0;
  if (process.env.CHROMIUM_PATH || !debianRoot) {
    console.error(
      `the browser tests need Chromium, looked for: ${candidates.join(', ')}. ` +
        'Install it (Debian: "sudo apt-get install chromium") or set CHROMIUM_PATH to its program.',
    );
    process.exit(1);
  }
  execFileSync('apt-get', ['update'], { stdio: 'inherit' });
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { stdio: 'inherit' });
}

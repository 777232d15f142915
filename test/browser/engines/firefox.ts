import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'undici';
import { asJson, type Engine } from './engine.js';
import { endGroup, startProgram } from './programs.js';

const PROGRAM = '/usr/bin/firefox-esr';

/** Firefox, controlled through WebDriver BiDi, which it offers itself: https://w3c.github.io/webdriver-bidi/ */
export const FIREFOX: Engine = {
  name: 'Firefox',
  programs: [PROGRAM],
  packages: ['firefox-esr'],
  collectGarbage: 'TestUtils.gc()',
  workerThread: 'DOM Worker',
  async launch() {
    const profile = mkdtempSync(join(tmpdir(), 'lcdnn-firefox-'));
    writeFileSync(join(profile, 'user.js'), 'user_pref("dom.testing.testutils.enabled", true);');
    const args = ['--headless', '--no-remote', '--remote-debugging-port=0', '--profile', profile];
    const { child, found } = await startProgram(PROGRAM, args, /BiDi listening on (ws:\S+)/, { HOME: profile });
    const { call, close } = await connect(`${found}/session`);
    const { capabilities } = await call<Session>('session.new', { capabilities: {} });
    return {
      version: capabilities.browserVersion,
      pid: child.pid!,
      async newPage() {
        const { context } = await call<{ context: string }>('browsingContext.create', { type: 'tab' });
        return {
          goto: (url) => call('browsingContext.navigate', { context, url, wait: 'complete' }),
          back: () => call('browsingContext.traverseHistory', { context, delta: -1 }),
          async evaluate(expression) {
            const script = { expression: asJson(expression), target: { context }, awaitPromise: true };
            const { result, exceptionDetails } = await call<Evaluated>('script.evaluate', script);
            if (exceptionDetails) throw new Error(exceptionDetails.text);
            return JSON.parse(result.value);
          },
          hide: () => call('browsingContext.create', { type: 'tab' }),
          close: () => call('browsingContext.close', { context }),
        };
      },
      async close() {
        close();
        await endGroup(child);
        rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
      },
    };
  },
};

interface Session {
  readonly capabilities: { readonly browserVersion: string };
}
interface Evaluated {
  readonly result: { readonly value: string };
  readonly exceptionDetails?: { readonly text: string };
}
type Call = <T>(method: string, params: object) => Promise<T>;

/** Commands and their answers over one WebSocket. */
async function connect(url: string): Promise<{ call: Call; close: () => void }> {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', ({ message }) => reject(new Error(`${url}: ${message}`)));
  });
  const waiting = new Map<number, Waiting>();
  let count = 0;
  socket.addEventListener('message', ({ data }) => {
    const { id, type, result, error, message } = JSON.parse(data);
    if (id === undefined) return; // an event
    const { resolve, reject } = waiting.get(id)!;
    waiting.delete(id);
    if (type === 'success') resolve(result);
    else reject(new Error(`${error}: ${message}`));
  });
  return {
    call: <T>(method: string, params: object) =>
      new Promise<T>((resolve, reject) => {
        waiting.set(++count, { resolve: resolve as Waiting['resolve'], reject });
        socket.send(JSON.stringify({ id: count, method, params }));
      }),
    close: () => socket.close(),
  };
}

interface Waiting {
  resolve(value: unknown): void;
  reject(reason: Error): void;
}

import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { asJson, type EngineBrowser } from './engine.js';
import { endGroup, startProgram } from './programs.js';

const START_MS = 30_000;

export interface WebDriverOptions {
  /** Path of the driver. */
  readonly driver: string;
  readonly capabilities: object;
  readonly env?: Record<string, string>;
}

/** Starts a browser with its driver, and controls it through WebDriver: https://www.w3.org/TR/webdriver2/ */
export async function launchWithDriver(options: WebDriverOptions): Promise<EngineBrowser> {
  const port = await freePort();
  const { child } = await startProgram(options.driver, [`--port=${port}`], undefined, options.env);
  const base = `http://127.0.0.1:${port}/session`;
  const { sessionId, capabilities } = await newSession(base, options.capabilities);
  const session = <T>(method: string, path: string, body?: object) =>
    send<T>(method, `${base}/${sessionId}${path}`, body);
  await session('POST', '/timeouts', { script: 600_000, pageLoad: 60_000 });
  // It stays open: a browser without a window ends.
  const first = await session<string>('GET', '/window');
  return {
    version: capabilities.browserVersion,
    pid: child.pid!,
    async newPage() {
      await session('POST', '/window', { handle: first });
      // Not a tab: WebKitGTK's driver opens tabs behind the first one, where they are hidden.
      const { handle } = await session<{ handle: string }>('POST', '/window/new', { type: 'window' });
      // A command is for the window that was chosen last.
      const inWindow = async <T = void>(method: string, path: string, body?: object) => {
        await session('POST', '/window', { handle });
        return session<T>(method, path, body);
      };
      return {
        goto: (url) => inWindow('POST', '/url', { url }),
        back: () => inWindow('POST', '/back', {}),
        async evaluate(expression) {
          const script = `const done = arguments[0];
            (async () => ${asJson(expression)})().then((json) => done({ json }), (error) => done({ error: String(error) }));`;
          const { json, error } = await inWindow<{ json: string; error?: string }>('POST', '/execute/async', {
            script,
            args: [],
          });
          if (error !== undefined) throw new Error(error);
          return JSON.parse(json);
        },
        hide: () => inWindow('POST', '/window/minimize', {}),
        close: () => inWindow('DELETE', '/window'),
      };
    },
    async close() {
      await session('DELETE', '').catch(() => {});
      await endGroup(child);
    },
  };
}

interface Session {
  readonly sessionId: string;
  readonly capabilities: { readonly browserVersion: string };
}

/** Opens a session as soon as the driver listens. */
async function newSession(base: string, alwaysMatch: object) {
  const until = Date.now() + START_MS;
  for (;;) {
    try {
      return await send<Session>('POST', base, { capabilities: { alwaysMatch } });
    } catch (thrown) {
      if (!(thrown instanceof TypeError) || Date.now() > until) throw thrown; // fetch throws a TypeError if nothing answers
      await sleep(50);
    }
  }
}

async function send<T>(method: string, url: string, body?: object): Promise<T> {
  const response = await fetch(url, { method, body: body && JSON.stringify(body) });
  const { value } = (await response.json()) as { value: T & { error: string; message: string } };
  if (!response.ok) throw new Error(`${method} ${new URL(url).pathname}: ${value.error} ${value.message}`);
  return value;
}

/** A port on which nothing listens at the moment. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

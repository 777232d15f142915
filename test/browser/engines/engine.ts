/** A browser that the tests can start, by its engine. */
export interface Engine {
  readonly name: string;
  /** Paths of the programs that it needs. */
  readonly programs: readonly string[];
  /** The Debian packages that have them. */
  readonly packages: readonly string[];
  /** Collects garbage when a page evaluates it. WebKitGTK offers no such function. */
  readonly collectGarbage?: string;
  /** In what Debian's version differs from the others. */
  readonly lacks?: readonly Feature[];
  /** Name of the thread of a page's Worker. */
  readonly workerThread: string;
  launch(): Promise<EngineBrowser>;
}

/** Relaxed SIMD in WebAssembly; and whether a content security policy without 'wasm-unsafe-eval' forbids WebAssembly. */
export type Feature = 'relaxed SIMD' | 'wasm policy';

/** A browser that runs, without a window on the screen and with an empty profile. */
export interface EngineBrowser {
  readonly version: string;
  /** Its first process. All others are descendants of it. */
  readonly pid: number;
  /** Opens a page that is visible. */
  newPage(): Promise<EnginePage>;
  close(): Promise<void>;
}

/** One page. Only one call at a time may be in progress in a browser. */
export interface EnginePage {
  goto(url: string): Promise<void>;
  /** Goes back to the page before. */
  back(): Promise<void>;
  /** The value of an expression, or what it resolves to. It passes as JSON. */
  evaluate<T>(expression: string): Promise<T>;
  /** Hides the page, as if its window were minimised or another tab were in front. */
  hide(): Promise<void>;
  close(): Promise<void>;
}

/** The expression as text, for engines that pass only some values. */
export const asJson = (expression: string): string =>
  `Promise.resolve(${expression}).then((value) => JSON.stringify(value ?? null))`;

/** Ctrl-C and SIGTERM, handled from `listen` to `stop`. */
export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Starts to handle signals. Before that, a signal ends the process at once. */
  listen(): void;
  /** Resolves at the first signal. */
  interrupted(): Promise<void>;
  /** The exit code that shells use for the signal: 130 or 143; undefined before it. */
  exitCode(): number | undefined;
  stop(): void;
}

/** Turns the first Ctrl-C or SIGTERM into an abort signal. A second one ends the process at once. */
export function createInterruption(): Interruption {
  const controller = new AbortController();
  const aborted = new Promise<void>((resolve) => controller.signal.addEventListener('abort', () => resolve()));
  let exitCode: number | undefined;
  const interrupt = (name: NodeJS.Signals): void => {
    if (exitCode !== undefined) process.exit(exitCode);
    exitCode = name === 'SIGINT' ? 130 : 143;
    controller.abort();
  };
  return {
    signal: controller.signal,
    listen() {
      if (!process.listeners('SIGINT').includes(interrupt)) process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
    },
    interrupted: () => aborted,
    exitCode: () => exitCode,
    stop: () => void process.off('SIGINT', interrupt).off('SIGTERM', interrupt),
  };
}

/** As `createInterruption`, handling signals from now on. */
export function listenForInterruption(): Interruption {
  const interruption = createInterruption();
  interruption.listen();
  return interruption;
}

/**
 * Runs `work`, which calls `listen` once it can be interrupted. If a signal came, the command exits with 130 or 143
 * afterwards, as shells expect.
 */
export async function interruptible<Result>(
  command: { exit(code: number): never },
  work: (interruption: Interruption) => Promise<Result>,
): Promise<Result> {
  const interruption = createInterruption();
  let result: Result | undefined;
  try {
    result = await work(interruption);
  } catch (thrown) {
    if (thrown !== interruption.signal.reason) throw thrown;
  } finally {
    interruption.stop();
  }
  const exitCode = interruption.exitCode();
  if (exitCode !== undefined) command.exit(exitCode);
  return result!;
}

/** Ctrl-C and SIGTERM, heard until `stop`. */
export interface Interruption {
  /** Aborted by the first of them. */
  readonly signal: AbortSignal;
  /** Until then. */
  heard(): Promise<void>;
  /** What the process then exits with, as shells do: 130 or 143. */
  exitCode(): number | undefined;
  stop(): void;
}

/** Listens for a wish to end in good order; asked twice, the process exits at once. */
export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  const heard = new Promise<void>((resolve) => controller.signal.addEventListener('abort', () => resolve()));
  let exitCode: number | undefined;
  const interrupt = (name: NodeJS.Signals): void => {
    if (exitCode !== undefined) process.exit(exitCode);
    exitCode = name === 'SIGINT' ? 130 : 143;
    controller.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return {
    signal: controller.signal,
    heard: () => heard,
    exitCode: () => exitCode,
    stop: () => void process.off('SIGINT', interrupt).off('SIGTERM', interrupt),
  };
}

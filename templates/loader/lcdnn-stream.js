// Classifies a stream of images. The branch always takes the newest frame. At most one frame at a time is sent to the edge;
// its answer is kept for the following frames for as long as the branch sees the same.
// lcdnn.js imports this file when a stream starts.

import { describe } from './parts/describe.js';

const ASKED = 'the edge is being asked';

/** Runs until the source ends or `signal` fires. `askBranch` and `askEdge` are the two halves of classify(). */
export async function classifyStream({ askBranch, askEdge, hasEdge }, source, { onAnswer, signal, ...options } = {}) {
  const { keepMs = 2000, similar = 0.1 } = options;
  if (options.edge === 'race') throw new Error('edge: expected never, when-unsure or always for a stream, found race');
  if (typeof source !== 'function' && !(source?.readyState >= 0)) {
    throw new Error(`source: expected a video element or a function that returns images, found ${describe(source)}`);
  }
  const call = { ...options, signal };
  const stopped = new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));
  const frames = typeof source === 'function' ? givenFrames(source) : shownFrames(source);

  let last; // number of the latest frame that was reported
  let kept; // the latest answer of the edge, the branch's answer for that frame, and the time
  let asking;
  let edgeError = ASKED; // or why the edge didn't answer
  let broken;
  const show = (answer, frame) => {
    last = frame;
    onAnswer?.({ ...answer, frame });
  };
  const isKept = ({ index, entropy }) =>
    kept?.index === index && Math.abs(kept.entropy - entropy) <= similar && performance.now() - kept.at <= keepMs;
  const ask = async (asked, frame) => {
    const { index, entropy } = asked.answer;
    const answer = await askEdge(asked, call);
    edgeError = answer.edgeError ?? ASKED;
    if (answer.by === 'edge') kept = { index, entropy, answer, at: performance.now() };
    // Unless a newer frame has been reported meanwhile.
    if (last === frame) show(answer, frame);
  };

  try {
    for (;;) {
      const next = signal?.aborted ? undefined : await Promise.race([frames.next(), stopped]);
      if (broken) throw broken;
      if (!next) break;
      const asked = await askBranch(next.image, call).finally(next.close);
      const { answer } = asked;
      if (!asked.asks) show(answer, next.frame);
      else if (!hasEdge) show(await askEdge(asked, call), next.frame);
      else if (isKept(answer)) {
        const { index, label, probabilities, by, exit, unsure } = kept.answer;
        show({ ...answer, index, label, probabilities, by, exit, unsure, cached: true }, next.frame);
      } else {
        show({ ...answer, edgeError }, next.frame);
        asking ??= ask(asked, next.frame)
          .catch((thrown) => {
            broken = thrown;
          })
          .finally(() => {
            asking = undefined;
          });
      }
    }
    await asking;
    if (broken) throw broken;
  } catch (thrown) {
    if (!signal?.aborted) throw thrown;
  } finally {
    frames.end();
  }
  return frames.count();
}

/** Images from a function, at most one for each frame of the screen. Bitmaps and video frames are closed after use. */
function givenFrames(give) {
  let frame = 0;
  const tick = globalThis.requestAnimationFrame ?? ((go) => setTimeout(go, 1000 / 60));
  return {
    async next() {
      await new Promise((resolve) => tick(resolve));
      const image = await give();
      return image ? { image, frame: ++frame, close: () => image.close?.() } : undefined;
    },
    end() {},
    count: () => ({ frames: frame, dropped: 0 }),
  };
}

/** The frames that a video shows. A frame is dropped if the next one is shown before it is classified. */
function shownFrames(video) {
  let frame = video.readyState >= 2 ? 1 : 0; // the latest that was shown
  let taken = 0;
  let count = 0;
  let isEnded = video.ended;
  let wake;
  const end = () => {
    isEnded = true;
    wake?.();
  };
  const over = new AbortController();
  for (const event of ['ended', 'error']) video.addEventListener(event, end, { signal: over.signal });
  // A camera that was stopped or unplugged: not every browser ends the video.
  video.srcObject?.addEventListener('inactive', end, { signal: over.signal });

  let cancel;
  let before; // frames that were shown before the stream started
  const watch = () => {
    const handle = video.requestVideoFrameCallback((_now, { presentedFrames }) => {
      before ??= presentedFrames - frame - 1;
      frame = presentedFrames - before;
      wake?.();
      watch();
    });
    cancel = () => video.cancelVideoFrameCallback(handle);
  };
  let time = video.currentTime;
  const poll = () => {
    const handle = requestAnimationFrame(() => {
      if (video.readyState >= 2 && (frame === 0 || video.currentTime !== time)) {
        frame++;
        wake?.();
      }
      time = video.currentTime;
      poll();
    });
    cancel = () => cancelAnimationFrame(handle);
  };
  if (video.requestVideoFrameCallback) watch();
  else poll();

  return {
    async next() {
      while (frame === taken && !isEnded) {
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
      if (frame === taken) return undefined;
      taken = frame;
      count++;
      return { image: video, frame, close() {} };
    },
    end() {
      over.abort();
      cancel();
    },
    count: () => ({ frames: frame, dropped: frame - count }),
  };
}

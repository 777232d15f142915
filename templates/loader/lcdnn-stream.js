// A stream of images, of which always the newest is classified: the branch keeps up with the frames, one question at a time
// is with the edge, and its answer holds for the frames behind it while the branch sees the same.
// lcdnn.js imports this file when a page asks for a stream.

const ASKED = 'the edge is being asked';

/** Until the source ends or `signal` fires. `askBranch` and `askEdge` are the two halves of classify(). */
export async function classifyStream({ askBranch, askEdge }, source, { onAnswer, signal, ...options } = {}) {
  const { keepMs = 2000, similar = 0.1 } = options;
  const call = { ...options, signal };
  const stopped = new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));
  const frames = typeof source === 'function' ? givenFrames(source) : shownFrames(source);

  let last; // number of the frame that was shown last
  let kept; // the last answer of the edge, what the branch had said of that frame, and when it came
  let asking;
  let trouble = ASKED; // or why the edge gave no answer
  let broken;
  const show = (answer, frame) => {
    last = frame;
    onAnswer?.({ ...answer, frame });
  };
  const isKept = ({ index, entropy }) =>
    kept?.index === index && Math.abs(kept.entropy - entropy) <= similar && performance.now() - kept.at <= keepMs;
  const ask = async (said, frame) => {
    const { index, entropy } = said.answer;
    const answer = await askEdge(said, call);
    trouble = answer.edgeError ?? ASKED;
    if (answer.by === 'edge') kept = { index, entropy, answer, at: performance.now() };
    // Where no newer frame has come that shows it.
    if (last === frame) show(answer, frame);
  };

  try {
    for (;;) {
      const next = signal?.aborted ? undefined : await Promise.race([frames.next(), stopped]);
      if (broken) throw broken;
      if (!next) break;
      const said = await askBranch(next.image, call).finally(next.close);
      const { answer } = said;
      if (!said.asks) show(answer, next.frame);
      else if (isKept(answer)) {
        const { index, label, probabilities, by, exit, unsure } = kept.answer;
        show({ ...answer, index, label, probabilities, by, exit, unsure, cached: true }, next.frame);
      } else {
        show({ ...answer, edgeError: trouble }, next.frame);
        asking ??= ask(said, next.frame)
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

/** What a function gives, one image after another, at most one for each frame of the screen. Bitmaps and frames are closed. */
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

/** What a video shows. A frame that is not taken before the next one is shown is dropped. */
function shownFrames(video) {
  let frame = video.readyState >= 2 ? 1 : 0; // shown last
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
  // A camera that is gone or was stopped: not every browser tells the video.
  video.srcObject?.addEventListener('inactive', end, { signal: over.signal });

  let cancel;
  let before; // frames that were shown before the stream began
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

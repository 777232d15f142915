// The demo page. It classifies images from the camera, a file, the clipboard, a drawing or a sample, and shows each answer
// in the panel.

import { load } from '../lcdnn.js';
import { createDrawing } from './drawing.js';
import { drawMaps } from './feature-maps.js';
import { createPanel } from './panel.js';

/** Drawing is offered for grey images no larger than this, such as digits. */
const MAX_DRAWING_SIZE = 64;
/** More classes than this are counted instead of named. */
const MAX_NAMED = 12;

const at = (id) => document.getElementById(id);
const policy = () => document.querySelector('#policy input[name=edge]:checked').value;
/** Whether the edge answers until the branch is loaded: a choice for the next visit, which the browser keeps. */
const FIRST = 'lcdnn-first';
const storage = (() => {
  try {
    return globalThis.localStorage;
  } catch {} // storage may be turned off
})();

/** Shows one of `hint`, `picture`, `video` and `canvas` on the stage. */
function stage(shown) {
  for (const id of ['hint', 'picture', 'video', 'canvas']) at(id).hidden = id !== shown;
  at('draw-hint').hidden = shown !== 'canvas';
  at('camera').setAttribute('aria-pressed', shown === 'video');
  at('draw').setAttribute('aria-pressed', shown === 'canvas');
  at('clear').hidden = shown !== 'canvas';
}

async function start() {
  const model = await load(undefined, {
    onProgress: ({ loaded, total }) => {
      at('progress').value = loaded / total;
    },
    adaptTau: true,
    first: storage?.getItem(FIRST) ? 'edge' : undefined,
    onStale: () => panel.showEdge(),
  });
  const panel = createPanel(model);
  const { name, labels, input, tail } = model.manifest;
  at('title').textContent = `${name}: ${labels.length} classes`;
  const unnamed = labels.length - MAX_NAMED;
  at('classes').textContent =
    `It knows ${labels.slice(0, MAX_NAMED).join(', ')}${unnamed > 0 ? ` and ${unnamed} more` : ''}.`;
  const [height, width, channels] = input.shape;
  const drawable = channels === 1 && Math.max(height, width) <= MAX_DRAWING_SIZE;
  let loaded = false;
  at('about').textContent = 'The branch is loading. Until then, every image is sent to the edge.';
  model.ready.then(
    () => {
      loaded = true;
      at('about').textContent = `The branch runs in this page, in ${model.simd ? 'SIMD' : 'scalar'} WebAssembly`;
      at('progress').hidden = true;
    },
    (error) => complain(error),
  );
  at('first').checked = Boolean(storage?.getItem(FIRST));
  at('first').disabled = !storage;
  at('first').onchange = ({ target }) => (target.checked ? storage.setItem(FIRST, '1') : storage.removeItem(FIRST));
  panel.showEdge();

  const complain = (error) => {
    at('status').textContent = error.message;
  };
  let camera; // an AbortController while the camera runs
  const classify = async (image, truth) => {
    try {
      at('sent-maps').hidden = true;
      const sendsImage = tail.from === 'image' || policy() === 'race' || !loaded;
      const answer = await model.classify(image, { edge: policy() });
      panel.show(answer, truth);
      at('status').textContent = '';
      if (answer.by === 'edge' && !sendsImage) await showMaps(image);
    } catch (error) {
      complain(error);
    }
  };

  const showMaps = async (image) => {
    const { shared } = await model.branch(image, [model.tau].flat().length);
    const [rows, columns, maps] = tail.shape;
    drawMaps(at('maps'), shared, [rows, columns, maps]);
    at('maps-text').textContent =
      `The edge received ${maps} maps of ${columns}x${rows} numbers that this page computed, not the image.`;
    at('sent-maps').hidden = false;
  };

  // ---- pictures: opened, pasted, dropped, or a sample

  let url;
  const showPicture = (source, alt, className) => {
    camera?.abort();
    URL.revokeObjectURL(url);
    url = source.startsWith('blob:') ? source : undefined;
    Object.assign(at('picture'), { src: source, alt, className });
    stage('picture');
  };
  const choose = (sample) => {
    for (const button of at('samples').children) button.setAttribute('aria-pressed', button === sample);
  };
  const take = (file) => {
    if (!file) return;
    choose();
    showPicture(URL.createObjectURL(file), file.name, '');
    classify(file);
  };
  const fileOf = ({ files }) => Array.from(files).find(({ type }) => type.startsWith('image/')) ?? files[0];
  for (const [button, input] of [
    ['open', 'file'],
    ['photo', 'photo-file'],
  ]) {
    at(button).onclick = () => at(input).click();
    at(input).onchange = ({ target }) => {
      take(target.files[0]);
      target.value = ''; // so that the same file can be chosen again
    };
  }
  document.onpaste = ({ clipboardData }) => take(fileOf(clipboardData));
  document.ondragover = (event) => {
    event.preventDefault();
    at('stage').classList.add('over');
  };
  document.ondragleave = ({ relatedTarget }) => {
    if (!relatedTarget) at('stage').classList.remove('over');
  };
  document.ondrop = (event) => {
    event.preventDefault();
    at('stage').classList.remove('over');
    take(fileOf(event.dataTransfer));
  };

  const samples = await (await fetch('samples.json')).json();
  for (const { file, label } of samples) {
    const image = Object.assign(new Image(), { src: file, alt: label, title: label });
    const button = Object.assign(document.createElement('button'), { type: 'button' });
    button.setAttribute('aria-pressed', 'false');
    button.append(image);
    button.onclick = () => {
      choose(button);
      showPicture(file, `Sample image: ${label}`, 'pixels');
      classify(image, label);
    };
    at('samples').append(button);
  }
  at('samples-title').hidden = samples.length === 0;

  // ---- the camera

  const stream = async () => {
    const running = new AbortController();
    camera = running;
    const { signal } = running;
    const video = at('video');
    try {
      const found = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      signal.addEventListener('abort', () => {
        for (const track of found.getTracks()) track.stop();
        if (video.srcObject === found) video.srcObject = null;
      });
      if (signal.aborted) for (const track of found.getTracks()) track.stop();
      signal.throwIfAborted();
      choose();
      stage('video');
      video.srcObject = found;
      await video.play();
      while (!signal.aborted && found.active) await untilChange(video, signal);
    } catch (error) {
      if (!signal.aborted) complain(new Error(`The camera could not be started: ${error.message}`));
    } finally {
      running.abort();
      if (camera === running) camera = undefined;
      if (!at('video').hidden) stage('hint');
    }
  };
  // A stream keeps the edge policy it started with, so a change of policy starts a new stream.
  const untilChange = async (video, signal) => {
    const changed = new AbortController();
    at('policy').addEventListener('change', () => changed.abort(), { signal: changed.signal });
    signal.addEventListener('abort', () => changed.abort(), { signal: changed.signal });
    await model.classifyStream(video, {
      onAnswer: (answer) => panel.show(answer),
      edge: policy() === 'race' ? 'always' : policy(), // streams don't race
      signal: changed.signal,
    });
    changed.abort();
  };
  at('camera').onclick = () => {
    if (camera) camera.abort();
    else stream();
  };
  document.onkeydown = ({ key }) => {
    if (key === 'Escape') camera?.abort();
  };
  if (navigator.mediaDevices?.getUserMedia) at('camera').disabled = false;
  else at('camera').title = 'Browsers give camera access only to pages served over HTTPS or from this machine';
  at('open').disabled = false;
  // A phone's own camera app needs no permission, and no https either.
  if (!drawable && matchMedia('(pointer: coarse)').matches) {
    at('photo').hidden = false;
    at(at('camera').disabled ? 'photo' : 'camera').classList.add('first');
    at('hint').textContent = 'Start the camera, or take a photo.';
  }

  // ---- a drawing

  if (drawable) {
    const drawing = createDrawing(at('canvas'), (image) => classify(image));
    const draw = () => {
      camera?.abort();
      choose();
      drawing.clear();
      stage('canvas');
    };
    at('canvas').addEventListener('pointerdown', () => {
      at('draw-hint').hidden = true;
    });
    at('draw').hidden = false;
    at('draw').onclick = at('clear').onclick = draw;
    // Single-character labels are digits or letters, which people like to draw.
    if (labels.every((label) => label.length === 1)) draw();
  }

  at('reload').onclick = () => location.reload();
  for (const type of ['online', 'offline']) addEventListener(type, panel.showEdge);
  setInterval(panel.showEdge, 1000);
  // Makes the page work offline after this visit. Without a service worker it works online only.
  navigator.serviceWorker?.register(`../service-worker.js?${model.manifest.version}`).catch(() => {});
}

start().catch((error) => {
  at('title').textContent = 'The model could not be loaded';
  at('status').textContent = error.message;
  at('progress').hidden = true;
});

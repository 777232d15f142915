import { load } from '../lcdnn.js';

const at = (id) => document.getElementById(id);
const canvas = at('canvas');
const pen = canvas.getContext('2d', { willReadFrequently: true });
const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;
const width = (share) => `${100 * share}%`;

function clear() {
  pen.fillStyle = '#000';
  pen.fillRect(0, 0, canvas.width, canvas.height);
}

function show(answer, model, truth) {
  const taus = [model.tau].flat();
  const tau = taus[(answer.exit ?? taus.length) - 1];
  at('result').hidden = false;
  at('label').textContent = answer.label;
  at('truth').textContent = truth === undefined || truth === answer.label ? '' : `(it is ${truth})`;
  at('by').textContent = answer.unsure
    ? 'the branch, unsure: the edge is away'
    : answer.by === 'branch'
      ? `answered by the branch${taus.length > 1 ? ` of exit ${answer.exit}` : ''}, here`
      : 'answered by the edge';
  at('by').className = answer.unsure ? 'unsure' : answer.by;
  at('entropy').textContent = answer.entropy.toFixed(4);
  at('tau').textContent = tau.toFixed(4);
  at('gauge-fill').style.width = width(answer.entropy);
  at('gauge-tau').style.left = width(tau);
  const ranked = [...answer.probabilities].map((p, i) => [p, model.manifest.labels[i]]).sort((a, b) => b[0] - a[0]);
  at('bars').replaceChildren(
    ...ranked.slice(0, 5).map(([p, label]) => {
      const row = Object.assign(document.createElement('div'), { className: 'bar' });
      const name = Object.assign(document.createElement('span'), { textContent: label });
      const bar = document.createElement('div');
      bar.style.width = width(p);
      row.append(name, bar, Object.assign(document.createElement('span'), { textContent: percent(p) }));
      return row;
    }),
  );
  const { times, bytes } = answer;
  at('times').textContent =
    `branch ${times.branchMs.toFixed(2)} ms` +
    (bytes.sent ? `, edge ${times.edgeMs.toFixed(1)} ms, ${bytes.sent} bytes sent, ${bytes.received} received` : '');
}

async function start() {
  const model = await load(undefined, {
    onProgress: ({ loaded, total }) => {
      at('status').textContent = percent(loaded / total);
    },
  });
  const classify = async (image, truth) => {
    try {
      show(await model.classify(image), model, truth);
      at('status').textContent = '';
    } catch (error) {
      at('status').textContent = error.message;
    }
  };
  at('title').textContent = `${model.manifest.name}: ${model.manifest.labels.length} classes`;
  at('status').textContent = `${model.simd ? 'SIMD' : 'scalar'} WebAssembly; pick a sample, draw, or open an image`;

  for (const { file, label } of await (await fetch('samples.json')).json()) {
    const image = Object.assign(new Image(), { src: file, alt: label, title: label });
    const button = document.createElement('button');
    button.append(image);
    button.onclick = () => classify(image, label);
    at('samples').append(button);
  }

  let drawing = false;
  const place = ({ offsetX, offsetY }) => [
    (offsetX * canvas.width) / canvas.clientWidth,
    (offsetY * canvas.height) / canvas.clientHeight,
  ];
  canvas.onpointerdown = (event) => {
    drawing = true;
    canvas.setPointerCapture(event.pointerId);
    pen.beginPath();
    pen.moveTo(...place(event));
  };
  canvas.onpointermove = (event) => {
    if (!drawing) return;
    Object.assign(pen, { lineWidth: 22, lineCap: 'round', lineJoin: 'round', strokeStyle: '#fff' });
    pen.lineTo(...place(event));
    pen.stroke();
  };
  canvas.onpointerup = () => {
    drawing = false;
    classify(canvas);
  };
  at('clear').onclick = clear;
  at('file').onchange = ({ target }) => {
    const [file] = target.files;
    if (file) classify(file);
  };
  // For use offline after this visit; the page does without where it can't be had.
  navigator.serviceWorker?.register(`../service-worker.js?${model.manifest.version}`).catch(() => {});
}

clear();
start().catch((error) => {
  at('title').textContent = 'The model could not be loaded';
  at('status').textContent = error.message;
});

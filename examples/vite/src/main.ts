import { load, type Model } from 'model';

const input = document.querySelector<HTMLInputElement>('#file')!;
const answer = document.querySelector<HTMLElement>('#answer')!;

function show(text: string): void {
  answer.textContent = text;
}

async function classify(model: Model, image: Blob): Promise<void> {
  try {
    const { index, label, probabilities, times } = await model.classify(image);
    show(`${label} (${(100 * probabilities[index]).toFixed(1)} %), in ${times.branchMs.toFixed(1)} ms`);
  } catch (error) {
    show((error as Error).message);
  }
}

try {
  // With an edge server (`lcdnn serve`), give its address instead of false.
  const model = await load(undefined, {
    edge: false,
    onProgress: ({ loaded, total }) => show(`Loading the model: ${Math.round((100 * loaded) / total)} %`),
  });
  show(`Knows ${model.manifest.labels.join(', ')}; runs ${model.worker ? 'in a Worker' : 'in the page'}`);
  input.disabled = false;
  input.onchange = () => {
    const [file] = input.files ?? [];
    if (file) classify(model, file);
  };
} catch (error) {
  show((error as Error).message);
}

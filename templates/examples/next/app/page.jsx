'use client';

import { load } from 'MODEL';
import { useEffect, useState } from 'react';

/** The model, when it is loaded, or the reason why it can't be. */
function useModel() {
  const [state, setState] = useState({});
  useEffect(() => {
    const stop = new AbortController();
    const loading = load(undefined, { signal: stop.signal });
    loading.then(
      (model) => setState({ model }),
      (error) => stop.signal.aborted || setState({ problem: error.message }),
    );
    return () => {
      stop.abort();
      loading.then(
        (model) => model.dispose(),
        () => {},
      );
    };
  }, []);
  return state;
}

export default function Page() {
  const { model, problem } = useModel();
  const [answer, setAnswer] = useState('');

  async function classify({ target: { files } }) {
    if (!files[0]) return;
    try {
      const { label, by, unsure } = await model.classify(files[0]);
      setAnswer(`${label}, by the ${by}${unsure ? ' (unsure)' : ''}`);
    } catch (error) {
      setAnswer(error.message);
    }
  }

  return (
    <main>
      <input type="file" accept="image/*" aria-label="An image" disabled={!model} onChange={classify} />
      <p role="status">{problem ?? (model ? answer : 'Loading the model')}</p>
    </main>
  );
}

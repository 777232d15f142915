"""Serves the edge part of an lcdnn bundle with MLServer.

pip install mlserver onnxruntime
mlserver start .

The name in model-settings.json is the model's name in the bundle's manifest.json, and the uri is the bundle's
edge/tail.onnx. MLServer has no binary tensors over HTTP, so pages send it JSON.
"""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Tail(MLModel):
    """Runs tail.onnx: takes what the branch's last shared layer gives, returns logits."""

    async def load(self) -> bool:
        self.session = onnxruntime.InferenceSession(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        names = [output.name for output in self.session.get_outputs()]
        values = self.session.run(names, {each.name: NumpyCodec.decode_input(each) for each in payload.inputs})
        outputs = [NumpyCodec.encode_output(name, value) for name, value in zip(names, values)]
        return InferenceResponse(model_name=self.name, outputs=outputs)

"""Serves the edge part of an lcdnn bundle with KServe's Python server.

pip install kserve onnxruntime
python tail.py NAME BUNDLE/edge/tail.onnx [PORT]

NAME is the model's name in the bundle's manifest.json. Pages load the bundle with edge: "http://HOST:PORT".
"""

import sys
from uuid import uuid4

import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class Tail(Model):
    """Runs tail.onnx: takes what the branch's last shared layer gives, returns logits."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        self.session = onnxruntime.InferenceSession(path)
        self.ready = True

    def predict(self, payload: InferRequest, headers=None, response_headers=None) -> InferResponse:
        names = [output.name for output in self.session.get_outputs()]
        values = self.session.run(names, {each.name: each.as_numpy() for each in payload.inputs})
        outputs = []
        for name, value in zip(names, values):
            output = InferOutput(name=name, shape=list(value.shape), datatype="FP32")
            output.set_data_from_numpy(value, binary_data=True)
            outputs.append(output)
        return InferResponse(payload.id or str(uuid4()), self.name, outputs)


if __name__ == "__main__":
    name, path, *port = sys.argv[1:]
    ModelServer(http_port=int(port[0]) if port else 8080, enable_grpc=False, workers=1).start([Tail(name, path)])

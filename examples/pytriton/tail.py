"""Serves the edge part of an lcdnn bundle with PyTriton, NVIDIA's Triton server started from Python.

pip install nvidia-pytriton onnxruntime
python tail.py NAME BUNDLE/edge/tail.onnx [PORT]

NAME is the model's name in the bundle's manifest.json. Pages load the bundle with edge: "http://HOST:PORT".
"""

import sys

import numpy
import onnxruntime
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

TYPES = {"tensor(float)": numpy.float32, "tensor(float16)": numpy.float16, "tensor(uint8)": numpy.uint8}


def tensors(values: list) -> list[Tensor]:
    """Without the batch axis, which Triton adds."""
    return [Tensor(name=value.name, dtype=TYPES[value.type], shape=tuple(value.shape[1:])) for value in values]


if __name__ == "__main__":
    name, path, *port = sys.argv[1:]
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]

    @batch
    def infer(**inputs: numpy.ndarray) -> dict[str, numpy.ndarray]:
        return dict(zip(names, session.run(names, inputs)))

    http = int(port[0]) if port else 8080
    # Triton opens two more ports.
    config = TritonConfig(http_port=http, grpc_port=http + 1, metrics_port=http + 2)
    with Triton(config=config) as triton:
        triton.bind(
            model_name=name,
            infer_func=infer,
            inputs=tensors(session.get_inputs()),
            outputs=tensors(session.get_outputs()),
            config=ModelConfig(max_batch_size=16),
        )
        triton.serve()

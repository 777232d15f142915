"""Runs an ONNX model in OpenVINO on the processor: python run_openvino.py MODEL DTYPE SHAPE PRECISION.

Standard input: the bytes of the input tensor. Standard output: those of the output tensor, in float32.
"""

import json
import sys

import numpy
import openvino

model, dtype, shape, precision = sys.argv[1:]
values = numpy.frombuffer(sys.stdin.buffer.read(), dtype).reshape(json.loads(shape))
compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision})
output = compiled([values])[compiled.output(0)]
sys.stdout.buffer.write(output.astype(numpy.float32).tobytes())

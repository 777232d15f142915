"""Writes a float network as .tflite files, in float32 and in 8 bits: `make_tflite.py NETWORK.json FLOAT.tflite INT8.tflite`.

NETWORK.json has the input's shape and the layers (as in src/network/layers.ts). Weights are random, because no kernel's time
depends on them. Batch normalisation is folded, so it adds no layer. The batch is 1, which LiteRT.js requires.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from keras import Input, Model, layers

random = np.random.default_rng(1)


def padding_of(layer: dict) -> str:
    """A number pads every side; `same` pads as much in all, and costs the same time."""
    return "valid" if layer.get("padding", "valid") in ("valid", 0) else "same"


def appended(x, layer: dict):
    """The Keras tensor after one layer."""
    window = {"strides": layer.get("stride", 1), "padding": padding_of(layer)}
    match layer["type"]:
        case "conv2d":
            return layers.Conv2D(layer["filters"], layer["kernel"], **window)(x)
        case "depthwise-conv2d":
            return layers.DepthwiseConv2D(layer["kernel"], **window)(x)
        case "dense":
            return layers.Dense(layer["units"])(x)
        case "max-pool":
            strides = layer.get("stride", layer["size"])
            return layers.MaxPooling2D(layer["size"], strides=strides, padding=padding_of(layer))(x)
        case "average-pool":
            return layers.AveragePooling2D(layer["size"])(x)
        case "global-average-pool":
            return layers.GlobalAveragePooling2D()(x)
        case "batch-norm":
            return x
        case "relu":
            return layers.ReLU(layer.get("max"))(x)
        case "flatten":
            return layers.Flatten()(x)
        case "residual":
            return layers.Add()([chained(x, layer["body"]), chained(x, layer["shortcut"])])
    raise SystemExit(f"expected a layer of a float network, found {layer['type']}")


def chained(x, chain: list[dict]):
    for layer in chain:
        x = appended(x, layer)
    return x


def main(network: str, float_path: str, int8_path: str) -> None:
    description = json.loads(Path(network).read_text())
    shape = description["input"]
    x = Input(shape=shape, batch_size=1)
    model = Model(x, chained(x, description["layers"]))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    Path(float_path).write_bytes(converter.convert())

    def images():
        for _ in range(4):
            yield [random.standard_normal((1, *shape), dtype=np.float32)]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = images
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    Path(int8_path).write_bytes(converter.convert())


main(*sys.argv[1:])

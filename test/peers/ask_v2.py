"""Asks an edge server of lcdnn by tritonclient: URL, model, version, and a file of images as float32; prints JSON."""

import json
import sys

import numpy
import tritonclient.http as triton

url, model, version, path = sys.argv[1:]
client = triton.InferenceServerClient(url)
metadata = client.get_model_metadata(model)
tensor = metadata["inputs"][0]
images = numpy.fromfile(path, numpy.float32).reshape(tensor["shape"])


def infer(binary: bool, **options: object) -> list[float]:
    asked = triton.InferInput(tensor["name"], list(images.shape), tensor["datatype"])
    asked.set_data_from_numpy(images, binary_data=binary)
    wanted = triton.InferRequestedOutput(metadata["outputs"][0]["name"], binary_data=binary)
    answer = client.infer(model, [asked], outputs=[wanted], **options)
    return answer.as_numpy(metadata["outputs"][0]["name"]).flatten().tolist()


def refusal(**options: object) -> str:
    try:
        infer(True, **options)
    except triton.InferenceServerException as refused:
        return f"{refused.status()} {refused.message()}"
    return "none"


print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "model_ready": [
                client.is_model_ready(model),
                client.is_model_ready(model, version),
                client.is_model_ready(model, "0"),
            ],
            "server": client.get_server_metadata(),
            "metadata": [metadata, client.get_model_metadata(model, version)],
            "answers": [
                infer(True),
                infer(False),
                infer(True, model_version=version, request_id="a", timeout=60_000_000),
            ],
            "refusal": refusal(model_version="0"),
        }
    )
)

"""Exports networks of torchvision and timm with random weights to ONNX, with their logits on a random image.

python export_zoo.py FOLDER NAME SIZE EXPORTER: writes NAME-SIZE-EXPORTER.onnx, .safetensors and .json (image and logits).
EXPORTER is `torchscript` or `dynamo`.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file


def create(name: str) -> torch.nn.Module:
    if name.endswith("efficientnet_lite0"):
        import timm

        return timm.create_model(name, pretrained=False)
    import torchvision

    return torchvision.models.get_model(name, weights=None)


def disturb(model: torch.nn.Module) -> None:
    """Statistics, scales and shifts that are not their defaults, so that a reader that drops one is found out."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.6, 1.4)
            module.bias.data.normal_(0, 0.2)
        if isinstance(module, torch.nn.Linear):
            module.bias.data.normal_(0, 0.1)


def main(folder: Path, name: str, size: int, exporter: str) -> None:
    torch.manual_seed(1)
    model = create(name)
    disturb(model)
    model.eval()
    image = torch.randn(1, 3, size, size)
    with torch.no_grad():
        logits = model(image)[0]
    stem = f"{name}-{size}-{exporter}"
    dynamo = exporter == "dynamo"
    torch.onnx.export(model, (image,), str(folder / f"{stem}.onnx"), dynamo=dynamo, external_data=False, verbose=False)
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, folder / f"{stem}.safetensors")
    pixels = image[0].permute(1, 2, 0).flatten()
    record = {"image": pixels.tolist(), "logits": logits.tolist()}
    (folder / f"{stem}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])

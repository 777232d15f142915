"""Fine-tunes a whole pretrained EfficientNet-Lite0 on a folder of photographs in PyTorch: what recipe photos is compared with.

Usage: fine-tune.py WEIGHTS DIR [--seed N] [--epochs N] [--lr RATE], in a Python with timm and torchvision. WEIGHTS are
timm's, as models/ holds them; DIR has train/CLASS and test/CLASS. The test photographs are read once, after the last epoch.
"""

import argparse
import time

import timm
import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

parser = argparse.ArgumentParser()
parser.add_argument("weights")
parser.add_argument("folder")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--lr", type=float, default=0.01)
options = parser.parse_args()
torch.manual_seed(options.seed)

SIZE = 224
to_tensor = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
for_training = transforms.Compose(
    [
        transforms.RandomResizedCrop(SIZE, scale=(0.35, 1.0), interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(0.2, 0.2, 0.2),
        *to_tensor,
    ]
)
for_test = transforms.Compose(
    [
        transforms.Resize(SIZE, interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(SIZE),
        *to_tensor,
    ]
)
train = datasets.ImageFolder(f"{options.folder}/train", for_training)
batches = DataLoader(train, batch_size=32, shuffle=True, drop_last=True)
model = timm.create_model("tf_efficientnet_lite0", num_classes=1000, drop_rate=0.2, drop_path_rate=0.1)
model.load_state_dict({name: values.float() for name, values in load_file(options.weights).items()})
model.reset_classifier(len(train.classes))
model = model.to(memory_format=torch.channels_last)

decayed = [p for p in model.parameters() if p.ndim > 1]
others = [p for p in model.parameters() if p.ndim <= 1]
groups = [{"params": decayed, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0}]
optimizer = torch.optim.SGD(groups, options.lr, momentum=0.9, nesterov=True)
steps = options.epochs * len(batches)
schedule = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, options.lr, steps, pct_start=0.1, cycle_momentum=False, div_factor=10
)
criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
start = time.perf_counter()
for epoch in range(options.epochs):
    model.train()
    losses = []
    for images, labels in batches:
        optimizer.zero_grad()
        loss = criterion(model(images.contiguous(memory_format=torch.channels_last)), labels)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    print(f"epoch {epoch + 1}/{options.epochs}: loss {sum(losses) / len(losses):.3f}", flush=True)

model.eval()
test = datasets.ImageFolder(f"{options.folder}/test", for_test)
with torch.no_grad():
    hits = sum(
        (model(images).argmax(1) == labels).sum().item() for images, labels in DataLoader(test, batch_size=32)
    )
print(f"seed {options.seed}: {100 * hits / len(test):.2f} % of {len(test)} photographs, {time.perf_counter() - start:.0f} s")

"""The loop an engineer would write in PyTorch: one model at a time, DataLoader, Adam.

    python torch_loop.py examples.npz --batch 50 --epochs 6

reads `inputs` and `targets` (float32, leading axis: example) and prints one line of JSON.
"""

import argparse
import json
import statistics
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def network(inputs: int, outputs: int, width: int = 25, depth: int = 4) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in [inputs] + [width] * (depth - 1):
        layers += [nn.Linear(before, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def train_epoch(model, loader, optimiser, criterion) -> float:
    total = 0.0
    for inputs, targets in loader:
        optimiser.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimiser.step()
        total += loss.item()
    return total / len(loader)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("examples")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--threads", type=int, help="default: as many as PyTorch chooses")
    asked = parser.parse_args()

    if asked.threads:
        torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    arrays = np.load(asked.examples)
    examples = TensorDataset(
        torch.from_numpy(arrays["inputs"]), torch.from_numpy(arrays["targets"])
    )
    loader = DataLoader(examples, batch_size=asked.batch, shuffle=True, drop_last=True)
    model = network(arrays["inputs"].shape[1], arrays["targets"].shape[1])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    seconds, busy, loss = [], [], float("nan")
    for _ in range(asked.epochs):
        start, started = time.perf_counter(), time.process_time()
        loss = train_epoch(model, loader, optimiser, nn.MSELoss())
        seconds.append((time.perf_counter() - start) / len(loader))
        busy.append((time.process_time() - started) / len(loader))
    steps = [1e6 * s for s in seconds[1:] or seconds]  # the first epoch warms up
    print(
        json.dumps(
            {
                "peer": f"PyTorch {torch.__version__}",
                "threads": torch.get_num_threads(),
                "us_per_model_and_step": statistics.median(steps),
                "least": min(steps),
                "most": max(steps),
                "processor_time": 1e6 * statistics.median(busy[1:] or busy),
                "training_loss": loss,
            }
        )
    )


if __name__ == "__main__":
    main()

"""ResNets and MobileNetV2 in PyTorch, with the names of torchvision's modules, which is not installed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv, nn.BatchNorm2d(outputs)


class Act(nn.Module):
    """An activation that `smooth` replaces by one without kinks."""

    def __init__(self, kind: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        return self.kind(x)


def smooth(module: nn.Module) -> nn.Module:
    """The network with silu in the place of relu and relu6."""
    for part in module.modules():
        if isinstance(part, Act):
            part.kind = F.silu
    return module


class Residual(nn.Module):
    """A basic block, or with `bottleneck` one of three convolutions."""

    def __init__(self, inputs: int, channels: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        outputs = 4 * channels if bottleneck else channels
        if bottleneck:
            plan = [(inputs, channels, 1, 1), (channels, channels, 3, stride), (channels, outputs, 1, 1)]
        else:
            plan = [(inputs, channels, 3, stride), (channels, channels, 3, 1)]
        self.count = len(plan)
        for number, (one, other, kernel, step) in enumerate(plan, 1):
            conv, norm = conv_norm(one, other, kernel, step)
            self.add_module(f"conv{number}", conv)
            self.add_module(f"bn{number}", norm)
        same = stride == 1 and inputs == outputs
        self.downsample = None if same else nn.Sequential(*conv_norm(inputs, outputs, 1, stride))
        self.act = Act(F.relu)

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for number in range(1, self.count + 1):
            h = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(h))
            h = self.act(h) if number < self.count else h
        return self.act(h + (self.downsample(x) if self.downsample else x))


class ResNet(nn.Module):
    def __init__(self, depths: Sequence[int], bottleneck: bool, classes: int = 1000, width: int = 64) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_norm(3, width, 7, 2)
        inputs = width
        for stage, depth in enumerate(depths):
            channels, blocks = width * 2**stage, []
            for index in range(depth):
                blocks.append(Residual(inputs, channels, 2 if stage and not index else 1, bottleneck))
                inputs = 4 * channels if bottleneck else channels
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, classes)
        self.act = Act(F.relu)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.act(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, factor: int) -> None:
        super().__init__()
        hidden = inputs * factor
        widen = [nn.Sequential(*conv_norm(inputs, hidden, 1), Act(F.relu6))] if factor != 1 else []
        middle = nn.Sequential(*conv_norm(hidden, hidden, 3, stride, hidden), Act(F.relu6))
        self.conv = nn.Sequential(*widen, middle, *conv_norm(hidden, outputs, 1))
        self.same = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.same else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        plan = [
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ]
        parts: list[nn.Module] = [nn.Sequential(*conv_norm(3, 32, 3, 2), Act(F.relu6))]
        inputs = 32
        for factor, outputs, depth, stride in plan:
            for index in range(depth):
                parts.append(InvertedResidual(inputs, outputs, 1 if index else stride, factor))
                inputs = outputs
        parts.append(nn.Sequential(*conv_norm(inputs, 1280, 1), Act(F.relu6)))
        self.features = nn.Sequential(*parts)
        self.classifier = nn.Sequential(nn.Identity(), nn.Linear(1280, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


NETWORKS = {
    "resnet18": lambda: ResNet([2, 2, 2, 2], bottleneck=False),
    "resnet50": lambda: ResNet([3, 4, 6, 3], bottleneck=True),
    "mobilenet_v2": MobileNetV2,
}


def lived_in(module: nn.Module, images: Tensor) -> nn.Module:
    """The module as if it had been trained for a while: scales and offsets of its own, small where a block adds to its
    input, and the statistics of images."""
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.8, 1.2)
        nn.init.normal_(norm.bias, 0, 0.1)
        norm.momentum = None  # the mean over all batches
    for block in module.modules():
        if isinstance(block, Residual):
            nn.init.uniform_(getattr(block, f"bn{block.count}").weight, 0.1, 0.3)
        elif isinstance(block, InvertedResidual) and block.same:
            nn.init.uniform_(block.conv[-1].weight, 0.1, 0.3)
    module.train()
    with torch.no_grad():
        for part in images.split(8):
            module(part)
    for norm in norms:
        norm.momentum = 0.1
    return module

"""The hourglass of `handpose_cli.networks` and its training step in plain PyTorch: what `training.py` compares with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from handpose_cli.networks.hourglass.presets import Preset
from handpose_cli.records import NUM_JOINTS
from handpose_cli.training.settings import Settings

HAND_LOSS_WEIGHT = 0.3


def norm_relu_conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return nn.Sequential(nn.BatchNorm2d(inputs, eps=1e-3), nn.ReLU(inplace=True), conv)


def conv_norm_relu(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs, eps=1e-3), nn.ReLU(inplace=True))


def conv_relu(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.ReLU(inplace=True))


class Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, block: str):
        super().__init__()
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        if block == "preact":
            half = outputs // 2
            layers = norm_relu_conv(inputs, half, 1), norm_relu_conv(half, half, 3), norm_relu_conv(half, outputs, 1)
            self.after: nn.Module = nn.Identity()
        else:  # fixup
            last = nn.Conv2d(outputs, outputs, 3, padding=1)
            nn.init.zeros_(last.weight)
            layers = conv_relu(inputs, outputs, 3), last
            self.after = nn.ReLU(inplace=True)
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.after(self.shortcut(x) + self.layers(x))


class Hourglass(nn.Module):
    """Returns its output and what is at its bottom."""

    def __init__(self, widths, block: str):
        super().__init__()
        outer, inner = widths[:2]
        self.skip, self.down = Residual(outer, outer, block), Residual(outer, inner, block)
        self.nested = len(widths) > 2
        self.inner = Hourglass(widths[1:], block) if self.nested else Residual(inner, inner, block)
        self.up = Residual(inner, outer, block)

    def forward(self, x):
        y = self.inner(self.down(F.max_pool2d(x, 2)))
        y, bottom = y if self.nested else (y, y)
        return self.skip(x) + F.interpolate(self.up(y), scale_factor=2), bottom


class StackedHourglass(nn.Module):
    def __init__(self, preset: Preset):
        super().__init__()
        features = preset.features
        widths = [features] * (preset.order + 1) if isinstance(features, int) else list(features)
        width, block = widths[0], preset.block
        conv: Callable = conv_norm_relu if block == "preact" else conv_relu
        if block == "preact":
            narrow = max(width // 4, 16)
            stem = [
                conv(3, narrow, 7, 2), Residual(narrow, width // 2, block), nn.MaxPool2d(2),
                Residual(width // 2, width // 2, block), Residual(width // 2, width, block),
            ]  # fmt: skip
        else:
            narrow = max(width // 3, 16)
            stem = [conv(3, narrow, 3, 2), conv(narrow, width, 3, 2), Residual(width, width, block)]
        self.stem = nn.Sequential(*stem)
        many = range(preset.stacks)
        self.hourglasses = nn.ModuleList(Hourglass(widths, block) for _ in many)
        self.outs = nn.ModuleList(nn.Sequential(Residual(width, width, block), conv(width, width, 1)) for _ in many)
        self.heatmaps = nn.ModuleList(nn.Conv2d(width, NUM_JOINTS, 1) for _ in many)
        self.back_features = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in many[1:])
        self.back_heatmaps = nn.ModuleList(nn.Conv2d(NUM_JOINTS, width, 1) for _ in many[1:])
        self.hand = nn.Sequential(nn.Linear(widths[-1], 64), nn.ReLU(), nn.Linear(64, 2)) if preset.hand_head else None

    def forward(self, x):
        """Return each stack's maps, and the hand's logits or None."""
        x = self.stem(2 * x - 1)
        maps = []
        for i, (hourglass, out, heatmaps) in enumerate(zip(self.hourglasses, self.outs, self.heatmaps, strict=True)):
            y, bottom = hourglass(x)
            y = out(y)
            with torch.autocast("cpu", enabled=False):  # in float32, as in Keras
                maps.append(heatmaps(y.float()))
            if i < len(self.back_features):
                x = x + self.back_features[i](y) + self.back_heatmaps[i](maps[-1])
        return maps, None if self.hand is None else self.hand(bottom.mean(dim=(2, 3)))


def parameters(model: nn.Module) -> int:
    """Count them as Keras does: the batch norms' running averages too."""
    buffers = sum(b.numel() for name, b in model.named_buffers() if "running" in name)
    return buffers + sum(p.numel() for p in model.parameters())


def map_loss(maps: torch.Tensor, joints: torch.Tensor, preset: Preset) -> torch.Tensor:
    """`training.loss` on maps [n, joints, side, side] and joints [n, joints, 3]."""
    grid = torch.arange(maps.shape[-1], dtype=torch.float32)
    bells = torch.exp(-((grid - joints[..., :2, None]) ** 2) / (2 * preset.sigma**2))
    goal = bells[:, :, 1, :, None] * bells[:, :, 0, None, :]
    weight = joints[..., 2]
    if preset.loss == "mse":
        error = ((goal - maps) ** 2).mean(dim=(2, 3))
    else:
        mass = goal.sum(dim=(2, 3))
        error = maps.logsumexp(dim=(2, 3)) - (goal * maps).sum(dim=(2, 3)) / mass.clamp(min=1e-6)
        weight = weight * (mass > preset.sigma**2)
    return ((error * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1e-6)).mean()


def make_step(model: nn.Module, settings: Settings) -> Callable[..., float]:
    """Return a function that trains on one batch of NumPy arrays, as `RandomCrops` gives them, and returns the loss."""
    preset, weights = settings.network, list(model.parameters())
    averages = [w.detach().clone() for w in weights] if settings.ema else []
    if settings.optimizer == "adamw":
        optimizer: torch.optim.Optimizer = torch.optim.AdamW(
            weights, settings.learning_rate, weight_decay=0.004, eps=1e-7, fused=True
        )
    else:
        optimizer = torch.optim.RMSprop(weights, settings.learning_rate, alpha=0.9, eps=1e-7, foreach=True)

    def step(crops, joints, hands) -> float:
        images, joints, hands = (torch.from_numpy(a) for a in (crops, joints, hands))
        # NHWC seen as NCHW is PyTorch's channels_last
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "mixed_bfloat16"):
            maps, hand = model(images.permute(0, 3, 1, 2))
        loss = sum(map_loss(m, joints, preset) for m in maps)
        if hand is not None:
            error = F.binary_cross_entropy_with_logits(hand.float(), hands[:, 0::2], hands[:, 1::2], reduction="none")
            loss = loss + HAND_LOSS_WEIGHT * error.sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        if settings.optimizer == "adamw":
            nn.utils.clip_grad_norm_(weights, 1.0, foreach=True)
        optimizer.step()
        if averages:
            torch._foreach_lerp_(averages, weights, 1 - settings.ema)
        return loss.item()

    return step

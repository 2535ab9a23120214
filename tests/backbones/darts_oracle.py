"""The evaluation networks as the original code lays their weights out: a plain oracle of names and of outputs.

Written from the papers and the published names of the authors' checkpoints; no module of this project is used.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from backbones.genotype import Genotype


def conv(c_in: int, c_out: int, kernel, stride=1, padding=0, dilation: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, kernel, stride, padding, dilation, groups, bias=False)


class Op(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.op = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)


class Reduce(nn.Module):
    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv_1 = conv(c_in, c_out // 2, 1, 2)
        self.conv_2 = conv(c_in, c_out // 2, 1, 2)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        x = x.relu()
        return self.bn(torch.cat([self.conv_1(x), self.conv_2(x[:, :, 1:, 1:])], 1))


def preprocess(c_in: int, c: int) -> Op:
    return Op(nn.ReLU(), conv(c_in, c, 1), nn.BatchNorm2d(c))


def operation(name: str, c: int, stride: int) -> nn.Module:
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else Reduce(c, c)
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, 1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    if name == "conv_7x1_1x7":
        return nn.Sequential(
            nn.ReLU(),
            conv(c, c, (1, 7), (1, stride), (0, 3)),
            conv(c, c, (7, 1), (stride, 1), (3, 0)),
            nn.BatchNorm2d(c),
        )
    kernel = int(name[-1])
    if name.startswith("dil_conv"):
        return Op(nn.ReLU(), conv(c, c, kernel, stride, kernel - 1, 2, c), conv(c, c, 1), nn.BatchNorm2d(c))
    half = kernel // 2
    return Op(
        nn.ReLU(),
        conv(c, c, kernel, stride, half, 1, c),
        conv(c, c, 1),
        nn.BatchNorm2d(c),
        nn.ReLU(),
        conv(c, c, kernel, 1, half, 1, c),
        conv(c, c, 1),
        nn.BatchNorm2d(c),
    )


class Cell(nn.Module):
    def __init__(self, genotype: Genotype, c_pp: int, c_p: int, c: int, reduction: bool, after: bool) -> None:
        super().__init__()
        self.preprocess0 = Reduce(c_pp, c) if after else preprocess(c_pp, c)
        self.preprocess1 = preprocess(c_p, c)
        self.edges = genotype.reduce if reduction else genotype.normal
        self.concat = genotype.reduce_concat if reduction else genotype.normal_concat
        self._ops = nn.ModuleList(operation(n, c, 2 if reduction and i < 2 else 1) for n, i in self.edges)

    def forward(self, s0: Tensor, s1: Tensor) -> Tensor:
        states = [self.preprocess0(s0), self.preprocess1(s1)]
        for k in range(0, len(self.edges), 2):
            states.append(sum(self._ops[j](states[self.edges[j][1]]) for j in (k, k + 1)))
        return torch.cat([states[i] for i in self.concat], 1)


class Auxiliary(nn.Module):
    def __init__(self, c: int, classes: int, stride: int, norm: bool) -> None:
        super().__init__()
        last = [nn.BatchNorm2d(768)] if norm else []
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(5, stride, count_include_pad=False),
            conv(c, 128, 1),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            conv(128, 768, 2),
            *last,
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class Original(nn.Module):
    """`stem` or `stem0` and `stem1`, `cells.N._ops.K`, `auxiliary_head`, `classifier`."""

    def __init__(self, genotype: Genotype, c: int, layers: int, classes: int, imagenet: bool) -> None:
        super().__init__()
        self.imagenet = imagenet
        if imagenet:
            self.stem0 = nn.Sequential(
                conv(3, c // 2, 3, 2, 1), nn.BatchNorm2d(c // 2), nn.ReLU(), conv(c // 2, c, 3, 2, 1), nn.BatchNorm2d(c)
            )
            self.stem1 = nn.Sequential(nn.ReLU(), conv(c, c, 3, 2, 1), nn.BatchNorm2d(c))
            c_pp, c_p, after = c, c, True
        else:
            self.stem = nn.Sequential(conv(3, 3 * c, 3, 1, 1), nn.BatchNorm2d(3 * c))
            c_pp, c_p, after = 3 * c, 3 * c, False
        self.cells = nn.ModuleList()
        self.place = 2 * layers // 3
        for i in range(layers):
            reduction = i in (layers // 3, self.place)
            c *= 2 if reduction else 1
            cell = Cell(genotype, c_pp, c_p, c, reduction, after)
            self.cells.append(cell)
            after, c_pp, c_p = reduction, c_p, c * len(cell.concat)
            if i == self.place:
                self.auxiliary_head = Auxiliary(c_p, classes, 2 if imagenet else 3, not imagenet)
        self.classifier = nn.Linear(c_p, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Logits, auxiliary logits, and the output of every cell."""
        s0 = self.stem0(x) if self.imagenet else self.stem(x)
        s1 = self.stem1(s0) if self.imagenet else s0
        maps = []
        for cell in self.cells:
            s0, s1 = s1, cell(s0, s1)
            maps.append(s1)
        return self.classifier(s1.mean((2, 3))), self.auxiliary_head(maps[self.place]), maps

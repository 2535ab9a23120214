from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from backbones.genotype import SEARCH_OPERATIONS
from search.data.settings import Proxy
from search.loop import bilevel as bilevel_module
from search.loop.bilevel import Bilevel
from search.loop.curvature import largest_eigenvalue
from search.space import SearchSpace
from search.supernet import ReferenceSuperNet, SuperNet
from search.supernet.twins import give_weights

PROXY = Proxy(root="nowhere", image_size=8, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))


def test_of_a_quadratic_form() -> None:
    """The largest, not the largest in magnitude: that of the negative form is another one."""
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(12, 12, generator=generator, dtype=torch.float64)
    matrix = matrix + matrix.t()
    values = np.linalg.eigvalsh(matrix.numpy())
    parameters = [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in ((2, 3), (6,))]
    for sign, expected in ((1, values[-1]), (-1, -values[0])):
        flat = torch.cat([each.flatten() for each in parameters])
        loss = sign * flat @ matrix @ flat / 2
        assert largest_eigenvalue(loss, parameters) == pytest.approx(expected)


@pytest.mark.parametrize("arithmetic", ["moments", "stacked"])
def test_of_a_supernet_is_that_of_the_whole_hessian(arithmetic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the plain supernet in float64, row by row through a second backward pass; nothing else changes."""
    torch.manual_seed(0)
    space = SearchSpace.full(1, SEARCH_OPERATIONS)
    net = SuperNet(space, 4, 3, 3, arithmetic=arithmetic).double()  # type: ignore[arg-type]
    reference = ReferenceSuperNet(space, 4, 3, 3).double()
    give_weights(net, reference)
    images = torch.randint(0, 256, (8, 3, 8, 8), dtype=torch.uint8)
    batch = {"architecture_images": images, "architecture_labels": torch.arange(8) % 3}
    monkeypatch.setattr(bilevel_module, "prepare", lambda images, how, training: images.double() / 128 - 1)
    alphas = [reference.alpha_normal, reference.alpha_reduce]
    loss = F.cross_entropy(reference(images.double() / 128 - 1), batch["architecture_labels"])
    flat = torch.cat([each.flatten() for each in torch.autograd.grad(loss, alphas, create_graph=True)])
    rows = [
        torch.cat([each.flatten() for each in torch.autograd.grad(value, alphas, retain_graph=True)]) for value in flat
    ]
    expected = np.linalg.eigvalsh(torch.stack(rows).numpy())[-1]
    model = Bilevel(net, PROXY).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert model.curvature(batch) == pytest.approx(expected, rel=1e-3)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())

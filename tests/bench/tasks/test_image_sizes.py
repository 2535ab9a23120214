"""Models of timm that take images of one size only are refused before they are trained on others."""

from __future__ import annotations

import pytest
import torch

from backbones.design import TimmModel
from backbones.errors import InputError
from backbones.timm_backbone import TimmBackbone, confirm_size, create
from bench.classification.model import build_network
from bench.classification.settings import ClassificationSettings
from bench.detection.pyramid import probe
from bench.reid.model import build_pcb, measure_costs
from bench.reid.schema import ReidConfig
from bench.tasks.architectures import resolve
from bench.tasks.registry import load_protocol
from search.configs import parse

FIXED = "swin_tiny_patch4_window7_224"


def test_a_classifier() -> None:
    _, protocol = load_protocol("classification/digits")
    settings = parse(ClassificationSettings, protocol.config, "digits")
    for name, said in (("vit_tiny_patch16_224", r"Input height \(32\)"), ("inception_v3", "too small|greater than")):
        with pytest.raises(
            InputError, match=rf"^timm:{name}: takes no images of 3 x 32 x 32: .*{said}.*; timm configures it for 3 x "
        ):
            build_network(TimmModel(name), settings, 16, 10)
    build_network(TimmModel("resnet18"), settings, 16, 10)


def test_a_re_identifier() -> None:
    _, protocol = load_protocol("reid/digits_p3", ["last_stride=2"])
    config = parse(ReidConfig, protocol.config, "digits")
    with pytest.raises(InputError, match=rf"^timm:{FIXED}: takes no images of 3 x 96 x 32: Input height"):
        build_pcb(config, TimmModel(FIXED), 10)


def test_a_detector_s_backbone() -> None:
    with torch.device("meta"):
        backbone = TimmBackbone(FIXED)
        assert probe(backbone, 224)[0] == (28, 14, 7)
        with pytest.raises(InputError, match=rf"^timm:{FIXED}: takes no images of 3 x 128 x 128: Input height"):
            probe(backbone, 128)


def test_a_network_that_asks_for_gradients_is_no_question_of_size() -> None:
    network = create("pit_ti_224")
    assert confirm_size(network, (3, 224, 224), "pit_ti_224").params == sum(
        each.numel() for each in network.parameters()
    )
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_the_paper_s_count_is_left_out_where_its_size_is_refused() -> None:
    """Table 5 counts at 224 x 224."""
    _, protocol = load_protocol("reid/digits_p3", ["last_stride=2", "height=160", "width=160"])
    config = parse(ReidConfig, protocol.config, "digits")
    pcb = build_pcb(config, TimmModel("test_coatnet"), 10)
    costs = measure_costs(pcb, config, TimmModel("test_coatnet"))
    assert costs.unchanged is None
    assert costs.whole.macs > costs.backbone.macs > 0


@pytest.mark.parametrize(("task", "options"), [("classification/digits", []), ("reid/digits_p3", ["last_stride=2"])])
def test_a_workload_is_refused_alike(task: str, options: list[str]) -> None:
    """What `run --plan` counts before anything is run."""
    found, protocol = load_protocol(task, options)
    with pytest.raises(
        InputError, match=rf"^timm:{FIXED}: takes no images of 3 x .*; timm configures it for 3 x 224 x 224"
    ):
        found.workload(protocol, resolve(f"timm:{FIXED}"), {"train images": 10})


def test_the_network_is_not_changed() -> None:
    network = create("resnet18").train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    confirm_size(network, (3, 64, 32), "resnet18")
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())

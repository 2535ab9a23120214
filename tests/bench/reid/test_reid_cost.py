"""What a re-identifier costs, as it was run and as P-DARTS Table 5 counts it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from backbones.cost import measure
from bench.records.store import read_record
from bench.reid.model import Costs, backbone_of, build_pcb, measure_costs
from bench.reid.schema import ReidConfig
from bench.tables.rows import measured_rows
from bench.tasks.architectures import resolve
from bench.tasks.metrics import METRICS
from bench.tasks.registry import load_protocol

FIRST = Path(__file__).parents[1] / "records/shapes/1-first/records/reid"


def costs_of(arch: str, protocol: str = "reid/market1501_p3") -> tuple[Costs, ReidConfig]:
    config = ReidConfig.model_validate(load_protocol(protocol, [])[1].config)
    design = resolve(arch).design
    with torch.device("meta"):
        pcb = build_pcb(config, design, identities=751)
    return measure_costs(pcb, config, design), config


@pytest.mark.parametrize(("arch", "printed"), [("PDARTS", 556), ("timm:resnet50", 4120)])
def test_the_unchanged_backbone_has_the_multiply_adds_of_table_5(arch: str, printed: int) -> None:
    costs, _ = costs_of(arch)
    # ResNet-50's are printed in tens.
    assert costs.unchanged.published_macs / 1e6 == pytest.approx(printed, abs=0.5 if printed < 1000 else 5)


def test_the_run_s_own_stand_beside_it() -> None:
    costs, config = costs_of("PDARTS")
    assert (config.height, config.width, config.last_stride) == (384, 128, 1)
    assert costs.backbone == measure(backbone_of(config, resolve("PDARTS").design), (3, 384, 128))
    # An area of 49,152 pixels for 50,176, but four times as many in the last cells.
    assert costs.backbone.published_macs > costs.unchanged.published_macs
    assert costs.backbone.params == costs.unchanged.params
    assert costs.whole.params > costs.backbone.params


def test_a_record_from_before_it_was_counted_has_a_hole() -> None:
    (file,) = FIRST.rglob("seed*.json")
    record = read_record(file)
    assert record.cost.unchanged is None
    (row,) = measured_rows([record], METRICS["reid"])
    assert "macs_m" not in row.numbers
    assert record.cost.published_macs is not None
    assert row.numbers["run_macs_m"].value == record.cost.published_macs / 1e6

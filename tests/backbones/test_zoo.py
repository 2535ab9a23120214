from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import backbones
from backbones import zoo
from backbones.errors import InputError
from backbones.networks import CifarNetwork, ImageNetNetwork

#: SHA-256 of the canonical JSON of each genotype as its authors published it.
DIGESTS = {
    "DARTS_V1": "9db41c3b11f1dfb70db6c94731c95dd28114a10ebf165a39df4738d64e79a633",
    "DARTS_V2": "75f8a66573116494313081b39201ba864f3cf7ce691d3a18615406e7d5fb2f73",
    "PC_DARTS_cifar": "2349ec4e514c93530bdf2dd5be857ed14d26e9799f8f3f0b1ea4f6694e713966",
    "PC_DARTS_image": "249a6698600713b293dc6901ed037064534dfaca5ec4d74dfd971a7819f45a38",
    "PDARTS": "936c50b4af45ffc0cf835725a0a24948cbc1c28f88b0da8d0cc50326d84da6ed",
    "NASNet": "6adc2ab0349bbcfff7606b5af87b9ba3d3443c3d41c19a1d130b409bbda90c83",
    "AmoebaNet": "7ff666347be4950ce07b3e1e806c0ef16928601a7c0ac2d1c36c1e8a9d9b4724",
    "SNAS_mild": "56c8082040badeb94257cb86429c752669401d716cb601faf17ded263340fad1",
    "GDAS_V1": "09ba04cc1631072514bfe04867f032931d01d770067c4e581e2cbf1088882018",
    "DrNAS_cifar10": "213d2973f83cc1700f693a82be11e8e9665e932c306cac9a90cfb66f638a815f",
    "DrNAS_imagenet": "398cf01829ff0922bb4d3b56daabe92ef3ff5ca558f2a57fc8e506322f4c1440",
    "TENAS_imagenet": "b37f28fd426542416835f86018ce175ea3d8eaedc19bd516c81b862f390c97e5",
    "SGAS_Cri1_CIFAR_3": "a65d6b411a07b7eca2c5abc3c4f2e6d5114b6c7b81e96dcecd52729cd4d9f9bc",
}

#: The papers' tables, typed from their pages: every row of an architecture in the zoo; `-` where a row has no number.
#: AmoebaNet-B and -C, SNAS (moderate, aggressive) and P-DARTS of CIFAR-100 or ImageNet are other architectures.
TABLES = {
    ("PC-DARTS", "Table 1"): """
        zoo             cifar10_error  cifar10_error_std  params_m  search_gpu_days
        NASNet          2.65           -                  3.3       1800
        DARTS_V1        3.00           0.14               3.3       0.4
        DARTS_V2        2.76           0.09               3.3       1
        PDARTS          2.50           -                  3.4       0.3
        PC_DARTS_cifar  2.57           0.07               3.6       0.1
    """,
    ("PC-DARTS", "Table 2"): """
        zoo             imagenet_top1_error  imagenet_top5_error  params_m  multiply_adds_m  search_gpu_days
        NASNet          26.0                 8.4                  5.3       564              1800
        DARTS_V2        26.7                 8.7                  4.7       574              4.0
        SNAS_mild       27.3                 9.2                  4.3       522              1.5
        PDARTS          24.4                 7.4                  4.9       557              0.3
        PC_DARTS_cifar  25.1                 7.8                  5.3       586              0.1
        PC_DARTS_image  24.2                 7.3                  5.3       597              3.8
    """,
    ("P-DARTS", "Table 1"): """
        zoo             network  cifar10_error  cifar100_error  params_m  search_gpu_days
        NASNet          -        2.65           -               3.3       1800
        AmoebaNet       -        3.34           -               3.2       3150
        DARTS_V1        -        3.00           17.76           3.3       1.5
        DARTS_V2        -        2.76           17.54           3.3       4.0
        SNAS_mild       -        2.98           -               2.9       1.5
        PDARTS          -        2.50           17.20           3.4       0.3
        PDARTS          large    2.25           15.27           10.5      0.3
    """,
    ("P-DARTS", "Table 3"): """
        zoo             imagenet_top1_error  imagenet_top5_error  params_m  multiply_adds_m  search_gpu_days
        NASNet          26.0                 8.4                  5.3       564              1800
        AmoebaNet       25.5                 8.0                  5.1       555              3150
        DARTS_V2        26.7                 8.7                  4.7       574              4.0
        SNAS_mild       27.3                 9.2                  4.3       522              1.5
        PC_DARTS_cifar  25.1                 7.8                  5.3       586              0.1
        PC_DARTS_image  24.2                 7.3                  5.3       597              3.8
        PDARTS          24.4                 7.4                  4.9       557              0.3
    """,
}
ERRORS = {"cifar10_error", "cifar100_error", "imagenet_top1_error", "imagenet_top5_error"}
NUMBERS = ERRORS | {"cifar10_error_std", "params_m", "multiply_adds_m", "search_gpu_days"}
#: The rows' sizes are those of other networks; each entry's note says so.
OTHER_SIZES = {"NASNet", "AmoebaNet", "DARTS_V1", "SNAS_mild"}


def rows_of(name: str) -> list[dict[str, str | float]]:
    """The rows of `TABLES` for an architecture, as the zoo has them."""
    rows = []
    for (paper, where), table in TABLES.items():
        header, *lines = (line.split() for line in table.strip().splitlines())
        for line in lines:
            row = dict(zip(header, line, strict=True))
            if row.pop("zoo") == name:
                numbers = {key: float(value) if key in NUMBERS else value for key, value in row.items() if value != "-"}
                rows.append({"paper": paper, "where": where, **numbers})
    return rows


def test_holds_the_published_genotypes_and_no_other() -> None:
    assert {name: zoo.get(name).genotype.digest for name in zoo.names()} == DIGESTS
    assert list(zoo.names()) == sorted(DIGESTS)


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_every_entry_says_where_it_is_from(name: str) -> None:
    entry = zoo.get(name)
    assert entry.name == name
    assert entry.source
    assert entry.citation


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_the_published_numbers_are_the_tables(name: str) -> None:
    assert list(zoo.get(name).published) == rows_of(name)


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_a_published_row_has_known_keys_and_positive_numbers(name: str) -> None:
    for row in zoo.get(name).published:
        assert row.keys() <= NUMBERS | {"paper", "where", "network"}
        assert {"paper", "where", "params_m", "search_gpu_days"} <= row.keys()
        assert row.keys() & ERRORS
        assert row.get("network", "large") == "large"
        numbers = [row[key] for key in row.keys() & NUMBERS]
        assert all(type(number) in (int, float) and math.isfinite(number) and number > 0 for number in numbers)
        assert all(row[key] < 100 for key in row.keys() & ERRORS)


@pytest.mark.parametrize("name", [name for name in zoo.names() if zoo.get(name).published])
def test_a_published_row_is_of_a_network_of_that_size(name: str) -> None:
    entry = zoo.get(name)
    for row in entry.published:
        network: CifarNetwork | ImageNetNetwork
        with torch.device("meta"):
            if "imagenet_top1_error" in row:
                network = ImageNetNetwork(entry.genotype, auxiliary=False)
            else:
                channels = 64 if "network" in row else 36
                network = CifarNetwork(entry.genotype, channels=channels, auxiliary=False)
        size = round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1)
        assert (size != row["params_m"]) == (name in OTHER_SIZES)
    assert any(word in entry.note for word in ("size", "parameters")) == (name in OTHER_SIZES)


def test_nobody_can_change_what_others_read() -> None:
    with pytest.raises(TypeError):
        zoo.get("PDARTS").published[0]["cifar10_error"] = 0.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("asked", "hint"), [("PDART", "'PDARTS'"), ("DARTS_v2", "'DARTS_V2'"), ("zzz", "PDARTS"), ("x" * 10_000, "PDARTS")]
)
def test_an_unknown_name_gets_the_nearest(asked: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        zoo.get(asked)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["../zoo/PDARTS", "PDARTS.json", "", "__init__"])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(InputError):
        zoo.get(name)


def test_a_name_a_literal_or_an_object_stands_for_a_genotype() -> None:
    from backbones import CellBackbone, CifarNetwork, ImageNetNetwork, build_backbone, build_classifier, drawing
    from backbones.build import design_of

    genotype = zoo.get("PDARTS").genotype
    for given in ("PDARTS", str(genotype), json.dumps(genotype.to_json()), genotype.to_json(), genotype):
        assert zoo.genotype_of(given) == genotype
    with torch.device("meta"):
        kinds: list[Callable[[Any], nn.Module]] = [
            lambda of: CellBackbone(of, 4, 3),
            lambda of: CifarNetwork(of, 4, 3),
            lambda of: ImageNetNetwork(of, 4, 3),
            lambda of: build_backbone(of, channels=4, layers=3),
            lambda of: build_classifier(of, "cifar", 4, 3, 10, False),
        ]
        for build in kinds:
            named, given = (build(of) for of in ("PDARTS", genotype))
            assert str(named) == str(given)
    assert drawing.svg("PDARTS") == drawing.svg(genotype)
    assert design_of("timm:resnet18") == backbones.TimmModel("resnet18")
    with pytest.raises(InputError, match="did you mean 'PDARTS'"):
        CellBackbone("PDART")
    with pytest.raises(InputError, match="not int"):
        zoo.genotype_of(3)  # type: ignore[arg-type]

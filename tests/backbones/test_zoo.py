from __future__ import annotations

import pytest

from backbones import zoo
from backbones.errors import InputError

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


def test_holds_the_published_genotypes_and_no_other() -> None:
    assert {name: zoo.get(name).genotype.digest for name in zoo.names()} == DIGESTS
    assert list(zoo.names()) == sorted(DIGESTS)


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_every_entry_says_where_it_is_from(name: str) -> None:
    entry = zoo.get(name)
    assert entry.name == name
    assert entry.source
    assert entry.citation
    for row in entry.published:
        assert row["paper"]
        assert row["where"]


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

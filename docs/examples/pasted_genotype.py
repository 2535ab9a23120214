"""A genotype pasted from somewhere as the backbone of an SSD detector on the embedded digits.

The literal is the one of DARTS' repository. It is parsed, never evaluated.
"""

import bench
from backbones import Genotype

#: What changes the protocol, such as `train_cfg.max_epochs=1`; its runs are then marked as reduced.
OPTIONS: list[str] = []

PASTED = """
DARTS_V2 = Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5],
reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0),
('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])
"""


def main() -> None:
    genotype = Genotype.parse(PASTED)
    # Its digest is its identity: two spellings of one genotype have the same.
    print(f"{genotype.digest[:12]}: {genotype.skip_count} skip connections in the normal cell")
    (record,) = bench.evaluate(genotype, "detection/digits_ssd", options=OPTIONS)
    for name, metric in record.metrics.items():
        print(f"{name:6} {metric.value:6.2f} {metric.unit}")
    print(f"{record.cost.params / 1e6:.2f} M parameters; the record is results/records/{record.name}.json")
    print(bench.table("detection", origin="measured"))


if __name__ == "__main__":
    main()

"""A cell backbone in an MMDetection config of your own, trained by mmengine's Runner on the embedded digits.

The config is `my_retinanet.py` beside this file. MMDetection's `tools/train.py` takes it as it is, where wildnas is
installed.
"""

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from bench import api

CONFIG = Path(__file__).with_name("my_retinanet.py")


def main(**changes: object) -> None:
    """Train and score; `changes` are of the config, such as `train_cfg={"max_epochs": 1}`."""
    root = api.make_digits()
    config = Config.fromfile(str(CONFIG))
    config.work_dir = "work/my_retinanet"
    config.merge_from_dict(changes)
    runner = Runner.from_cfg(config)
    runner.train()
    backbone = runner.model.backbone
    print(f"{type(backbone).__name__} of {config.model.backbone.genotype} under {type(runner.model).__name__}, {root}")
    # After so little training there may be no detection at all, and then there is no score.
    scores = runner.message_hub.log_scalars
    for key in sorted(key for key in scores if key.startswith("val/coco/")):
        print(f"{key} {scores[key].current():.4f}")


if __name__ == "__main__":
    main()

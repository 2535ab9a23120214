from bench.detection.pairs import restore_pairs


def test_pairs_of_transforms_are_tuples_again_and_nothing_else_is() -> None:
    pipeline = [
        {"type": "Resize", "scale": [1333, 800], "keep_ratio": True},
        {"type": "RandomChoiceResize", "scales": [[1333, 640], [1333, 800]]},
        {"type": "Expand", "mean": [1.0, 2.0], "ratio_range": [1, 4]},
        {"type": "RandomFlip", "prob": [0.3, 0.2], "direction": ["horizontal", "vertical"]},
    ]
    found = restore_pairs({"dataset": {"pipeline": pipeline}, "scale": 320})
    resize, choice, expand, flip = found["dataset"]["pipeline"]
    assert resize == {"type": "Resize", "scale": (1333, 800), "keep_ratio": True}
    assert choice["scales"] == [(1333, 640), (1333, 800)]
    assert expand == {"type": "Expand", "mean": [1.0, 2.0], "ratio_range": (1, 4)}
    assert flip == pipeline[3]
    assert found["scale"] == 320
    assert pipeline[0]["scale"] == [1333, 800]

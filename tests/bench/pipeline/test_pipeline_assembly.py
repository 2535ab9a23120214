"""From a config to stages: what is shared, what is refused, and the papers' pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbones.errors import InputError
from bench.pipeline.assembly import Pipeline, load_pipeline
from bench.pipeline.stages import Best, PipelineStage
from search.configs import config_names


def written(folder: Path, text: str) -> Pipeline:
    (folder / "mine.py").write_text(f"task = 'pipeline'\n{text}\n")
    return load_pipeline(str(folder / "mine.py"))


def by_protocol(pipeline: Pipeline) -> dict[str, int]:
    names = [stage.protocol.name for stage in pipeline.stages.values()]
    return {name: names.count(name) for name in names}


def test_methods_proxies_and_seeds_multiply(tmp_path: Path) -> None:
    pipeline = written(
        tmp_path,
        """
searches = ['search/digits_pc_darts', 'search/digits_p_darts']
seeds = [0, 1, 2]
baselines = ['PDARTS', 'timm:mobilenetv2_100']
random_baselines = 2
retrain = ['classification/digits', 'classification/digits_selection']
transfers = [dict(protocol='reid/digits_p3', weights='classification/digits')]
""",
    )
    # 2 methods x 3 seeds, 2 + 2 baselines x 3 seeds: 18 architectures under 3 protocols.
    counts = by_protocol(pipeline)
    assert counts == {
        "search/digits_pc_darts": 3,
        "search/digits_p_darts": 3,
        "classification/digits": 18,
        "classification/digits_selection": 18,
        "reid/digits_p3": 18,
    }
    titles = list(pipeline.stages)
    for title, stage in pipeline.stages.items():
        assert all(titles.index(need) < titles.index(title) for need in stage.needs)
        if stage.protocol.name == "reid/digits_p3":
            assert isinstance(stage.weights, PipelineStage)
            assert stage.weights.protocol.name == "classification/digits"
            assert stage.weights.source == stage.source


def test_one_of_several_goes_on_and_only_the_drawn_one_is_searched(tmp_path: Path) -> None:
    common = "searches = ['search/digits_pc_darts']\nseeds = [0, 1, 2, 3, 4]\nretrain = 'classification/digits'\n"
    best = written(tmp_path, common + "select = 'best'\nselection_protocol = 'classification/digits_selection'\n")
    assert by_protocol(best) == {
        "search/digits_pc_darts": 5,
        "classification/digits_selection": 5,
        "classification/digits": 1,
    }
    (retrained,) = (stage for stage in best.stages.values() if stage.protocol.name == "classification/digits")
    assert isinstance(retrained.source, Best)
    # It waits for all searches and all validations.
    assert len(retrained.needs) == 10
    drawn = written(tmp_path, common + "select = 'random'\n")
    assert by_protocol(drawn) == {"search/digits_pc_darts": 1, "classification/digits": 1}
    assert list(drawn.stages) == list(written(tmp_path, common + "select = 'random'\n").stages)


def test_parts_share_what_they_have_in_common(tmp_path: Path) -> None:
    pipeline = written(
        tmp_path,
        """
parts = [
    dict(searches=['search/digits_pc_darts'], retrain='classification/digits'),
    dict(searches=[dict(protocol='search/digits_pc_darts', seeds=[0, 1])], retrain='classification/digits'),
    'pipelines/digits',
]
""",
    )
    assert by_protocol(pipeline)["search/digits_pc_darts"] == 2
    # Two found by PC-DARTS, one by P-DARTS, three random ones.
    assert by_protocol(pipeline)["classification/digits"] == 6
    # What a named pipeline expects is known.
    assert pipeline.expected["search/digits_p_darts"].device == "CPU"


def test_options_reach_every_protocol_of_their_task(tmp_path: Path) -> None:
    pipeline = written(
        tmp_path,
        """
searches = [dict(protocol='search/digits_p_darts', options={'stages.1.skip_dropout': 0.1})]
retrain = 'classification/digits'
options = {'search': {'batch_size': 32}, 'classification': {'execution.precision': 'bf16'}}
""",
    )
    search, retrained = pipeline.stages.values()
    assert search.source is None
    assert search.protocol.config["batch_size"] == 32
    assert search.protocol.config["stages"][1]["skip_dropout"] == 0.1
    # A changed search is marked; how a network is computed is no change of the protocol.
    assert search.protocol.reasons(False) == ("option batch_size=32", "option stages.1.skip_dropout=0.1")
    assert retrained.protocol.config["execution"]["precision"] == "bf16"
    assert retrained.protocol.reasons(False) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("searches = ['search/digits_pc_darts']\nselect = 'best'", "selection_protocol is missing"),
        ("select = 'bets'", "select"),
        (
            "baselines = ['PDARTS']\nretrain = 'detection/digits_ssd'",
            "expected a classification protocol",
        ),
        ("baselines = ['PDARTS']\nretrain = 'classification/digit'", "did you mean 'classification/digits'"),
        ("searches = ['search/digits']", "did you mean 'search/digits_"),
        ("options = {'serch': {}}", "'serch': no such task"),
        ("retrian = 'x'", "did you mean 'retrain'"),
        ("retrain = 'classification/digits'", "has no stages; expected 'searches' or 'baselines'"),
        (
            "baselines = ['PDARTS']\nretrain = ['classification/digits', 'classification/digits_selection']\n"
            "transfers = ['reid/digits_p3']",
            "could start from several of 'retrain'",
        ),
        (
            "baselines = ['PDARTS']\nretrain = 'classification/digits'\n"
            "transfers = [dict(protocol='reid/digits_p3', weights='classification/cifar10')]",
            "is not in 'retrain'",
        ),
        ("searches = [dict(protocol='search/digits_pc_darts', after_stages=[2])]", "'after_stages': 2"),
        (
            "parts = [dict(baselines=['PDARTS'], retrain='classification/digits', transfers=['reid/digits_p3']),"
            "dict(baselines=['PDARTS'], retrain='classification/digits_selection', transfers=['reid/digits_p3'])]",
            "starts from two different weights",
        ),
    ],
)
def test_a_config_that_cannot_be_used_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        written(tmp_path, text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pipeline_is_no_part_of_itself(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a part of itself"):
        written(tmp_path, f"parts = [{str(tmp_path / 'mine.py')!r}]")


#: Stages by kind of protocol, counted by hand in the papers: searches, and what is trained of what they find.
PAPERS = {
    # Table 1 and 2 (5 searches, 5 validations, the best twice), DARTS (2 + 1), ImageNet (1 search, 1 training, SSD 1);
    # Table 3 adds 3 x 5 searches on CIFAR-10 and 3 on ImageNet; Fig. 3 adds K = 2 and 8; Table 4 two methods x 5 seeds
    # and three methods x 5 changes. The best of five is trained as one of Table 4's five anyway, but is told apart.
    # Table 5's other backbones: VGG-16 at 300 and 512, three of SSDLite. 4.2: P-DARTS, with partial channels, too.
    "pipelines/pc_darts_paper": {"search": 5 + 1 + 15 + 3 + 2 + 10 + 15 + 2, "detection": 1 + 2 + 3, "reid": 0},
    # C10, C100, ImageNet; C10 twice more for Table 2; random space x 3, fixed depth; no dropout, 0/.3/.6 with seeds 0
    # to 3. DARTS of both orders x 3 (4.3) and on C100 (5.1.1); regularised DARTS (5.2.3); 8 cells first (5.1.1) and
    # carried α (footnote 1); fixed width on ImageNet (5.3.1) and growing width on C10 (5.2.4). SSD320 and SSD512 for
    # three cells, VGG-16 at 300 and 512, ResNet-101 at 513, three of SSDLite; three data sets x three numbers of parts
    # for three cells and ResNet-50.
    "pipelines/p_darts_paper": {
        "search": 3 + 2 + 4 + 1 + 4 + 6 + 2 + 1 + 2 + 2,
        "detection": 6 + 2 + 1 + 3,
        "reid": 36,
    },
}


@pytest.mark.parametrize("name", PAPERS)
def test_the_papers_are_complete(name: str) -> None:
    pipeline = load_pipeline(name)
    tasks = [stage.task.name for stage in pipeline.stages.values()]
    assert {task: tasks.count(task) for task in PAPERS[name]} == PAPERS[name]
    # Every number that the plan adds up says where it is from.
    assert all("PC-DARTS" in known.source or "P-DARTS" in known.source for known in pipeline.expected.values())


def test_every_pipeline_of_a_paper_has_a_small_one() -> None:
    names = config_names("pipelines")
    papers = [name.removeprefix("pipelines/") for name in names if name.startswith(("pipelines/p_", "pipelines/pc_"))]
    assert len(papers) == 11
    assert all(f"pipelines/digits_{name}" in names for name in papers)


def test_the_digits_study_scores_every_architecture_as_initialised_and_transfers_it_with_weights() -> None:
    """13 cells of the zoo, 9 of few operations, 5 random, 4 models of timm, what 6 searches find; two seeds each."""
    stages = [each for each in load_pipeline("pipelines/digits_study").stages.values() if each.task.name != "search"]
    tasks = [stage.task.name for stage in stages]
    assert {name: tasks.count(name) for name in tasks} == dict.fromkeys(
        ("classification", "zerocost", "detection", "reid"), 2 * (13 + 9 + 5 + 4 + 6)
    )
    assert {(stage.task.name, stage.weights is not None) for stage in stages} == {
        ("classification", False),
        ("zerocost", False),
        ("detection", True),
        ("reid", True),
    }


TRAININGS = ["classification/digits", "classification/digits_selection"]


@pytest.mark.parametrize("name", TRAININGS)
def test_a_transfer_starts_from_the_weights_that_it_names(tmp_path: Path, name: str) -> None:
    pipeline = written(
        tmp_path,
        f"""
baselines = ['PDARTS']
retrain = {TRAININGS}
retrain_seeds = [3, 4]
transfers = [dict(protocol='reid/digits_p3', weights={name!r})]
""",
    )
    transfers = [stage for stage in pipeline.stages.values() if stage.protocol.name == "reid/digits_p3"]
    assert [stage.given_seed for stage in transfers] == [3, 4]
    for stage in transfers:
        assert isinstance(stage.weights, PipelineStage)
        assert (stage.weights.protocol.name, stage.weights.given_seed) == (name, stage.given_seed)
        assert stage.needs == (stage.weights.title,)


def test_what_the_outermost_pipeline_says_holds(tmp_path: Path) -> None:
    reference = "dict(hours={hours}, epochs=1, images=1, macs=1, source={source!r})"

    def said(who: str, hours: int, *protocols: str) -> str:
        expected = {name: {"hours": hours, "device": "GPU", "source": who} for name in protocols}
        resources = {name: {"processes": hours} for name in protocols}
        arithmetic = f"dict(separable={reference.format(hours=hours, source=who)})"
        options = {"classification": {"epochs": hours}}
        return (
            f"expected = {expected!r}\nresources = {resources!r}\nby_multiply_adds = {arithmetic}\n"
            f"options = {options!r}\n"
        )

    one, two, three = "classification/digits", "classification/digits_selection", "classification/cifar10"
    (tmp_path / "inner.py").write_text(
        f"task = 'pipeline'\nbaselines = ['PDARTS']\nretrain = {one!r}\n{said('inner', 2, one, two, three)}"
    )
    (tmp_path / "middle.py").write_text(
        f"task = 'pipeline'\nparts = [{str(tmp_path / 'inner.py')!r}]\n{said('middle', 3, one, two)}"
    )
    pipeline = written(tmp_path, f"parts = [{str(tmp_path / 'middle.py')!r}]\n{said('outer', 4, one)}")
    assert {name: known.source for name, known in pipeline.expected.items()} == {
        one: "outer",
        two: "middle",
        three: "inner",
    }
    assert {name: known.hours for name, known in pipeline.expected.items()} == {one: 4, two: 3, three: 2}
    assert {name: known.processes for name, known in pipeline.resources.items()} == {one: 4, two: 3, three: 2}
    assert pipeline.by_multiply_adds is not None
    assert pipeline.by_multiply_adds.separable is not None
    assert pipeline.by_multiply_adds.separable.source == "outer"
    (stage,) = pipeline.stages.values()
    assert stage.protocol.config["epochs"] == 4

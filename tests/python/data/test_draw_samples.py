"""The sample images are what their command draws, and their README tells the truth about them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelllm.data.draw_samples import SAMPLES, write_samples
from pixelllm.data.scene_phrases import list_references
from pixelllm.data.scene_vocabulary import SETTINGS
from pixelllm.data.scenes import Scene

SAMPLES_FOLDER = Path(__file__).parents[3] / "samples"
MAX_BYTES = 150_000


@pytest.fixture(scope="module")
def scenes() -> dict[str, Scene]:
    return {sample.name: sample.draw() for sample in SAMPLES}


def test_the_command_draws_the_files_of_the_repository(tmp_path: Path) -> None:
    write_samples(tmp_path / "new")

    names = {path.name for path in SAMPLES_FOLDER.glob("*.png")}
    assert names == {sample.name for sample in SAMPLES}
    for name in names:
        drawn = np.asarray(Image.open(tmp_path / "new" / name)).astype(np.int16)
        kept = np.asarray(Image.open(SAMPLES_FOLDER / name)).astype(np.int16)
        assert drawn.shape == kept.shape
        # Sines may round differently on another processor: a level or two, here and there.
        assert np.abs(drawn - kept).max() <= 2
        assert (SAMPLES_FOLDER / name).stat().st_size < MAX_BYTES


def test_the_readme_has_a_true_row_for_every_sample(scenes: dict[str, Scene]) -> None:
    readme = (SAMPLES_FOLDER / "README.md").read_text("utf-8")

    for sample in SAMPLES:
        scene = scenes[sample.name]
        height, width, _ = scene.image.shape
        name = f"| ![{sample.name}]({sample.name}) | `{sample.name}` "
        assert f"{name}| {width} x {height} | {sample.index} | {scene.caption.text} |\n" in readme
    assert readme.count("| ![") == len(SAMPLES)


def test_the_samples_show_every_setting_in_every_shape(scenes: dict[str, Scene]) -> None:
    ratios = [scene.image.shape[1] / scene.image.shape[0] for scene in scenes.values()]
    sides = [max(scene.image.shape) for scene in scenes.values()]

    assert {scene.setting for scene in scenes.values()} == set(SETTINGS)
    assert min(ratios) < 0.7
    assert max(ratios) > 2
    assert 1.0 in ratios
    assert (min(sides), max(sides)) == (192, 640)


def test_the_samples_show_what_can_be_asked(scenes: dict[str, Scene]) -> None:
    counts = {len(scene.things) for scene in scenes.values()}
    relations = {relation.word for scene in scenes.values() for relation in scene.relations}
    phrases = {
        reference.text
        for scene in scenes.values()
        for reference in list_references(scene.things, scene.relations)
    }

    assert {1, 7} <= counts
    assert relations == {"on", "under", "behind"}
    assert {"the lamp on the orange table", "the second boat from the left"} <= phrases
    assert any("two white birds" in scene.caption.text for scene in scenes.values())

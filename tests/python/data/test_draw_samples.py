"""The sample images are what their command draws, and their README tells the truth about them."""

from pathlib import Path

import numpy as np
from PIL import Image

from pixelllm.data.draw_samples import SAMPLES, write_samples

SAMPLES_FOLDER = Path(__file__).parents[3] / "samples"
MAX_BYTES = 150_000


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


def test_the_readme_has_a_true_row_for_every_sample() -> None:
    readme = (SAMPLES_FOLDER / "README.md").read_text("utf-8")

    for sample in SAMPLES:
        scene = sample.draw()
        height, width, _ = scene.image.shape
        row = f"| `{sample.name}` | {width} x {height} | {sample.index} | {scene.caption.text} |"
        assert row in readme


def test_the_samples_differ_in_shape_and_background() -> None:
    scenes = [sample.draw() for sample in SAMPLES]

    assert len({scene.background for scene in scenes}) == len(scenes)
    ratios = [scene.image.shape[1] / scene.image.shape[0] for scene in scenes]
    assert min(ratios) < 0.7
    assert max(ratios) > 1.5

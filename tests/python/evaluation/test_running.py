"""A dataset asked about from its first sample to its last, by the shipped model."""

from pathlib import Path

import pytest

from pixelllm.data.sample import Phrase, Sample
from pixelllm.evaluation.journal import Journal
from pixelllm.evaluation.measures.places import LocateMeasure, SegmentMeasure
from pixelllm.evaluation.measures.texts import CaptionMeasure
from pixelllm.evaluation.results import Record
from pixelllm.evaluation.running import (
    PATIENCE,
    GivenAnswers,
    NothingToMeasureError,
    Tally,
    evaluate,
    model_answers,
)
from pixelllm.model.checkpoint import Checkpoint, load_checkpoint
from tests.python.evaluation.measures.samples import LEFT, black
from tests.python.evaluation.scene_data import SceneData


@pytest.fixture(scope="module")
def tiny() -> Checkpoint:
    return load_checkpoint("tiny")


def locate(
    tiny: Checkpoint, data: SceneData, measure: LocateMeasure, journal: Journal | None = None
) -> Tally:
    answers = model_answers(tiny, measure, journal)
    return evaluate(data, measure, answers, count=len(data), batch=2, progress=lambda number: None)


def test_every_phrase_of_every_image_is_answered(tiny: Checkpoint) -> None:
    data, measure = SceneData(3), LocateMeasure()

    tally = locate(tiny, data, measure)

    phrases = [phrase.text for index in range(3) for phrase in data[index].phrases]
    assert [record["refexp"] for record in tally.records] == phrases
    assert (tally.images, tally.questions, tally.unanswered) == (3, len(phrases), 0)
    assert (measure.scores().value("p50") or 0) > 0.4, "the model has learnt it"


def test_images_that_cannot_be_read_are_named_and_left_out(tiny: Checkpoint) -> None:
    tally = locate(tiny, SceneData(3, damaged=(1,)), LocateMeasure())

    assert tally.images == 2
    assert tally.skipped == [("scenes, number 1", "1.png: the picture is damaged or cut short")]


def test_answers_in_the_journal_are_not_asked_for_again(tiny: Checkpoint, tmp_path: Path) -> None:
    journal = Journal(tmp_path, {})
    first = locate(tiny, SceneData(2), LocateMeasure(), journal)
    changed = journal.answers[0].records[0]
    changed["bbox"] = [0, 0, 1, 1]

    again = locate(tiny, SceneData(3), LocateMeasure(), journal)

    assert again.records[: len(first.records)] == first.records
    assert again.records[0] is changed
    assert set(Journal(tmp_path, {}).answers) == {0, 1, 2}


def test_ctrl_c_ends_a_run_with_what_it_has(tiny: Checkpoint) -> None:
    def stop(number: int) -> None:
        raise KeyboardInterrupt

    measure = LocateMeasure()

    tally = evaluate(
        SceneData(4), measure, model_answers(tiny, measure, None), count=4, batch=2, progress=stop
    )

    assert tally.partial
    assert tally.images == 2
    assert measure.scores().value("phrases") == tally.questions > 0


class Wordy(SceneData):
    """Scenes of which the last phrase is longer than the model reads."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return Sample(
            sample.image, phrases=(*sample.phrases, Phrase("cat " * 300, LEFT)), id=sample.id
        )


def test_a_question_that_the_model_refuses_is_named_and_counts_as_wrong(tiny: Checkpoint) -> None:
    data, measure = Wordy(1), LocateMeasure()

    tally = locate(tiny, data, measure)

    ((image, reason),) = tally.refused
    assert image == "scenes/1"
    assert f"question {len(data[0].phrases) - 1}: the phrase is" in reason
    assert tally.unanswered == 1
    assert measure.cases[-1].worth == 0.0


class Silent(SceneData):
    """Images of which nothing is said."""

    def __getitem__(self, index: int) -> Sample:
        self.read.append(index)
        return Sample(black(), id=f"silent/{index}")

    def __len__(self) -> int:
        return 10 * PATIENCE


def test_data_without_phrases_are_refused_before_all_are_read() -> None:
    data = Silent(0)

    with pytest.raises(NothingToMeasureError, match="phrases with boxes, as RefCOCO has"):
        evaluate(
            data,
            LocateMeasure(),
            GivenAnswers({}),
            count=len(data),
            batch=50,
            progress=lambda number: None,
        )

    assert len(data.read) == PATIENCE


def test_data_without_images_are_refused(tiny: Checkpoint) -> None:
    for data in (SceneData(0), SceneData(2, damaged=(0, 1))):
        with pytest.raises(NothingToMeasureError, match="scenes has no image that can be read"):
            locate(tiny, data, LocateMeasure())


def test_given_answers_are_found_by_number_and_by_id() -> None:
    captions = CaptionMeasure(lambda candidates, references: {}, lambda caption, references: 0.0)
    data = SceneData(2)
    given: dict[int | str, list[Record]] = {
        1: [{"image_id": 1, "caption": "one"}],
        "scenes/2": [{"caption": "two"}],
    }

    evaluate(data, captions, GivenAnswers(given), count=2, batch=2, progress=lambda number: None)

    assert captions.candidates == ["one", "two"]


def test_a_model_without_the_part_is_refused_at_once(checkpoint: Checkpoint) -> None:
    data = SceneData(3)

    with pytest.raises(NothingToMeasureError, match="no mask decoder"):
        locate(checkpoint, data, SegmentMeasure())

    assert data.read == [0, 1]

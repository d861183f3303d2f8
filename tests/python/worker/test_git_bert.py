"""The second language model, from a checkpoint on disk to words with places."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelllm.model.checkpoint import save_checkpoint
from pixelllm.model.config import GitBertConfig, tiny
from pixelllm.model.git_bert import GitBert
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.tasks.words import word_spans
from tests.python.checkpoints import SEED
from tests.python.model.word_pieces import PIECES, VOCAB_TXT, WRITTEN
from tests.python.worker.harness import Harness
from tests.python.worker.samples import Ask, picture

BOX = {"type": "box", "box": [5, 5, 50, 40]}
POINT = {"type": "point", "point": [30, 20]}
LANGUAGE = GitBertConfig(
    vocab_size=len(PIECES) + 5, dim=64, heads=4, layers=3, mlp_dim=96, max_text_tokens=40
)


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of the preset's kind with seeded random weights, spread so that texts differ.

    It writes no token that a trained model would not write.
    """
    torch.manual_seed(SEED)
    model = PixelLLM(replace(tiny(), preset="pixelllm_bert", language=LANGUAGE))
    assert isinstance(model.language, GitBert)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.mul_(5 if name.startswith("language.") else 1.5)
        wanted = torch.zeros(LANGUAGE.vocab_size, dtype=torch.bool)
        wanted[WRITTEN.start : WRITTEN.stop] = True
        wanted[LANGUAGE.end_id] = True
        model.language.output.bias[~wanted] = -1e4
        model.language.output.bias[LANGUAGE.end_id] = -3  # or beams end at once
    folder = tmp_path_factory.mktemp("checkpoints") / "bert"
    save_checkpoint(folder, model, VOCAB_TXT, torch.float32)
    return folder


@pytest.fixture
def engine(bert_folder: Path, make_engine: Callable[..., Harness]) -> Harness:
    return make_engine(model=str(bert_folder)).start()


def check_words(result: Any) -> None:
    """Every word of the caption is there, in order, with a place."""
    caption = result["caption"]
    spans = [(word["start"], word["end"]) for word in result["words"]]
    assert len(spans) > 1
    assert spans == list(word_spans(caption, finished=True))
    for word in result["words"]:
        assert caption[word["start"] : word["end"]] == word["text"]
        x_min, y_min, x_max, y_max = word["box"]
        assert x_min <= word["point"][0] <= x_max
        assert y_min <= word["point"][1] <= y_max
        assert 0 <= word["score"] <= 1


def test_model_says_what_it_is(engine: Harness) -> None:
    (ready,) = engine.of_type("ready")

    (model,) = ready["models"]
    assert model["id"] == "bert"
    assert {"caption", "describe", "locate"} <= set(model["tasks"])
    assert model["max_tokens"] == LANGUAGE.max_text_tokens - 2


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize(
    ("task", "request_"),
    [
        ("caption", {}),
        ("caption", {"prefix": "WHERE is the man's dog?"}),
        ("describe", {"location": BOX}),
        ("describe", {"location": POINT}),
    ],
)
def test_caption_has_a_place_for_every_word(
    engine: Harness, task: str, request_: dict[str, object], beams: int
) -> None:
    check_words(engine.ask(task, picture(0), {**request_, "beams": beams}))


@pytest.mark.parametrize("beams", [1, 3])
def test_words_are_streamed_as_they_end_up(engine: Harness, beams: int) -> None:
    pictures = [picture(number) for number in range(5)]
    calls = [engine.submit("caption", file, {"beams": beams}, stream=True) for file in pictures]

    results = [engine.result(call) for call in calls]

    assert len({result["caption"] for result in results}) > 1, "texts that differ share the steps"
    for call, result in zip(calls, results, strict=True):
        assert engine.streamed(call) == result["words"]
    events = len(engine.of_type("words"))
    assert events > len(results) if beams == 1 else events > 0, "greedy words come one by one"


def test_answers_do_not_depend_on_who_else_asks(engine: Harness) -> None:
    asks: list[Ask] = [
        ("caption", picture(0), {}),
        ("caption", picture(1), {"beams": 2}),
        ("describe", picture(2), {"location": POINT}),
        ("locate", picture(3), {"phrase": "the red dog"}),
    ]
    alone = [engine.ask(*ask) for ask in asks]

    together = [engine.result(call) for call in [engine.submit(*ask) for ask in asks]]

    for one, other in zip(alone, together, strict=True):
        assert one.get("caption") == other.get("caption")
        assert one.get("box") == pytest.approx(other.get("box"), abs=0.1)


def test_phrase_is_located_however_it_is_written(engine: Harness) -> None:
    plain = engine.ask("locate", picture(0), {"phrase": "the dog's red shirt"})
    other = engine.ask("locate", picture(0), {"phrase": "The d\u00f3g's  RED shirt"})

    assert plain["box"] == other["box"]
    assert 0 < plain["score"] <= 1


def test_phrase_of_nothing_is_blank(engine: Harness) -> None:
    assert engine.error(engine.submit("locate", picture(0), {"phrase": " \t"})) == "invalid_request"

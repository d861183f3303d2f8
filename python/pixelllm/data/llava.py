"""LLaVA's conversations about images: a json with a list of entries, each with its turns.

All entries about an image are one sample. As in the authors' reader (scenic, projects/pixel_llm,
tools/build_llava_tfrecord.py) the i-th turn of the human and the i-th of the assistant are a pair,
"<image>" is taken out, and entries without an image are left out.
"""

from pathlib import Path
from typing import Any, Final

from pixelllm.data.errors import DatasetError
from pixelllm.data.file_dataset import Picture
from pixelllm.data.grouping import Groups
from pixelllm.data.sample import Exchange, Image, Sample
from pixelllm.data.stored_json import StoredJson, mend_text, scan_json

TAG: Final = "<image>"


class Llava:
    """The conversations of a file, by image; `text_only` counts the entries that have none."""

    name = "llava"

    def __init__(self, path: Path) -> None:
        self._stored = StoredJson()
        self._stored.add_file(path)
        self._images: Groups[str] = Groups()
        self.text_only = 0
        for element in scan_json(path):
            if not isinstance(element.value, dict):
                raise DatasetError(f"{path}, byte {element.start}: an entry is no object")
            image = element.value.get("image")
            if isinstance(image, str):
                self._images.add(mend_text(image))
                self._stored.add(element.start, element.end)
            else:
                self.text_only += 1

    def __len__(self) -> int:
        return len(self._images)

    def picture(self, index: int) -> Picture:
        name = self._images.keys[index]
        return Picture(name, (name,))

    def describe(self, index: int, image: Image) -> Sample:
        members = self._images.members(index)
        exchanges: list[Exchange] = []
        for number, fields in zip(members, self._stored.read_all(members), strict=True):
            exchanges += _exchanges(fields, self._stored.place(number))
        return Sample(image=image, exchanges=tuple(exchanges))


def _exchanges(fields: dict[str, Any], place: str) -> list[Exchange]:
    turns = fields.get("conversations")
    if not isinstance(turns, list) or not all(_is_turn(turn) for turn in turns):
        raise DatasetError(f"{place}: conversations is no list of from and value")
    questions = [_clean(t["value"]) for t in turns if t["from"] == "human"]
    answers = [_clean(t["value"]) for t in turns if t["from"] != "human"]
    if len(questions) != len(answers):
        raise DatasetError(
            f"{place}: {len(questions)} questions and {len(answers)} answers do not pair"
        )
    return [Exchange(q, a) for q, a in zip(questions, answers, strict=True)]


def _is_turn(turn: Any) -> bool:
    return isinstance(turn, dict) and all(isinstance(turn.get(k), str) for k in ("from", "value"))


def _clean(text: str) -> str:
    return text.replace(TAG, "").strip()

"""The tasks that the worker answers, by name. A new one is a module and a line here."""

from pixelllm.tasks.base import Task
from pixelllm.tasks.caption import Caption
from pixelllm.tasks.dense_caption import DenseCaption
from pixelllm.tasks.describe import Describe
from pixelllm.tasks.locate import Locate
from pixelllm.tasks.segment import SegmentPhrase

TASKS: dict[str, Task] = {
    "caption": Caption(),
    "describe": Describe(),
    "locate": Locate(),
    "segment": SegmentPhrase(),
    "dense_caption": DenseCaption(),
}

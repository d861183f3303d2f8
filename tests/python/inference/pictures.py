"""The pictures that the tests of the runner look at."""

from pixelllm.inference.picture import Picture, fit_picture
from pixelllm.model.checkpoint import Checkpoint
from pixelllm.tasks.image import decode_image
from tests.python.worker.samples import picture


def picture_of(number: int, checkpoint: Checkpoint) -> Picture:
    """A picture of `samples`, in the frame of a model."""
    return fit_picture(decode_image(picture(number)), checkpoint.config)

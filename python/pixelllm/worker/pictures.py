"""Decoding pictures on the CPU, beside the thread that owns the device."""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from pixelllm.inference.picture import Picture, fit_picture
from pixelllm.model.config import PixelLLMConfig
from pixelllm.tasks.image import decode_image

THREADS = 2  # more would only take the CPU from the tokens that are being written


class PictureLoader:
    """A few threads that turn files into pictures."""

    def __init__(self, config: PixelLLMConfig) -> None:
        self._config = config
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="pictures")

    def load(self, data: bytes, image_id: str, done: Callable[[], None]) -> Future[Picture]:
        """Decode the file `data` whose SHA-256 is `image_id`; call `done`, from any thread, after.

        The future holds a TaskError where the file cannot be read.
        """
        future = self._pool.submit(load_picture, data, image_id, self._config)
        future.add_done_callback(lambda _: done())
        return future

    def close(self) -> None:
        """End the threads; what they have not begun is cancelled."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def load_picture(data: bytes, image_id: str, config: PixelLLMConfig) -> Picture:
    """Decode a file and fit the picture into the model's frame.

    Raises:
        TaskError: the file cannot be read.
        ValueError: `data` is not the file `image_id`. Features are kept by that id: those of
            another picture must never get under it.
    """
    if hashlib.sha256(data).hexdigest() != image_id:
        raise ValueError(f"the bytes in the slab are not those of image {image_id}")
    pixels = decode_image(data)  # [H, W, 3]
    with torch.inference_mode():
        return fit_picture(pixels, config)

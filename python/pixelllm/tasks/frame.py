"""The way between the pixels of the original image and those of the model's frame.

The model sees the image scaled into the top left corner of a square frame. Both axes have their
own scale, because the scaled size is cut to whole pixels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelllm.tasks.errors import TaskError

Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """How one image lies in the model's frame."""

    width: int  # of the original image, pixels
    height: int
    scale_x: float  # model pixels per original pixel
    scale_y: float

    def box_to_model(self, box: Box) -> Box:
        """Move a box from the original image to the model's frame.

        Raises:
            TaskError: `invalid_request` if it is empty or reaches outside the image.
        """
        x_min, y_min, x_max, y_max = box
        self._require_inside("box", (x_min, y_min), (x_max, y_max))
        if not (x_min < x_max and y_min < y_max):
            raise TaskError("invalid_request", f"the box {list(box)} is empty")
        return (
            x_min * self.scale_x,
            y_min * self.scale_y,
            x_max * self.scale_x,
            y_max * self.scale_y,
        )

    def point_to_model(self, point: Point) -> Point:
        """Move a point from the original image to the model's frame.

        Raises:
            TaskError: `invalid_request` if it lies outside the image.
        """
        self._require_inside("point", point)
        return point[0] * self.scale_x, point[1] * self.scale_y

    def whole(self) -> Box:
        """The whole image as a box in the model's frame."""
        return 0.0, 0.0, self.width * self.scale_x, self.height * self.scale_y

    def box_to_image(self, box: Box) -> Box:
        """Move a box of the model's frame to the original image, as `corners_to_image` does."""
        return self.corners_to_image(np.array(box, np.float32))

    def corners_to_image(self, corners: NDArray[np.float32]) -> Box:
        """Move what the model regressed to the original image, as one box around it.

        The model may give corners in any order and outside the image: the box has its edges in
        order and lies inside.

        Args:
            corners: float[..., 2] or float[4], (x, y) of any number of corners, model-frame pixels.

        Returns:
            The box around all of them, pixels of the original image.

        Raises:
            ValueError: one is not finite: the model computed no place.
        """
        if not np.isfinite(corners).all():
            raise ValueError("the model gave a place that is not finite")
        scale = np.array([self.scale_x, self.scale_y])
        points = corners.reshape(-1, 2).astype(np.float64) / scale  # [N, 2]
        return corners_box(points.clip(0, [self.width, self.height]))

    def _require_inside(self, what: str, *points: Point) -> None:
        for x, y in points:
            if not (0 <= x <= self.width and 0 <= y <= self.height):
                values = [value for point in points for value in point]
                size = f"{self.width} x {self.height} pixels"
                message = f"the {what} {values} reaches outside the image, which is {size}"
                raise TaskError("invalid_request", message)


def corners_box(corners: NDArray[np.floating[Any]]) -> Box:
    """The box around float[..., 2] corners, wherever they lie, in the frame that they are in."""
    points = corners.reshape(-1, 2).astype(np.float64)  # [N, 2]
    (x_min, y_min), (x_max, y_max) = points.min(axis=0), points.max(axis=0)
    return float(x_min), float(y_min), float(x_max), float(y_max)

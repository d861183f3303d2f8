"""From files of every kind to upright RGB pixels, and what is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.image import MAX_ASPECT, MIN_SIDE, decode_image
from tests.python.tasks.pictures import encode, gradient, png, rotated


def refusal(data: bytes) -> TaskError:
    with pytest.raises(TaskError) as caught:
        decode_image(data)
    return caught.value


def outcome(data: bytes) -> str:
    try:
        decoded = decode_image(data)
    except TaskError as error:
        return error.code
    return "pixels" if decoded.ndim == 3 and decoded.shape[2] == 3 else str(decoded.shape)


def flat(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (12, 10), colour)  # type: ignore[arg-type]


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0" * 64))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_lossless_file_gives_its_pixels(form: str) -> None:
    pixels = gradient(20, 30)

    decoded = decode_image(encode(Image.fromarray(pixels), form, lossless=True))

    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_picture_can_be_left_as_it_is_stored(orientation: int) -> None:
    pixels = gradient(20, 30)

    decoded = decode_image(rotated(pixels, orientation), upright=False)

    np.testing.assert_array_equal(decoded, pixels)


def test_jpeg_gives_its_pixels_nearly() -> None:
    pixels = gradient(20, 30)

    decoded = decode_image(encode(Image.fromarray(pixels), "JPEG", quality=95, subsampling=0))

    assert np.abs(decoded.astype(int) - pixels).mean() < 3


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize(
    ("orientation", "corner"),  # where the stored top left corner is shown: row, column
    list(
        enumerate([(0, 0), (0, -1), (-1, -1), (-1, 0), (0, 0), (0, -1), (-1, -1), (-1, 0)], start=1)
    ),
)
def test_exif_rotation_is_applied(form: str, orientation: int, corner: tuple[int, int]) -> None:
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:8, :8] = 255

    decoded = decode_image(rotated(pixels, orientation, form))

    assert decoded.shape == ((16, 32, 3) if orientation < 5 else (32, 16, 3))
    assert decoded[corner].min() > 200
    assert (decoded > 127).mean() == pytest.approx(64 / 512, abs=0.01)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b""])
def test_unreadable_exif_data_leave_the_picture_as_it_is(exif: bytes) -> None:
    pixels = gradient(16, 24)

    decoded = decode_image(encode(Image.fromarray(pixels), "PNG", exif=exif))

    np.testing.assert_array_equal(decoded, pixels)


def test_orientation_of_a_wrong_value_leaves_the_picture_as_it_is() -> None:
    pixels = gradient(16, 24)

    np.testing.assert_array_equal(decode_image(rotated(pixels, 77)), pixels)


def test_transparent_pixels_are_white() -> None:
    image = flat("RGBA", (200, 0, 0, 0))
    image.paste((0, 100, 0, 255), (0, 0, 6, 10))

    decoded = decode_image(encode(image, "PNG"))

    assert decoded[0, 0].tolist() == [0, 100, 0]
    assert decoded[0, 11].tolist() == [255, 255, 255]


def test_half_transparent_pixels_are_mixed_with_white() -> None:
    decoded = decode_image(encode(flat("RGBA", (0, 0, 0, 128)), "PNG"))

    assert decoded[5, 5].tolist() == pytest.approx([127, 127, 127], abs=1)


def test_palette_with_a_transparent_entry() -> None:
    image = Image.new("P", (12, 10), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (6, 0, 12, 10))

    decoded = decode_image(encode(image, "PNG", transparency=0))

    assert decoded[0, 0].tolist() == [255, 255, 255]
    assert decoded[0, 11].tolist() == [0, 0, 255]


def test_16_bit_grey_is_scaled_and_not_saturated() -> None:
    values = np.linspace(0, 65535, 12 * 10).astype(np.uint16).reshape(10, 12)

    decoded = decode_image(encode(Image.fromarray(values), "PNG"))

    np.testing.assert_array_equal(decoded[:, :, 1], values >> 8)


@pytest.mark.parametrize(
    ("image", "form", "expected"),
    [
        (flat("L", 90), "PNG", [90, 90, 90]),
        (flat("L", 90), "JPEG", [90, 90, 90]),
        (flat("LA", (0, 0)), "PNG", [255, 255, 255]),
        (flat("1", 1), "PNG", [255, 255, 255]),
        (flat("P", 0).convert("P"), "PNG", [0, 0, 0]),
        (flat("CMYK", (0, 255, 255, 0)), "JPEG", [254, 0, 0]),
        (flat("RGBA", (10, 20, 30, 255)), "WEBP", [10, 20, 30]),
    ],
    ids=["grey-png", "grey-jpeg", "grey-alpha", "black-and-white", "palette", "cmyk", "webp-alpha"],
)
def test_every_mode_becomes_rgb(image: Image.Image, form: str, expected: list[int]) -> None:
    decoded = decode_image(
        encode(image, form, lossless=True) if form == "WEBP" else encode(image, form)
    )

    assert decoded.shape == (10, 12, 3)
    assert decoded[5, 5].tolist() == pytest.approx(expected, abs=3)


def test_moving_picture_gives_its_first_frame() -> None:
    frames = [flat("RGB", "red"), flat("RGB", "blue")]

    decoded = decode_image(
        encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    )

    assert decoded[5, 5].tolist() == [255, 0, 0]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated_file_is_refused(form: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encode(Image.fromarray(noise), form)

    error = refusal(data[: int(len(data) * share)])

    assert error.code == "image_unreadable"


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_formats_are_refused(form: str) -> None:
    error = refusal(encode(flat("RGB", "red"), form))

    assert error.code == "image_unreadable"
    assert "JPEG, PNG or WebP" in error.message


@pytest.mark.parametrize("data", [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    assert refusal(data).code == "image_unreadable"


@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (1, 500), (500, 1), (MIN_SIDE - 1, MIN_SIDE)]
)
def test_picture_with_too_few_pixels_is_refused(width: int, height: int) -> None:
    error = refusal(png(gradient(height, width)))

    assert error.code == "image_unreadable"
    assert f"{width} x {height}" in error.message


def test_too_narrow_picture_is_refused() -> None:
    narrowest = decode_image(png(gradient(MIN_SIDE, MIN_SIDE * MAX_ASPECT)))
    error = refusal(png(gradient(MIN_SIDE, MIN_SIDE * MAX_ASPECT + 1)))

    assert narrowest.shape == (MIN_SIDE, MIN_SIDE * MAX_ASPECT, 3)
    assert error.code == "image_unreadable"


@pytest.mark.parametrize(("width", "height"), [(9_000, 9_000), (60_000, 60_000), (2**31 - 1, 9)])
def test_header_that_claims_too_many_pixels_is_refused(width: int, height: int) -> None:
    assert refusal(png_header(width, height)).code == "image_too_large"


def test_png_without_pixels_is_refused() -> None:
    assert refusal(png_header(64, 64)).code == "image_unreadable"


def test_message_tells_nothing_of_the_file() -> None:
    error = refusal(b"\x89PNG\r\n\x1a\n/etc/passwd secret")

    assert "secret" not in error.message
    assert "passwd" not in error.message


@pytest.mark.filterwarnings("ignore::UserWarning")  # what Pillow thinks of the EXIF data
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_damaged_file_gives_pixels_or_a_refusal_and_nothing_else(form: str) -> None:
    random = np.random.default_rng(7)
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = np.frombuffer(encode(Image.fromarray(gradient(40, 48)), form, exif=exif), np.uint8)

    codes = set()
    for _ in range(400):
        data = whole.copy()
        places = random.integers(0, len(data), random.integers(1, 12))
        data[places] = random.integers(0, 256, len(places))
        codes.add(outcome(data.tobytes()))

    assert codes <= {"pixels", "image_unreadable", "image_too_large"}
    assert len(codes) > 1


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_orientation_in_xmp_data_is_not_believed(form: str) -> None:
    picture = Image.new("RGB", (40, 20), "red")
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    data = io.BytesIO()
    picture.save(data, form, xmp=xmp)
    assert Image.open(data).getexif().get(0x0112) == 6  # Pillow itself would turn it

    assert decode_image(data.getvalue()).shape == (20, 40, 3)

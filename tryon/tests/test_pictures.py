"""What becomes of a picture's bytes: one normal form, or a refusal that says which picture, and why."""

import subprocess
import sys
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from time import monotonic, sleep

import pytest
from PIL import Image, ImageCms, ImageFile, ImageOps, PngImagePlugin

from tryon import pictures
from tryon.engines.base import EngineError, Picture
from tryon.pictures import PictureError, conform, normalise
from zupertry.testing.images import BLUE, RED, encoded, halves, jpeg, orientation, png, png_chunk, raw_png, webp

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ZEROS = zlib.compress(bytes(2_000_000))
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def opened(picture):
    image = Image.open(BytesIO(picture.data))
    image.load()
    return image


def assert_close(pixel, expected, tolerance=4):
    assert all(abs(a - b) <= tolerance for a, b in zip(pixel, expected, strict=True)), (pixel, expected)


def refusal(data, role="model"):
    with pytest.raises(PictureError) as caught:
        normalise(data, role)
    return caught.value


class TestNormalise:
    @pytest.mark.parametrize(
        ("data", "content_type"),
        [(jpeg(60, 80), "image/jpeg"), (png(60, 80), "image/png"), (webp(60, 80), "image/jpeg")],
        ids=["jpeg", "png", "webp"],
    )
    @pytest.mark.parametrize("role", ["model", "garment"])
    def test_jpeg_and_png_keep_their_type_and_webp_becomes_jpeg(self, data, content_type, role):
        picture = normalise(data, role)
        assert (picture.content_type, picture.width, picture.height) == (content_type, 60, 80)
        image = opened(picture)
        assert (image.get_format_mimetype(), image.size, image.mode) == (content_type, (60, 80), "RGB")
        assert_close(image.getpixel((30, 40)), RED)

    @pytest.mark.parametrize("value", range(10))
    def test_the_exif_orientation_is_applied(self, value):
        data = encoded(Image.effect_noise((5, 7), 90).convert("RGB"), "PNG", exif=orientation(value))
        expected = ImageOps.exif_transpose(Image.open(BytesIO(data)))
        image = opened(normalise(data, "model"))
        assert (image.size, image.tobytes()) == (expected.size, expected.tobytes())

    @pytest.mark.parametrize("image_format", ["JPEG", "WEBP"])
    def test_every_type_has_an_orientation(self, image_format):
        stored = halves().transpose(Image.Transpose.ROTATE_90)
        picture = normalise(encoded(stored, image_format, exif=orientation(6)), "model")
        assert (picture.width, picture.height) == (60, 80)
        assert_close(opened(picture).getpixel((30, 10)), RED, 40)
        assert_close(opened(picture).getpixel((30, 70)), BLUE, 40)

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF")
    @pytest.mark.parametrize("exif", [b"garbage", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff"])
    def test_broken_exif_data_is_ignored(self, exif):
        assert normalise(jpeg(exif=b"Exif\0\0" + exif), "model").width == 60

    def test_jpeg_metadata_is_gone(self):
        xmp = b"<x:xmpmeta>secret</x:xmpmeta>"
        data = jpeg(exif=orientation(1), icc_profile=SRGB, comment=b"secret", xmp=xmp, dpi=(9, 9))
        picture = normalise(data, "model")
        assert set(opened(picture).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert b"secret" not in picture.data
        assert b"Alice" not in picture.data

    def test_png_metadata_is_gone(self):
        info = PngImagePlugin.PngInfo()
        info.add_text("Author", "Alice")
        info.add_itxt("XML:com.adobe.xmp", "secret")
        picture = normalise(png(pnginfo=info, exif=orientation(1), dpi=(9, 9)), "garment")
        assert opened(picture).info == {}

    def test_an_embedded_profile_is_converted_to_srgb(self):
        """In this profile red and blue have changed places."""
        swapped = SRGB.replace(b"rXYZ", b"....").replace(b"bXYZ", b"rXYZ").replace(b"....", b"bXYZ")
        for data in (jpeg(icc_profile=swapped), png(icc_profile=swapped), webp(icc_profile=swapped)):
            assert_close(opened(normalise(data, "model")).getpixel((0, 0)), (40, 30, 200), 6)

    @pytest.mark.parametrize(
        "profile", [b"no profile at all", bytes(200), SRGB[:300], LAB], ids=["text", "zeros", "cut", "lab"]
    )
    def test_a_broken_or_unfit_profile_is_ignored(self, profile):
        assert_close(opened(normalise(png(icc_profile=profile), "model")).getpixel((0, 0)), RED, 1)

    @pytest.mark.parametrize(
        ("data", "pixel"),
        [
            (encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), (255, 0, 0)),
            (encoded(Image.new("L", (8, 8), 90), "JPEG"), (90, 90, 90)),
            (encoded(Image.new("L", (8, 8), 90), "PNG"), (90, 90, 90)),
            (encoded(Image.new("1", (8, 8), 1), "PNG"), (255, 255, 255)),
            (encoded(Image.new("LA", (8, 8), (90, 255)), "PNG"), (90, 90, 90)),
            (encoded(Image.new("RGB", (8, 8), RED).quantize(4), "PNG"), RED),
            (encoded(Image.new("I;16", (8, 8), 40_000), "PNG"), (156, 156, 156)),
            (raw_png(1, 1, depth=16, pixels=b"\0" + bytes([200, 9, 30, 9, 40, 9])), RED),
            (raw_png(1, 1, depth=16, colour_type=4, pixels=b"\0" + bytes([90, 9, 255, 255])), (90, 90, 90)),
        ],
        ids=["cmyk", "grey jpeg", "grey", "1-bit", "grey+alpha", "palette", "16-bit grey", "16-bit", "16-bit+alpha"],
    )
    def test_every_mode_becomes_8_bit_rgb(self, data, pixel):
        image = opened(normalise(data, "model"))
        assert image.mode == "RGB"
        assert_close(image.getpixel((0, 0)), pixel)

    @pytest.mark.parametrize(
        "data",
        [
            png(colour=(*RED, 0)),
            webp(colour=(*RED, 0)),
            encoded(Image.new("P", (8, 8), 0), "PNG", transparency=0),
            encoded(Image.new("L", (8, 8), 90), "PNG", transparency=90),
            encoded(Image.new("RGB", (8, 8), RED), "PNG", transparency=RED),
        ],
        ids=["png", "webp", "palette", "grey key", "rgb key"],
    )
    def test_transparency_is_white_on_a_person_and_kept_on_a_garment(self, data):
        person, garment = opened(normalise(data, "model")), opened(normalise(data, "garment"))
        assert person.mode == "RGB"
        assert_close(person.getpixel((0, 0)), (255, 255, 255))
        assert (garment.format, garment.mode) == ("PNG", "RGBA")
        assert garment.getpixel((0, 0))[3] == 0

    def test_half_transparent_pixels_are_blended_with_white(self):
        assert_close(opened(normalise(png(colour=(0, 0, 0, 128)), "model")).getpixel((0, 0)), (127, 127, 127))

    def test_transparency_turns_with_the_picture(self):
        image = halves().convert("RGBA")
        image.paste((0, 0, 0, 0), (0, 0, 60, 40))
        turned = image.transpose(Image.Transpose.ROTATE_90)
        garment = opened(normalise(encoded(turned, "PNG", exif=orientation(6)), "garment"))
        assert garment.size == (60, 80)
        assert garment.getpixel((30, 10))[3] == 0
        assert garment.getpixel((30, 70)) == (*BLUE, 255)

    def test_an_alpha_channel_that_hides_nothing_is_dropped(self):
        for data, image_format in ((png(colour=(*RED, 255)), "PNG"), (webp(colour=(*RED, 255)), "JPEG")):
            image = opened(normalise(data, "garment"))
            assert (image.format, image.mode) == (image_format, "RGB")

    def test_a_phones_multi_picture_file_is_its_first_picture(self):
        data = encoded(halves(), "MPO", save_all=True, append_images=[Image.new("RGB", (60, 80), "green")])
        assert Image.open(BytesIO(data)).format == "MPO"
        picture = normalise(data, "model")
        assert picture.content_type == "image/jpeg"
        assert_close(opened(picture).getpixel((30, 10)), RED, 40)

    def test_a_tiny_picture_is_accepted(self):
        assert normalise(png(1, 1), "garment").width == 1

    def test_a_normal_picture_is_its_own_normal_form_but_for_the_encoding(self):
        once = normalise(png(colour=(*RED, 100)), "garment")
        assert normalise(once.data, "garment") == once


class TestRefusals:
    @pytest.mark.parametrize(
        "data",
        [
            encoded(Image.new("RGB", (8, 8)), "GIF"),
            encoded(Image.new("RGB", (8, 8)), "TIFF"),
            encoded(Image.new("RGB", (8, 8)), "BMP"),
            b'<svg xmlns="http://www.w3.org/2000/svg"/>',
            b"<!doctype html><title>Not found</title>",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            b"RIFF\0\0\0\0WAVEfmt ",
            b"%PDF-1.7",
            b"\0",
            encoded(Image.new("RGB", (8, 8)), "WEBP", save_all=True, append_images=[Image.new("RGB", (8, 8), "red")]),
            encoded(Image.new("RGB", (8, 8)), "PNG", save_all=True, append_images=[Image.new("RGB", (8, 8), "red")]),
        ],
        ids=["gif", "tiff", "bmp", "svg", "html", "heic", "wave", "pdf", "nul", "animated webp", "animated png"],
    )
    def test_other_types_and_animations(self, data):
        error = refusal(data)
        assert (error.code, error.permanent) == ("image_type_unsupported", True)
        assert "still JPEG, PNG or WebP" in error.message

    def test_the_message_names_the_picture(self):
        assert refusal(b"GIF89a", "model").message.startswith("The model image ")
        assert refusal(b"GIF89a", "garment").message.startswith("The garment image ")

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n",
            b"RIFF\x04\0\0\0WEBP",
            jpeg(600, 800)[:1_200],
            encoded(Image.effect_noise((200, 200), 90), "PNG")[:20_000],
            webp(600, 800)[:-8],
            raw_png(0, 10),
            raw_png(10, 10, pixels=b"\0" * 9),
            png().replace(b"IDAT", b"IDAT\0", 1),
            raw_png(1, 1, colour_type=3, pixels=b"\0" * 2),
            raw_png(1, 1, pixels=b"\0" * 4, before=png_chunk(b"zTXt", b"a\0\0" + ZEROS)),
            raw_png(1, 1, pixels=b"\0" * 4, before=png_chunk(b"iTXt", b"a\0\1\0\0\0" + ZEROS)),
        ],
        ids=["empty", "jpeg start", "png start", "webp start", "jpeg half", "png half", "webp half", "no width",
             "few pixels", "bad chunk", "no palette", "zTXt bomb", "iTXt bomb"],
    )  # fmt: skip
    def test_damaged_files(self, data):
        error = refusal(data)
        assert (error.code, error.permanent) == ("image_corrupt", True)

    def test_too_many_bytes(self):
        assert refusal(jpeg() + bytes(pictures.MAX_BYTES)).code == "image_too_large"

    def test_the_most_bytes_that_are_accepted(self):
        data = jpeg()
        assert normalise(data + bytes(pictures.MAX_BYTES - len(data)), "model").width == 60

    @pytest.mark.parametrize(
        "data",
        [
            raw_png(6_325, 6_325),
            raw_png(2**31 - 1, 2**31 - 1),
            jpeg(8, 8).replace(b"\x00\x08\x00\x08\x03", b"\xff\xdc\xff\xdc\x03"),
        ],
        ids=["just over", "claim", "jpeg claim"],
    )
    def test_too_many_pixels(self, data):
        self.assert_too_many(data)

    def test_too_many_pixels_of_webp(self):
        self.assert_too_many(encoded(Image.new("L", (16_383, 2_500)), "WEBP", lossless=True, method=0))

    def assert_too_many(self, data):
        error = refusal(data)
        assert (error.code, error.permanent) == ("image_too_large", True)
        assert "40,000,000 pixels" in error.message

    def test_a_progressive_jpeg_with_thousands_of_scans_is_not_worked_through(self):
        data = encoded(Image.new("RGB", (2_000, 2_000)), "JPEG", progressive=True)
        last_scan = data[data.rindex(b"\xff\xda") : -2]
        started = monotonic()
        assert refusal(data[:-2] + last_scan * 5_000 + b"\xff\xd9").code == "image_corrupt"
        assert monotonic() - started < 2

    def test_refusing_a_bomb_takes_no_memory(self, tmp_path):
        """900 megapixels in 110 kB."""
        bomb = tmp_path / "bomb.png"
        row = bytes(1 + 30_000 // 8)
        bomb.write_bytes(raw_png(30_000, 30_000, depth=1, colour_type=0, pixels=row * 30_000))
        script = """
import resource, sys
from tryon.pictures import PictureError, normalise
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
data, before = open(sys.argv[1], "rb").read(), peak()
try:
    normalise(data, "model")
except PictureError as error:
    print(error.code, peak() - before)
"""
        done = subprocess.run([sys.executable, "-c", script, bomb], capture_output=True, text=True, check=True)
        code, growth = done.stdout.split()
        assert code == "image_too_large"
        assert int(growth) < 20_000 * (1_024 if sys.platform == "darwin" else 1)


def test_no_more_than_two_pictures_are_decoded_at_once(monkeypatch):
    load, running, most, data = ImageFile.ImageFile.load, Counter(), Counter(), jpeg()

    def slow_load(image):
        running["now"] += 1
        most["ever"] = max(most["ever"], running["now"])
        sleep(0.02)
        running["now"] -= 1
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", slow_load)
    with ThreadPoolExecutor(8) as threads:
        widths = list(threads.map(lambda _: normalise(data, "model").width, range(8)))
    assert widths == [60] * 8
    assert most["ever"] == 2


class TestConform:
    person = Picture(b"", "image/jpeg", 60, 80)

    def test_an_answer_of_the_right_size_and_type_passes_untouched(self):
        data = jpeg(60, 80, comment=b"made by an engine")
        assert conform(Picture(data, "image/jpeg", 60, 80), self.person) == Picture(data, "image/jpeg", 60, 80)

    @pytest.mark.parametrize("data", [png(30, 40), png(60, 80), jpeg(30, 40), webp(60, 80), png(31, 40, (*RED, 255))])
    def test_any_other_answer_gets_the_persons_size_and_type(self, data):
        image = opened(conform(Picture(data, "image/png", 30, 40), self.person))
        assert (image.format, image.size, image.mode) == ("JPEG", (60, 80), "RGB")
        assert_close(image.getpixel((30, 40)), RED)

    def test_a_png_person_gets_a_png(self):
        picture = conform(Picture(jpeg(60, 80), "image/jpeg", 60, 80), Picture(b"", "image/png", 60, 80))
        assert (picture.content_type, opened(picture).format) == ("image/png", "PNG")

    def test_the_content_decides_and_not_what_the_engine_says(self):
        picture = conform(Picture(png(60, 80), "image/jpeg", 60, 80), self.person)
        assert opened(picture).format == "JPEG"

    def test_an_answer_larger_than_a_customer_may_send_is_fine(self):
        data = jpeg(60, 80) + bytes(pictures.MAX_BYTES)
        assert conform(Picture(data, "image/jpeg", 60, 80), self.person).data == data

    @pytest.mark.parametrize("data", [b"", b"oops", jpeg(600, 800)[:1_200], raw_png(9_000, 9_000)])
    def test_an_answer_that_is_no_picture_is_the_engines_fault(self, data):
        with pytest.raises(EngineError) as caught:
            conform(Picture(data, "image/png", 60, 80), self.person)
        assert (caught.value.code, caught.value.permanent) == ("engine_error", False)
        assert caught.value.detail.startswith("The engine's picture ")

"""Every odd picture gives a result or one sentence; what has to be kept is kept."""

import builtins
import os
import re
import warnings

import numpy as np
import pytest
from odd_photos import ODD, rotated
from PIL import Image

from eclipsed.errors import EclipsedError, EclipsedWarning, InputError, MissingExtraError, OutputError
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.photos.alignment import Placement
from eclipsed.photos.finding import FoundFace
from eclipsed.photos.reading import Photo, heic_size, read_photo, save_photo
from eclipsed.pretrained.lazy import Lazy
from eclipsed.values.extras import pip_line


class MiddleFinder:
    """Finds a face in the middle of every picture, a third as large."""

    def find(self, photo):
        size = min(photo.width, photo.height) / 3
        x, y = photo.width / 2, photo.height / 2
        points = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0], [-0.15, 0.3], [0.15, 0.3]]) * size + (x, y)
        return [FoundFace((x - size / 2, y - size / 2, x + size / 2, y + size / 2), points)]


_SLOW = pytest.mark.slow  # a picture of very many pixels


@pytest.mark.parametrize("name", [pytest.param(name, marks=_SLOW if name == "huge.png" else ()) for name in ODD])
def test_an_odd_picture_gives_a_result_or_one_sentence(tmp_path, editor, direction, monkeypatch, name):
    make, works = ODD[name]
    if name.endswith(".heic"):
        pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    path = tmp_path / name
    make(path)
    monkeypatch.setattr(editor, "_finder", Lazy(MiddleFinder))
    config = InversionConfig(steps_from_mean=1, finish_steps=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)
        if not works:
            with pytest.raises(EclipsedError) as failure:
                editor.invert(path, config=config)
            assert "\n" not in str(failure.value)
            assert 10 < len(str(failure.value)) < 300
            return
        faces = editor.invert(path, config=config)
        picture = editor.paste(editor.edit(faces, direction, 0.5))[0]
    assert picture.size == (faces.origins[0].photo.width, faces.origins[0].photo.height)


@pytest.mark.parametrize("name", [name for name in ODD if name != "huge.png"])
def test_an_odd_picture_at_the_best_level_among_people_and_as_a_film(tmp_path, editor, direction, monkeypatch, name):
    make, works = ODD[name]
    if name.endswith(".heic"):
        pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    path = tmp_path / name
    make(path)
    monkeypatch.setattr(editor, "_finder", Lazy(MiddleFinder))
    config = InversionConfig(level="best", steps_from_mean=1, tuning_steps=1, keep_steps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)
        if works:
            edited = editor.edit_people(path, {1: direction, 2: direction}, config=config)
            assert [person.number for person in edited.failed] == [2]
            assert edited.people[0].faces.origins[0].tuning is not None
            assert edited.picture.size == (read_photo(path).width, read_photo(path).height)
        else:
            says_one_sentence(lambda: editor.edit_people(path, {1: direction}, config=config))
        if name.endswith(".gif"):
            film = editor.edit_film(path, direction, tmp_path / "film.gif", config=config)
            assert film.path.is_file()
            return
        says_one_sentence(lambda: editor.edit_film(path, direction, tmp_path / "film.gif", config=config))
        if path.is_file():  # among the frames of a folder
            (tmp_path / "frames").mkdir()
            path.rename(tmp_path / "frames" / name)
            out, reasons = tmp_path / "edited", []
            try:
                editor.edit_film(tmp_path / "frames", direction, out, config=config)
            except EclipsedError as error:
                reasons.append(error)
            assert bool(reasons) is not out.exists()  # nothing half-written
            assert all(map(is_a_sentence, reasons))


def says_one_sentence(work):
    with pytest.raises(EclipsedError) as failure:
        work()
    assert is_a_sentence(failure.value)


def is_a_sentence(error):
    return "\n" not in str(error) and 10 < len(str(error)) < 300


def test_there_are_thirty_of_them():
    assert len(ODD) >= 30


def test_a_rotated_picture_is_turned_upright_and_its_metadata_kept(tmp_path):
    rotated(tmp_path / "a.jpg")
    photo = read_photo(tmp_path / "a.jpg")
    assert (photo.width, photo.height) == (64, 96)
    with Image.open(tmp_path / "a.jpg") as stored:
        np.testing.assert_array_equal(photo.pixels, np.rot90(np.asarray(stored), 3))
    save_photo(photo.pil(), tmp_path / "b.png")
    kept = Image.open(tmp_path / "b.png").getexif()
    assert kept[0x010E] == "a description"
    assert 0x0112 not in kept


def test_a_profile_for_rgb_is_kept_and_one_for_ink_is_not(tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.fromarray(np.zeros((40, 40, 3), np.uint8))
    picture.save(tmp_path / "a.png", icc_profile=profile)
    photo = read_photo(tmp_path / "a.png")
    save_photo(photo.pil(), tmp_path / "b.png")
    assert Image.open(tmp_path / "b.png").info["icc_profile"] == profile
    ink = profile[:16] + b"CMYK" + profile[20:]
    picture.convert("CMYK").save(tmp_path / "c.tif", icc_profile=ink)
    assert read_photo(tmp_path / "c.tif").profile == b""


def test_sixteen_bits_become_eight(tmp_path):
    values = np.array([[0, 257, 65535, 32896]], dtype=np.uint16).repeat(2, axis=0)
    Image.fromarray(values).save(tmp_path / "deep.png")
    photo = read_photo(tmp_path / "deep.png")
    assert photo.pixels[0, :, 0].tolist() == [0, 1, 255, 128]
    assert (photo.pixels[..., 0] == photo.pixels[..., 2]).all()


def test_transparency_shows_white_and_stays():
    pixels = np.full((2, 2, 3), 100, np.uint8)
    alpha = np.array([[0, 255], [51, 255]], np.uint8)
    photo = Photo(pixels, alpha)
    assert photo.opaque[..., 0].tolist() == [[255, 100], [224, 100]]
    assert np.array_equal(np.asarray(photo.pil()), np.dstack([pixels, alpha]))


def test_the_hash_is_of_the_upright_pixels_and_their_shape(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, (4, 6, 3)).astype(np.uint8)
    one, other = Photo(pixels, name="a"), Photo(pixels.copy(), exif=b"x", name="b")
    assert one.sha256 == other.sha256
    assert Photo(pixels.reshape(6, 4, 3)).sha256 != one.sha256
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read_photo(tmp_path / "a.png").sha256 == one.sha256
    assert read_photo(Image.fromarray(pixels)).sha256 == one.sha256
    assert read_photo(one) is one


def test_heic_without_its_package(tmp_path, monkeypatch):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 64)
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pillow_heif":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=re.escape(f" is HEIC; to read it: {pip_line(extra='heic')}") + "$"):
        read_photo(tmp_path / "a.heic")
    with pytest.raises(MissingExtraError, match=r"^a\.heic is HEIC; to read it: "):
        heic_size(tmp_path / "a.heic")


def test_the_size_of_a_heic_file_is_read_from_its_header(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    pillow_heif.from_pillow(Image.new("RGB", (96, 64))).save(tmp_path / "a.heic")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.heic", "JPEG")  # a name is no proof
    assert heic_size(tmp_path / "a.heic") == (96, 64)
    assert heic_size(tmp_path / "b.heic") is None
    (tmp_path / "c.heic").write_bytes((tmp_path / "a.heic").read_bytes()[:40])
    with pytest.raises(InputError, match=r"^c\.heic is damaged or cut short: "):
        heic_size(tmp_path / "c.heic")


def test_what_is_no_photo(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        read_photo(tmp_path / "nothing.jpg")
    with pytest.raises(InputError, match="a path or a PIL picture; got int"):
        read_photo(3)
    for name in ("bomb.png", "animated.gif"):
        ODD[name][0](tmp_path / name)
    with pytest.raises(InputError, match="too large"):
        read_photo(tmp_path / "bomb.png")
    with pytest.warns(EclipsedWarning, match="has 3 pictures; the first is taken"):
        read_photo(tmp_path / "animated.gif")


def test_writing(tmp_path):
    picture = Image.fromarray(np.random.RandomState(0).randint(0, 256, (30, 20, 4)).astype(np.uint8), "RGBA")
    for name in ("a.png", "a.webp"):
        save_photo(picture, tmp_path / name)
        assert np.array_equal(np.asarray(Image.open(tmp_path / name).convert("RGBA")), np.asarray(picture))
    assert Image.open(save_photo(picture, tmp_path / "a.jpg")).mode == "RGB"
    with pytest.raises(InputError, match="picture format"):
        save_photo(picture, tmp_path / "a.xyz")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError):
        save_photo(picture, tmp_path / "folder.png")


def test_a_known_place_needs_no_finder(editor):
    photo = Photo(np.random.RandomState(0).randint(0, 256, (50, 80, 3)).astype(np.uint8))
    place = Placement.of_box(10, 5, 50, 45)
    with pytest.warns(EclipsedWarning, match="no encoder"):
        faces = editor.invert([photo, photo], where=place, config=InversionConfig(steps_from_mean=0, finish_steps=0))
    assert len(faces) == 2
    assert faces.origins[1].placement == place
    for wrong in ({"where": place, "aligned": True}, {"face": 1, "aligned": True}, {"where": []}):
        with pytest.raises(InputError):
            editor.invert(photo, **wrong)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7\n", "a document (PDF)"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a drawing (PostScript, EPS)"),
        (b"\xc5\xd0\xd3\xc6" + bytes(40), "a drawing (EPS)"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a drawing (SVG)"),
        (b"\xef\xbb\xbf\n <?xml version='1.0'?><svg/>", "a text (XML, perhaps a drawing in SVG)"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
    ],
)
def test_drawings_and_pages_are_told(content, said, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_photo(path)
    assert str(caught.value) == f"{path} is {said}, and no picture of pixels; save it as PNG, JPEG, WebP or TIFF"


def test_what_is_no_file_is_told_at_once(tmp_path):
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for source, said in (
        (tmp_path / "folder.png", f"{tmp_path / 'folder.png'} is a folder; give a picture's file"),
        (tmp_path / "pipe.png", f"{tmp_path / 'pipe.png'} is a device or pipe; give a picture's file"),
        ("", "the path of the photo is empty; give a picture"),
        (Image.new("RGB", (0, 5)), "the picture has no pixels: 0 x 5; give a picture"),
    ):
        with pytest.raises(InputError) as caught:
            read_photo(source)
        assert str(caught.value) == said


@pytest.mark.parametrize("name", ["a.gif", "a.tif", "a.webp", "a.png", "cut.png"])
@pytest.mark.filterwarnings("error::ResourceWarning", "ignore:.*the first is taken")
def test_no_file_stays_open(name, tmp_path):
    first, second = (Image.new("RGB", (40, 40), colour) for colour in ("red", "blue"))
    first.save(tmp_path / name, save_all=name != "cut.png", append_images=[second])
    if name == "cut.png":
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:60])
    opened = []
    real = Image.open
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image, "open", lambda path: opened.append(real(path)) or opened[-1])
        if name == "cut.png":
            with pytest.raises(InputError, match="damaged or cut short"):
                read_photo(tmp_path / name)
        else:
            assert read_photo(tmp_path / name).pixels[0, 0].tolist() == pytest.approx([255, 0, 0], abs=4)
    assert opened[0].fp is None or opened[0].fp.closed

"""Films: read and written with their sound, a face followed without jitter, one tuning for all frames, each refusal."""

import builtins
import json
import subprocess

import numpy as np
import pytest
import skimage.data
import torch
from directions_kit import make
from PIL import Image

from eclipsed.commands import cli
from eclipsed.editor import Editor
from eclipsed.errors import InputError, MissingExtraError
from eclipsed.images.conversion import to_uint8
from eclipsed.images.metrics import flicker
from eclipsed.inversion.film_tracking import runs_of, smooth, track
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.photos.cascade import MTCNNFinder
from eclipsed.photos.films import Film, save_film
from eclipsed.photos.finding import FoundFace
from eclipsed.photos.reading import Photo
from eclipsed.prompts.region import Region
from eclipsed.store.files import find_network
from eclipsed.values.extras import pip_line
from recipes.mini.speaking import speaking

pytestmark = pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")
FEW = InversionConfig(level="best", steps_from_mean=2, tuning_steps=4)
POINTS = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0], [-0.15, 0.3], [0.15, 0.3]])  # a face of size 1


class Moves:
    """Finds faces at given places, frame after frame; none where it was given none."""

    def __init__(self, *frames):
        self.frames = iter(frames)

    def find(self, photo):
        faces = [POINTS * 30 + np.array(centre) for centre in next(self.frames)]
        return [FoundFace((*points.min(0), *points.max(0)), points) for points in faces]


def photo(side=120):
    return Photo(np.zeros((side, side, 3), np.uint8), name="a frame")


def drawn(count, size=48):
    return [to_uint8(frame)[0].numpy() for frame in speaking(3, count, size)]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """One film of six frames in all three forms; the MP4 with a tone."""
    place = tmp_path_factory.mktemp("films")
    frames = drawn(6)
    (place / "frames").mkdir()
    for number, frame in enumerate(frames, 1):
        Image.fromarray(frame).save(place / "frames" / f"{number:03d}.png")
    first, *rest = map(Image.fromarray, frames)
    first.save(place / "film.gif", save_all=True, append_images=rest, duration=80, loop=0)
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason='films need ffmpeg: pip install ".[video]"')
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.5"]
    pictures = ["-framerate", "12", "-i", str(place / "frames" / "%03d.png")]
    command = [ffmpeg.get_ffmpeg_exe(), "-v", "error", *pictures, *tone, "-crf", "5", "-pix_fmt", "yuv420p"]
    subprocess.run([*command, str(place / "film.mp4")], check=True)
    return place


def sound_of(path):
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-map", "0:a", "-c", "copy"]
    return subprocess.run([*command, "-f", "adts", "-"], check=True, capture_output=True).stdout


def test_a_film_can_be_gone_through_several_times(films):
    frames = drawn(6)
    film = Film.open(films / "frames")
    assert (film.sound, film.frames[0]) == (False, "001.png")
    for _ in range(2):
        assert all(np.array_equal(one.pixels, frame) for one, frame in zip(film, frames, strict=True))
    assert Film.open(films / "film.gif").fps == 12.5
    assert len(list(Film.open(films / "film.gif"))) == 6
    film = Film.open(films / "film.mp4")
    assert (film.fps, film.sound) == (12.0, True)
    seen = [one.pixels.astype(float) for one in film]
    assert [one.shape for one in seen] == [(48, 48, 3)] * 6
    assert max(np.abs(one - frame).mean() for one, frame in zip(seen, frames, strict=True)) < 6


def test_a_film_is_written_with_the_sound_of_another(films, tmp_path):
    film = Film.open(films / "film.mp4")
    save_film((one.pixels for one in film), film, tmp_path / "out.mp4")
    again = Film.open(tmp_path / "out.mp4")
    assert (again.fps, again.sound, len(list(again))) == (12.0, True, 6)
    assert sound_of(tmp_path / "out.mp4") == sound_of(films / "film.mp4") != b""
    save_film((one.pixels for one in film), film, tmp_path / "out.gif")
    assert len(list(Film.open(tmp_path / "out.gif"))) == 6


def test_a_place_does_not_tremble_and_is_not_held_back():
    steady = np.stack([np.arange(20.0), 5 - 2 * np.arange(20.0)], axis=1)
    np.testing.assert_allclose(smooth(steady), steady)  # a steady movement stays what it is, up to both ends
    noise = np.random.default_rng(0).normal(size=(200, 1))
    assert smooth(noise)[10:-10].std() < 0.5 * noise.std()


def test_the_nearest_face_is_followed_and_short_gaps_are_bridged():
    frames = [[(40, 60), (90, 60)], [(92, 60), (41, 60)], [], [(43, 60)], *[[]] * 12, [(44, 60)]]
    places = track(Moves(*frames), [photo()] * len(frames), face=1)
    assert [place is not None for place in places] == [True] * 4 + [False] * 12 + [True]
    assert all(abs(place.centre[0] - 41.5) < 3 for place in places if place is not None)
    assert runs_of(places) == [range(4), range(16, 17)]


@pytest.mark.parametrize(
    ("frames", "face", "message"),
    [
        ([[], []], None, "no frame shows a face from the front; give a film that does"),
        ([[(40, 60), (90, 60)]], None, "a frame shows 2 faces; choose one by its number from the left"),
        ([[(40, 60)]], 2, "a frame has no face 2: 1 found, counted from the left"),
    ],
)
def test_a_film_without_the_face(frames, face, message):
    with pytest.raises(InputError) as caught:
        track(Moves(*frames), [photo()] * len(frames), face=face)
    assert str(caught.value) == message


def test_a_real_face_that_moves_is_followed_by_the_finder_that_ships():
    """A photograph that walks to the right and comes nearer, over twelve frames."""
    whole = Image.fromarray(skimage.data.astronaut())
    scales, shifts = 0.8 + 0.02 * np.arange(12), 5.0 * np.arange(12)
    frames = []
    for scale, shift in zip(scales, shifts, strict=True):
        inverse = (1 / scale, 0, -shift / scale, 0, 1 / scale, 0)
        moved = whole.transform((480, 480), Image.Transform.AFFINE, inverse, Image.Resampling.BICUBIC)
        frames.append(Photo(np.asarray(moved), name="a frame"))
    places = track(MTCNNFinder.from_file(find_network("mtcnn"), device="cpu"), frames)
    assert all(place is not None for place in places)
    sides = np.array([place.side for place in places])
    first = places[0]
    still = ((np.array(first.centre) - (shifts[0], 0)) / scales[0], sides[0] / scales[0])  # in the photograph itself
    for place, side, scale, shift in zip(places, sides, scales, shifts, strict=True):
        centre = still[0] * scale + (shift, 0)
        assert np.hypot(*(np.array(place.centre) - centre)) < 0.04 * side
        assert side == pytest.approx(still[1] * scale, rel=0.05)
    tremble = np.abs(np.diff(sides, n=2)).max() / sides.mean()
    assert tremble < 0.01


def test_flicker_is_the_second_difference():
    ramp = torch.arange(5.0)[:, None, None, None].expand(5, 3, 4, 4)
    assert float(flicker(ramp)) == 0
    jump = ramp.clone()
    jump[2] += 1
    assert float(flicker(jump)) == pytest.approx((1 + 2 + 1) / 3)
    left = torch.zeros(1, 1, 4, 4)
    left[..., :2] = 1
    jump[:, :, :, :2] = ramp[:, :, :, :2]
    assert float(flicker(jump, left)) == 0
    with pytest.raises(InputError, match=r"^flicker is seen in three frames or more; got 2$"):
        flicker(ramp[:2])


@pytest.fixture(scope="module")
def hair(editor):
    return make(editor.generator, region=Region.from_parts(["hair"]), name="way") * 0.6


def test_every_frame_is_edited_with_one_tuning(editor, hair, films, tmp_path, monkeypatch):
    seen = []
    own = Editor.edit

    def noted(self, faces, *rest, **how):
        seen.append(faces)
        return own(self, faces, *rest, **how)

    monkeypatch.setattr(Editor, "edit", noted)
    told = []
    edited = editor.edit_film(
        films / "frames", hair, tmp_path / "out", aligned=True, config=FEW, tell=lambda *facts: told.append(facts)
    )
    assert (edited.path, edited.frames, edited.edited) == (tmp_path / "out", 6, 6)
    tunings = {id(faces.origins[0].tuning) for faces in seen if faces.origins}
    assert len(tunings) == 1
    assert None not in {faces.origins[0].tuning for faces in seen if faces.origins}
    assert [phase for phase, done, _ in told if done == 0] == ["inverting", "tuning", "editing"]
    result = [np.asarray(Image.open(tmp_path / "out" / f"{k:03d}.png")) for k in range(1, 7)]
    assert all(not np.array_equal(one, frame) for one, frame in zip(result, drawn(6), strict=True))
    assert 0 < edited.flicker < 3


def test_frames_without_the_face_stay_and_so_does_the_sound(editor, hair, films, tmp_path):
    finder = Moves([(24, 24)], *[[]] * 5)
    one = Editor(editor.generator, editor.parser, editor.clip, name="stub", truncation_psi=0.8, finder=finder)
    config = InversionConfig(level="good", steps_from_mean=1, finish_steps=0)
    edited = one.edit_film(films / "film.mp4", hair, tmp_path / "out.mp4", config=config)
    assert (edited.frames, edited.edited, edited.flicker) == (6, 1, 1.0)
    assert sound_of(tmp_path / "out.mp4") == sound_of(films / "film.mp4")
    before, after = (np.stack([f.pixels for f in Film.open(p)]).astype(float) for p in
                     (films / "film.mp4", tmp_path / "out.mp4"))  # fmt: skip
    assert np.abs(before[2:] - after[2:]).mean() < 3  # what the codec does


def test_what_is_no_film_is_one_sentence(editor, hair, films, tmp_path, monkeypatch):
    def refused(film, out="out.mp4", **how):
        with pytest.raises((InputError, MissingExtraError)) as caught:
            editor.edit_film(film, hair, tmp_path / out if isinstance(out, str) else out, **how)
        return str(caught.value)

    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("no film")
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "text.gif").write_text("no film")
    suffixes = ".mp4, .mov, .m4v, .mkv, .webm, .avi"
    assert refused(tmp_path / "none.mp4") == f"{tmp_path}/none.mp4 is not there; check the path of the film"
    assert refused(tmp_path / "empty") == (
        f"{tmp_path}/empty holds no frames: pictures that end in .png, .jpg, .jpeg, .webp, .bmp"
    )
    assert refused(tmp_path / "text.txt") == (
        f"{tmp_path}/text.txt is no film: give {suffixes}, a .gif or a folder of frames"
    )
    assert refused(tmp_path / "text.mp4").startswith(f"{tmp_path}/text.mp4 is no film that ffmpeg can read: ")
    assert refused(tmp_path / "text.gif") == f"{tmp_path}/text.gif is no GIF that can be read"
    assert refused(films / "film.gif", "out.png") == f"end the film in .mp4 or .gif; got '{tmp_path}/out.png'"
    assert refused(films / "film.mp4", films / "film.mp4") == (
        f"{films}/film.mp4 is the film itself; write the result elsewhere"
    )
    assert refused(films / "frames", "out.mp4") == (
        f"the frames of a folder are written into a folder; got '{tmp_path}/out.mp4'"
    )
    original = builtins.__import__

    def without(name, *rest, **how):
        if name == "imageio_ffmpeg":
            raise ImportError(name)
        return original(name, *rest, **how)

    monkeypatch.setattr(builtins, "__import__", without)
    said = refused(films / "film.mp4")
    assert said == f"films need ffmpeg: {pip_line(extra='video')}; or give a .gif or frames"


def test_the_command_line(model_set, hair, films, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hair.save("way.safetensors")
    words = ["video", str(films / "frames"), "way.safetensors", "--out", "new", "--models", str(model_set)]
    monkeypatch.setattr("eclipsed.inversion.inverter.InversionConfig.steps_from_mean", 1, raising=False)
    assert cli.run([*words, "--aligned", "--device", "cpu", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {**told, "flicker": 0} == {"path": "new", "frames": 6, "edited": 6, "flicker": 0}
    assert cli.run(["video", "none.mp4", "way.safetensors", "--out", "new.mp4"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: none.mp4 is not there; check the path of the film"
    assert cli.run(["video", str(films / "frames"), "--out", "new"]) == 1
    assert "name a direction to edit the film with" in capsys.readouterr().err

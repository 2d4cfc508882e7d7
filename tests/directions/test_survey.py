"""The boundary that many faces tell: planted in numbers, it is found; what goes together is held apart."""

import pytest
import torch
from torch.nn import functional as F

from eclipsed import Editor
from eclipsed.directions import survey
from eclipsed.directions.survey import SURVEY_CHUNK, Survey
from eclipsed.directions.survey_file import SurveyFile, survey_key
from eclipsed.files import header
from eclipsed.files.kinds import SURVEY
from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.callable_clip import CallableClip
from eclipsed.values.seeds import SURVEY_FACES, TRAINING_SEEDS

COUNT, DIM = 3000, 12


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def planted(*, together=0.0, noise=0.1):
    """Faces whose first number is what is asked for, and whose second is a bystander that may go with it."""
    w = torch.randn(COUNT, DIM, generator=rng())
    w[:, 1] = together * w[:, 0] + (1 - together**2) ** 0.5 * w[:, 1]
    seen = torch.zeros(COUNT, 4)
    seen[:, 0], seen[:, 1] = w[:, 0], -w[:, 0]
    seen[:, 2], seen[:, 3] = w[:, 1], -w[:, 1]
    seen = seen + noise * torch.randn(COUNT, 4, generator=rng(1))
    return Survey(w, F.normalize(seen, dim=1)), WStatistics.of(w, share=1.0)


ASKED = torch.eye(4)[:2]  # a caption of the first number, and of its opposite
BYSTANDER = torch.eye(4)[2:]


def angle(change, axis):
    return float(F.cosine_similarity(change, torch.eye(DIM)[axis], dim=0).arccos().rad2deg())


def test_a_planted_boundary_is_found():
    faces, statistics = planted()
    change = faces.boundary(ASKED, statistics)
    assert angle(change, 0) < 5
    assert float(change.norm()) == pytest.approx(1.6, abs=0.2)  # of a normal number, the mean above 0 less that below


def test_the_opposite_is_the_way_back():
    faces, statistics = planted()
    there, back = faces.boundary(ASKED, statistics), faces.boundary(ASKED.flip(0), statistics)
    assert float(F.cosine_similarity(there, back, dim=0)) < -0.99


@pytest.mark.parametrize("together", [0.0, 0.6])
def test_what_goes_together_is_held_apart(together):
    faces, statistics = planted(together=together)
    having = faces.w[faces.margins(ASKED) > 0].mean(dim=0) - faces.w[faces.margins(ASKED) <= 0].mean(dim=0)
    alone = faces.boundary(ASKED, statistics)
    kept = faces.boundary(ASKED, statistics, bystanders=[BYSTANDER])
    assert float(having[1] / having[0]) == pytest.approx(together, abs=0.05)
    assert abs(float(alone[1] / alone[0])) < 0.05
    assert abs(float(kept[1] / kept[0])) < 0.09


def test_faces_of_which_clip_is_in_doubt_count_as_between():
    """Verdicts that err near the edge mislead less than if each were a whole yes or no."""
    faces, statistics = planted(noise=1.0)
    margins = faces.margins(ASKED).double()
    w = faces.w.double() - faces.w.double().mean(dim=0)
    having = (margins > 0).double()
    hard = torch.linalg.lstsq(w, (having - having.mean())[:, None]).solution[:, 0].float()
    assert angle(faces.boundary(ASKED, statistics), 0) < angle(hard, 0)


def test_fewer_faces_are_believed_less():
    """Where there are hardly more faces than numbers of w, a plain regression follows the noise."""
    ours, plain = [], []
    for seed in range(8):
        w = torch.randn(80, 60, generator=rng(seed))
        seen = w[:, :1] @ torch.tensor([[1.0, -1.0]]) + torch.randn(80, 2, generator=rng(100 + seed))
        few = Survey(w, F.normalize(F.pad(seen, (0, 2)), dim=1))
        having = (few.margins(ASKED) > 0).float()
        regression = torch.linalg.lstsq(w - w.mean(dim=0), (having - having.mean())[:, None]).solution[:, 0]
        for found, into in ((few.boundary(ASKED, WStatistics.of(w, share=1.0)), ours), (regression, plain)):
            into.append(float(found[0] / found.norm()))
    assert sum(ours) / 8 > sum(plain) / 8 + 0.1


def test_few_or_nearly_all_faces_have_it():
    faces, statistics = planted()
    for shift in (3.0, -3.0):
        moved = faces.embedding.clone()
        moved[:, 0] += shift
        assert angle(Survey(faces.w, moved).boundary(ASKED, statistics), 0) < 20


def test_no_unit_of_a_clip_matters():
    """Narrow cosines, as of real models: all views share a large part."""
    faces, statistics = planted()
    shared = torch.tensor([0.9])
    narrow = Survey(faces.w, torch.cat([0.4 * faces.embedding, shared.expand(COUNT, 1)], dim=1))
    texts = F.pad(0.4 * ASKED, (0, 1), value=0.9)
    found, plain = narrow.boundary(texts, statistics), faces.boundary(ASKED, statistics)
    assert float(F.cosine_similarity(found, plain, dim=0)) > 0.9999


DRAWN = SynthesisOptions(resolution=32)


@pytest.fixture
def looks(editor, monkeypatch, tmp_path):
    """How often CLIP looked, in a process that keeps nothing but files."""
    calls = []
    encode = editor.clip.encode_images
    monkeypatch.setattr(editor.clip, "encode_images", lambda *a, **k: calls.append(1) or encode(*a, **k))
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    survey._made.clear()
    yield calls
    survey._made.clear()


def test_faces_are_looked_at_once(editor, looks):
    told = []
    first = Survey.of(editor.generator, editor.clip, options=DRAWN, count=40, tell=told.append)
    assert len(looks) == 3 == -(-40 // SURVEY_CHUNK)
    assert told == [1, 2, 3]
    assert Survey.of(editor.generator, editor.clip, options=DRAWN, count=40) is first
    assert len(looks) == 3
    assert Survey.of(editor.generator, editor.clip, options=DRAWN, count=24) is not first
    assert first.w.shape == (40, editor.generator.w_dim)
    assert float(first.embedding.norm(dim=1).sub(1).abs().max()) < 1e-3


def kept(editor):
    return SurveyFile(survey_key(editor.generator, editor.clip, 32))


def test_another_process_looks_at_the_first_faces_alone(editor, looks):
    first = Survey.of(editor.generator, editor.clip, options=DRAWN, count=64)
    survey._made.clear()
    looks.clear()
    again = Survey.of(editor.generator, editor.clip, options=DRAWN, count=64, tell=pytest.fail)
    assert len(looks) == 1  # whether CLIP sees them as it did
    assert torch.equal(again.embedding, first.embedding)
    assert torch.equal(again.w, first.w)
    survey._made.clear()
    fewer = Survey.of(editor.generator, editor.clip, options=DRAWN, count=24, tell=pytest.fail)
    assert torch.equal(fewer.embedding, first.embedding[:24])
    assert len(kept(editor).read()) == 64  # what is known is not cut short


def test_one_that_was_cut_short_goes_on_where_it_was(editor, looks, monkeypatch):
    whole = Survey.of(editor.generator, editor.clip, options=DRAWN, count=96)
    survey._made.clear()
    kept(editor).path.unlink()
    monkeypatch.setattr(survey, "_KEPT_EVERY", 2)

    def stop(chunk):
        if chunk == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Survey.of(editor.generator, editor.clip, options=DRAWN, count=96, tell=stop)
    assert len(kept(editor).read()) == 4 * SURVEY_CHUNK
    told = []
    resumed = Survey.of(editor.generator, editor.clip, options=DRAWN, count=96, tell=told.append)
    assert told == [5, 6]
    assert torch.equal(resumed.embedding, whole.embedding)


def test_a_file_of_another_eye_and_a_damaged_one_do_not_count(editor, looks):
    first = Survey.of(editor.generator, editor.clip, options=DRAWN, count=32)
    path = kept(editor).path
    good = path.read_bytes()
    for spoil in (lambda: kept_as(path, -first.embedding), lambda: kept_as(path, first.embedding[:, :-1])):
        path.unlink()
        spoil()
        survey._made.clear()
        assert torch.equal(Survey.of(editor.generator, editor.clip, options=DRAWN, count=32).embedding, first.embedding)
    for damage in (good[:50], b"", b"no file of ours"):
        path.write_bytes(damage)
        survey._made.clear()
        assert torch.equal(Survey.of(editor.generator, editor.clip, options=DRAWN, count=32).embedding, first.embedding)
        assert len(kept(editor).read()) == 32


def kept_as(path, embedding):
    header.write(path, SURVEY, {}, {"embedding": embedding.half().contiguous()})


def test_a_place_that_cannot_be_written_stops_nobody(editor, looks, monkeypatch, tmp_path):
    (tmp_path / "home").write_text("a file where a folder should be")
    assert len(Survey.of(editor.generator, editor.clip, options=DRAWN, count=24).w) == 24


def test_of_a_clip_that_nobody_can_tell_nothing_is_kept(editor, looks, tmp_path):
    clip = CallableClip(
        lambda images: images.mean(dim=3).flatten(1), lambda texts: torch.ones(len(texts), 96), name="own", size=32
    )
    assert len(Survey.of(editor.generator, clip, options=DRAWN, count=24).w) == 24
    assert not (tmp_path / "home").exists()


def test_the_survey_of_mini_ships():
    """The first training on a new machine need not look at the faces."""
    editor = Editor.from_pretrained("mini", device="cpu")
    shipped = SurveyFile(survey_key(editor.generator, editor.clip, 128)).read()
    assert shipped is not None
    assert len(shipped) == SURVEY_FACES
    faces = Latent.of_seeds(editor.generator, range(TRAINING_SEEDS.start, TRAINING_SEEDS.start + 4))
    images = faces.render(editor.generator, SynthesisOptions(resolution=128)).image
    assert float(F.cosine_similarity(editor.clip.encode_images(images), shipped[:4], dim=1).min()) > 0.9995

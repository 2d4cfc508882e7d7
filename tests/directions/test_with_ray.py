"""What is measured once for a generator, by one process and by a Ray cluster of two nodes: the same bits."""

import sys
from weakref import WeakKeyDictionary

import crew_kit
import pytest
import torch

import eclipsed
from eclipsed.directions.atlas import Atlas
from eclipsed.directions.boundary import fit_boundary
from eclipsed.directions.components import components_of_features, components_of_w
from eclipsed.directions.labelling import label_faces
from eclipsed.directions.margins import class_margin
from eclipsed.directions.style_matrix import StyleMatrix
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.pretrained.classifier import Classifier
from eclipsed.prompts.target import Target
from eclipsed.store.sets import find_set

cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="a cluster in one machine")]

ONE = eclipsed.Crew(1)


@pytest.fixture(scope="module")
def two():
    started = cluster_utils.Cluster()
    try:
        for options in ({"include_dashboard": False}, {}):
            crew_kit.add_node(started, **options)
        yield eclipsed.Crew(2, ray=started.address, cpus=0.6)
    finally:
        started.shutdown()


def style_matrix(editor, crew):
    return [StyleMatrix.of(editor.generator, editor.clip, faces=12, crew=crew).vectors]


def atlas(editor, crew):
    found = Atlas.of(editor.generator, editor.clip, editor.parser, faces=128, crew=crew)
    return [*found.seen, found.along]


def components(editor, crew):
    found = components_of_w(editor.generator, count=3, samples=9000, crew=crew)
    return [found.mean, found.basis, found.deviation]


def features(editor, crew):
    found = components_of_features(editor.generator, count=3, samples=150, crew=crew)
    return [found.mean, found.basis, found.deviation]


def boundary(editor, crew):
    classifier = Classifier.from_file(find_set("mini").classifier, device="cpu")
    margin = class_margin(classifier, Target.parse("hair_colour=blond", classifier.attributes))
    w, scores = label_faces(editor.generator, margin, range(120), crew=crew)
    plane = fit_boundary(w, scores, statistics=WStatistics.of(w, share=1.0)).plane
    return [w, scores, torch.tensor([*plane.normal, plane.offset, plane.deviation], dtype=torch.float64)]


@pytest.mark.parametrize("measure", [style_matrix, atlas, components, features, boundary])
def test_a_cluster_measures_what_one_process_does(measure, editor, two, tmp_path, monkeypatch):
    found = []
    for crew in (ONE, two):
        monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / str(len(found))))  # nothing is known of another run
        monkeypatch.setattr("eclipsed.directions.atlas._made", WeakKeyDictionary())
        found.append(measure(editor, crew))
    assert all(map(torch.equal, *found))
    assert len(found[0]) == len(found[1])

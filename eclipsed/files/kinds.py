"""Every kind of file of our own, its format's version, and what is said when something else lies in its place."""

from __future__ import annotations

from eclipsed.errors import CheckpointError, DirectionError, InputError
from eclipsed.files.header import Kind

__all__ = [
    "ATLAS",
    "CLASSIFIER",
    "CLIP",
    "DIRECTION",
    "ENCODER",
    "FACES",
    "FACE_FINDER",
    "GENERATOR",
    "JUDGE_TRAINING",
    "PAINTED_PART",
    "PARSER",
    "STYLES",
    "SURVEY",
    "TRAINING",
]

GENERATOR = Kind(
    name="generator",
    noun="generator",
    error=CheckpointError,
    damaged="{path}: damaged or cut short safetensors file ({why}); fetch it again",
    bare="{path}: a safetensors file, but without eclipsed's metadata; it holds no generator of ours",
    another="{path}: expected a generator; this file holds {kind!r}, which cannot be read as one",
    outdated="{path}: generator format version {found!r}; this eclipsed reads version {known}",
)

PARSER = Kind(
    name="parser",
    noun="face parser",
    error=CheckpointError,
    advice="give the file of a parser",
    absent="the parser checkpoint {path} does not exist",
    outdated="{path} is a parser of format {found!r}; this eclipsed reads format {known}",
)

PAINTED_PART = Kind(
    name="painted-part",
    noun="painted part",
    error=CheckpointError,
    advice="one is written by `eclipsed parts learn`",
    absent="there is no file {path} of a painted part; `eclipsed parts list` shows those that are kept",
)

ENCODER = Kind(
    name="encoder",
    noun="encoder",
    error=CheckpointError,
    advice="give the encoder.safetensors of a set",
    outdated="{path} is an encoder of format {found!r}; this eclipsed reads format {known}",
)

CLASSIFIER = Kind(
    name="classifier",
    noun="classifier",
    error=CheckpointError,
    advice="give the classifier.safetensors of a set, or a judge of your own",
)

FACE_FINDER = Kind(
    name="face-finder",
    noun="face finder",
    error=CheckpointError,
    advice="give mtcnn.safetensors, which ships with eclipsed",
)

CLIP = Kind(
    name="clip",
    noun="CLIP",
    error=CheckpointError,
    advice="give a file of CLIP weights",
    absent="the CLIP weights {path} do not exist",
    damaged="{path}: damaged or cut short safetensors file ({why}); fetch it again",
)

DIRECTION = Kind(
    name="direction",
    noun="direction",
    error=DirectionError,
    absent="there is no direction file {path}; train one, or check the name",
    damaged="{path}: not a direction file, or cut short ({why})",
    bare="{path}: a safetensors file, but without the metadata of a direction; train one first",
    another="{path}: not a direction file: expected the metadata of a direction; got the kind {kind!r}",
    outdated="{path}: its format has version {found!r}; this eclipsed reads version {known}",
)

TRAINING = Kind(
    name="training",
    noun="saved training",
    error=InputError,
    absent="there is no saved training {path}; start one without resuming",
    damaged="{path} is not a saved training, or is damaged ({why})",
    bare="{path} is not a saved training: it has no metadata of eclipsed's",
    another="{path} is not a saved training but of the kind {kind!r}",
)

JUDGE_TRAINING = Kind(
    name="judge-training",
    noun="saved training of a judge",
    error=InputError,
    absent="there is no {noun} {path}; start one without resuming",
    damaged="{path} is no {noun}, or is damaged ({why})",
    advice="give what `eclipsed judge train … --state` wrote",
)

FACES = Kind(
    name="faces",
    noun="saved face",
    error=InputError,
    version=2,  # from 2 on of faces from seeds and ws, too
    advice="one is written by `eclipsed photo … --save-face`",
    damaged="{path} is damaged or no saved face: {why}",
)

SURVEY = Kind(
    name="survey",
    noun="survey of faces",
    error=CheckpointError,
    advice="remove it, and it is made again",
)

STYLES = Kind(
    name="styles",
    noun="matrix of style channels",
    error=CheckpointError,
    advice="leave it out, and they are measured",
)

ATLAS = Kind(
    name="atlas",
    noun="atlas",
    error=CheckpointError,
    advice="give what `eclipsed atlas build` wrote",
)

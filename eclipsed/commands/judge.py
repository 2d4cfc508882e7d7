"""``eclipsed judge``: a classifier of your own, from pictures whose class is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eclipsed.commands.faces import check_picture
from eclipsed.commands.options import Device, Json
from eclipsed.commands.progress import ProgressBar, listed
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.errors import InputError
from eclipsed.evaluation.judge_config import JudgeConfig
from eclipsed.files.atomic import check_writable
from eclipsed.values.choices import BACKBONES

if TYPE_CHECKING:
    from eclipsed.evaluation.judge_training import JudgeStep
    from eclipsed.evaluation.scores import Scores

__all__ = ["app"]

app = typer.Typer(
    help="Train a judge of your own, and classify pictures.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_SUFFIX = ".safetensors"
_PHASES = {"read": "reading", "frozen": "last layer", "fine": "all layers"}
_DEFAULTS = JudgeConfig()

Source = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER",
        help="A folder with a folder of pictures for each class; or a CSV of two columns, picture and class.",
    ),
]
JudgeFile = Annotated[Path, typer.Argument(metavar="JUDGE", help="A judge's file, or the classifier of a model set.")]
Matrix = Annotated[
    Path | None,
    typer.Option("--matrix", metavar="FILE", help="Also draw which classes are taken for which (.png, .jpg, .webp)."),
]


def _option(name: str, text: str, *, metavar: str | None = None) -> Any:
    """An option of training; None stands for its default, which `JudgeConfig` owns and the help page shows."""
    shown = f"{text} (default {getattr(_DEFAULTS, name)})"
    return typer.Option("--" + name.replace("_", "-"), metavar=metavar, help=shown, show_default=False)


@app.command()
def train(
    source: Source,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File of the judge.")],
    backbone: Annotated[
        str | None, _option("backbone", f"What it begins with: {', '.join(BACKBONES)}", metavar="NAME")
    ] = None,
    attribute: Annotated[
        str | None,
        typer.Option(
            "--attribute",
            metavar="NAME",
            help="What the classes are classes of.",
            show_default="the folder's name, or that of the CSV's second column",
        ),
    ] = None,
    held_out: Annotated[
        Path | None,
        typer.Option(
            "--held-out",
            metavar="FOLDER",
            help="Other pictures in the same classes, for the figures.",
            show_default="a share of the pictures",
        ),
    ] = None,
    frozen_epochs: Annotated[int | None, _option("frozen_epochs", "Passes in which only the last layer learns")] = None,
    epochs: Annotated[int | None, _option("epochs", "Passes in which all layers learn, at most")] = None,
    patience: Annotated[int | None, _option("patience", "Of these, how many may bring nothing")] = None,
    batch: Annotated[int | None, _option("batch", "Pictures in a step")] = None,
    learning_rate: Annotated[float | None, _option("learning_rate", "Learning rate of new layers")] = None,
    seed: Annotated[int | None, _option("seed", "Seed of all that is random")] = None,
    no_flip: Annotated[
        bool, typer.Option("--no-flip", help="Mirror no picture: where left and right tell classes apart.")
    ] = False,
    matrix: Matrix = None,
    state: Annotated[Path | None, typer.Option("--state", help="File to save the running training to.")] = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Such a file, to go on from.")] = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Train a classifier on pictures of your own, and measure it on others.

    It serves `evaluate --judge` and `judge run`.
    """
    given: dict[str, Any] = {
        "backbone": backbone,
        "frozen_epochs": frozen_epochs,
        "epochs": epochs,
        "patience": patience,
        "batch": batch,
        "learning_rate": learning_rate,
        "seed": seed,
        "flip": False if no_flip else None,
    }
    config = JudgeConfig(**{name: value for name, value in given.items() if value is not None})
    for path, what in ((out, "a judge"), (state, "the file of a running training")):
        if path is not None:
            check_writable(path)
            if path.suffix.lower() != _SUFFIX:
                raise InputError(f"{what} ends in {_SUFFIX}; got {str(path)!r}")
    if matrix is not None:
        check_picture(matrix)
    from eclipsed.evaluation.judge_training import train_judge

    with ProgressBar() as bar:
        judge = train_judge(
            source,
            config=config,
            attribute=attribute,
            held_out=held_out,
            callback=lambda step: _tell(bar, step),
            state=state,
            resume=resume,
            device=device,
        )
    judge.save(out)
    _draw(judge.scores, matrix)
    if as_json:
        told = {"epochs": judge.epochs, "best_epoch": judge.best_epoch, "pictures": judge.pictures}
        result_json({"path": out, "matrix": matrix, **told, "config": config.to_json(), **judge.scores.to_json()})
        return
    note(str(judge.scores))
    result(str(out))
    if matrix is not None:
        result(str(matrix))


@app.command()
def run(
    judge: JudgeFile,
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="Pictures, or folders of them.")],
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Say what a judge sees on pictures."""
    from eclipsed.evaluation.classifying import classify
    from eclipsed.evaluation.labelled import picture_files
    from eclipsed.pretrained.classifier import Classifier

    files = [file for one in pictures for file in picture_files(one)]
    classifier = Classifier.from_file(judge, device=device)
    with ProgressBar() as bar:
        found = classify(classifier, files, tell=lambda done: bar.show("pictures", done, len(files)))
    if as_json:
        result_json([{"path": file, "attributes": seen} for file, seen in zip(files, found, strict=True)])
        return
    for file, seen in zip(files, found, strict=True):
        told = (f"{name} {next(iter(shares))} {next(iter(shares.values())):.0%}" for name, shares in seen.items())
        result(f"{file}: {', '.join(told)}")


@app.command()
def score(
    judge: JudgeFile,
    source: Source,
    attribute: Annotated[
        str | None,
        typer.Option(
            "--attribute",
            metavar="NAME",
            help="Which the classes are classes of.",
            show_default="the only one that the judge has",
        ),
    ] = None,
    matrix: Matrix = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Measure a judge on pictures whose class is known."""
    if matrix is not None:
        check_picture(matrix)
    from eclipsed.evaluation.classifying import score_judge
    from eclipsed.pretrained.classifier import Classifier

    classifier = Classifier.from_file(judge, device=device)
    with ProgressBar() as bar:
        scores = score_judge(
            classifier, source, attribute=attribute, tell=lambda done, total: bar.show("reading", done, total)
        )
    _draw(scores, matrix)
    if as_json:
        result_json({"judge": judge, "matrix": matrix, **scores.to_json()})
        return
    result(str(scores))
    if matrix is not None:
        result(str(matrix))


def _tell(bar: ProgressBar, step: JudgeStep) -> None:
    terms = {"loss": step.loss, "validation": step.validation_loss, "right": step.accuracy}
    bar.show(_PHASES[step.phase], step.step, step.steps, figures=listed(terms))


def _draw(scores: Scores, matrix: Path | None) -> None:
    if matrix is not None:
        from eclipsed.images.pictures import save_picture

        save_picture(scores.picture(), matrix)

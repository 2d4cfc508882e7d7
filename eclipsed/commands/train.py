"""``eclipsed train`` and ``eclipsed try``: one sentence in, one direction out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eclipsed.commands.faces import check_picture, open_editor
from eclipsed.commands.options import (
    ClassIndex,
    Clips,
    Cpus,
    Device,
    GpusOrAuto,
    Json,
    MaskFile,
    Models,
    PromptFile,
    RayAddress,
    Threads,
    Witness,
    Workers,
    default_of,
    parse_gpus,
    parse_layers,
    parse_names,
    parse_setting,
    refuse,
    settings_beside,
)
from eclipsed.commands.progress import ProgressBar, waiting
from eclipsed.commands.step_log import StepLog, check_log
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.commands.train_many import learn_many
from eclipsed.directions.verdict import verdict
from eclipsed.errors import InputError, TrainingError
from eclipsed.files.atomic import check_writable
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.training.config import TrainConfig
from eclipsed.values.seeds import parse_seeds

if TYPE_CHECKING:
    from eclipsed.editor import Editor
    from eclipsed.latents.direction import Direction
    from eclipsed.prompts.region import Region
    from eclipsed.training.events import TrainStep

__all__ = ["train", "try_it"]

_STRIP_ALPHAS = (-1.0, -0.5, 0.0, 0.5, 1.0)
_STRIP_SEEDS = "1-4"
_OPTIONS = (  # of training that have an option of their own
    "class_index",
    "steps",
    "batch",
    "seed",
    "space",
    "layers",
    "clip_weight",
    "locality_weight",
    "precision",
    "low_memory",
)
_SUFFIX = ".safetensors"

_UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")

Prompt = Annotated[str, typer.Argument(help="What the edited face shall look like, in one sentence.")]
RegionNames = Annotated[
    str | None,
    typer.Option("--region", metavar="PARTS", help="Parts that may change: hair,hat …", show_default="from the prompt"),
]


def _option(name: str, text: str) -> Any:
    """A training option; None stands for its default, which `TrainConfig` owns and the help page shows."""
    return typer.Option("--" + name.replace("_", "-"), help=f"{text} (default {default_of(name)})", show_default=False)


def train(
    context: typer.Context,
    prompt: Annotated[
        str | None,
        typer.Argument(help="What the edited face shall look like, in one sentence.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Direction file; with --file, folder of the results.",
            show_default="named by the prompt",
        ),
    ] = None,
    file: PromptFile = None,
    image: Annotated[
        Path | None,
        typer.Option(
            "--image",
            metavar="PICTURE",
            help="Learn from a picture instead: this lipstick, this hat. See --region.",
        ),
    ] = None,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    region: RegionNames = None,
    mask: MaskFile = None,
    steps: Annotated[int | None, _option("steps", "Optimisation steps")] = None,
    batch: Annotated[int | None, _option("batch", "Faces in a step")] = None,
    seed: Annotated[int | None, _option("seed", "Seed of all that is random")] = None,
    space: Annotated[str | None, _option("space", "Latent space: Z, W, W+ or S")] = None,
    layers: Annotated[str | None, _option("layers", "Rows to edit: auto, all, or a list such as 4-7")] = None,
    clip_weight: Annotated[float | None, _option("clip_weight", "Weight of the CLIP loss")] = None,
    locality_weight: Annotated[float | None, _option("locality_weight", "Weight of the locality loss")] = None,
    preset: Annotated[str, typer.Option("--preset", help="default, atlas (begins with a sketch), report.")] = "default",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help=f"Any other training option; may be repeated. They are {settings_beside(*_OPTIONS)}.",
        ),
    ] = None,
    precision: Annotated[
        str | None, _option("precision", "What to compute in: auto, float32, bfloat16, float16")
    ] = None,
    low_memory: Annotated[
        bool, typer.Option("--low-memory", help="One face at a time, recomputing activations: slower, far smaller.")
    ] = False,
    state: Annotated[Path | None, typer.Option("--state", help="File to save the running training to.")] = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Such a file, to go on from.")] = None,
    picture: Annotated[Path | None, typer.Option("--strip", metavar="FILE", help="Also draw a strip.")] = None,
    log: Annotated[
        Path | None,
        typer.Option(
            "--log", metavar="FILE", help="Write every step to a .csv or .jsonl, too; --resume goes on with it."
        ),
    ] = None,
    clip: Clips = None,
    witness: Witness = None,
    device: Device = None,
    training_seeds: Annotated[
        str | None,
        typer.Option("--seeds", metavar="LIST", help="With --file, training seeds of each prompt.", show_default=False),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid", metavar="NAME=V,V", help="With --file, every combination of these options.", show_default=False
        ),
    ] = None,
    workers: Workers = None,
    threads: Threads = 1,
    ray: RayAddress = None,
    cpus: Cpus = None,
    gpus: GpusOrAuto = "0",
    as_json: Json = False,
) -> None:
    """Learn a direction from a sentence, or many.

    With --image a picture of somebody who has it stands in place of the sentence. Ctrl-C stops and saves what was
    learned. With --file everything is written as it is done, and what is there already is skipped; the exit code is 1
    when a training failed.
    """
    if prompt is None and file is None and image is None:
        raise _UsageError("Missing argument 'prompt'", context)
    if prompt is not None and file is not None:
        raise InputError("give one prompt, or --file with a list of them")
    given: dict[str, Any] = {
        "steps": steps,
        "batch": batch,
        "seed": seed,
        "space": space,
        "clip_weight": clip_weight,
        "locality_weight": locality_weight,
        "precision": precision,
        "low_memory": low_memory or None,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if layers is not None:
        changes["layers"] = "auto" if layers.strip() == "auto" else parse_layers(layers)
    changes.update(parse_setting(text) for text in settings or ())
    config = _config(preset, changes, resuming=resume is not None)
    if file is not None:
        refuse({"--image": image, "--region": region, "--mask": mask, "--strip": picture, "--log": log}, "with --file")
        refuse({"--state": state, "--resume": resume}, "with --file, which keeps unfinished trainings itself")
        learn_many(
            file, out, models, config or TrainConfig(),
            seeds=None if training_seeds is None else parse_seeds(training_seeds),
            opening={"device": device, "clip": clip, "witness": witness, "class_index": class_index}, grid=grid or (),
            workers=workers, threads=threads, ray=ray, cpus=cpus, gpus=parse_gpus(gpus), as_json=as_json,
        )  # fmt: skip
        return
    if prompt is not None and image is not None:
        raise InputError("give one prompt, or --image with a picture")
    refuse({"--seeds": training_seeds, "--grid": grid, "--workers": workers, "--ray": ray}, "without --file")
    refuse(
        {"--threads": threads if threads > 1 else None, "--cpus": cpus, "--gpus": None if gpus == "0" else gpus},
        "without --file",
    )
    target = Path(_slug(prompt, image)) if out is None else out
    check_writable(target)
    _check_suffix(target, "a direction file")
    if state is not None:
        check_writable(state)
        _check_suffix(state, "the file of a running training")
    if picture is not None:
        check_picture(picture)
    if log is not None:
        check_log(log)
    asked, said = _region(prompt, region, models, mask)
    editor = open_editor(models, device, class_index, clip=clip, witness=witness)
    titled = repr(prompt) if image is None else str(image)
    note(f"{titled} -> {said if resume is None or asked else 'goes on'}, on {editor.generator.device}")
    began = time.monotonic()
    direction = _learn(editor, prompt, asked, config, target, image=image, state=state, resume=resume, log=log)
    seconds = round(time.monotonic() - began, 1)
    if picture is not None:
        _draw(editor, direction, picture, _STRIP_SEEDS)
    if as_json:
        result_json(
            {
                "path": str(target),
                "strip": picture and str(picture),
                "seconds": seconds,
                **direction.metadata(),
            }
        )
        return
    result(str(target))
    if picture is not None:
        result(str(picture))


def try_it(
    prompt: Prompt,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the results.")] = Path("out"),
    seeds: Annotated[str, typer.Option("--seeds", metavar="LIST", help="Faces of the strip.")] = _STRIP_SEEDS,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    clip: Clips = None,
    witness: Witness = None,
    device: Device = None,
) -> None:
    """Learn a direction and look at it on new faces.

    The last line is the path of a strip of faces that it was not trained on.
    """
    parse_seeds(seeds)
    target = out / _slug(prompt)
    picture = target.with_suffix(".png")
    check_writable(target)
    check_writable(picture)
    _, said = _region(prompt, None, models)
    editor = open_editor(models, device, class_index, clip=clip, witness=witness)
    note(f"{prompt!r} -> {said}, on {editor.generator.device}")
    direction = _learn(editor, prompt, None, TrainConfig(), target)
    _draw(editor, direction, picture, seeds)
    result(str(target))
    result(str(picture))


def _config(preset: str, changes: dict[str, Any], *, resuming: bool) -> TrainConfig | None:
    """The training config; None, which takes the saved one, when a training is resumed as it was."""
    presets = {"atlas": TrainConfig.from_atlas, "report": TrainConfig.report}
    if preset not in ("default", *presets):
        raise InputError(f"the preset must be default, atlas or report; got {preset!r}")
    if preset != "default":
        return presets[preset](**changes)
    return None if resuming and not changes else TrainConfig().replace(**changes)


def _region(prompt: str | None, names: str | None, models: str, mask: Path | None = None) -> tuple[Region | None, str]:
    """The region that was asked for, None where the sentence says it; and what the edit may change, in words."""
    from eclipsed.prompts.reading import read
    from eclipsed.prompts.region import Region
    from eclipsed.store.sets import find_set

    parts, found = parse_names(names), find_set(models)
    reading = None if prompt is None else read(prompt, world=found.world)  # an empty prompt fails here, region or not
    if mask is not None:
        from eclipsed.photos.painted import read_mask  # brings torch

        if parts is not None:
            raise InputError("give either --region or --mask")
        painted = Region.from_mask(read_mask(mask), world=found.world)
        return painted, painted.spoken()
    asked = None if parts is None else Region.from_parts(parts, world=found.world)
    region = asked or (None if reading is None else reading.region)
    if region is None:
        return None, "what is unusual there"
    covered = found.world.expand(part.name for part in found.parts)
    held = found.parser is not None or set(region.parts) <= set(covered)
    return asked, region.spoken(found.world) if held else "the whole picture"


def _check_suffix(path: Path, what: str) -> None:
    if path.suffix.lower() != _SUFFIX:
        raise InputError(f"{what} ends in {_SUFFIX}; got {str(path)!r}")


def _slug(prompt: str | None, image: Path | None = None) -> str:
    from eclipsed.latents.direction import short_name
    from eclipsed.prompts.region import check_prompt

    if image is not None:
        return f"like-{short_name(image.stem)}{_SUFFIX}"
    check_prompt(prompt)  # an empty one fails here, before anything is loaded
    return short_name(prompt or "") + _SUFFIX


def _learn(
    editor: Editor,
    prompt: str | None,
    region: Region | None,
    config: TrainConfig | None,
    target: Path,
    *,
    image: Path | None = None,
    state: Path | None = None,
    resume: Path | None = None,
    log: Path | None = None,
) -> Direction:
    """Train, show progress and save; what was learned is saved also when training had to stop."""
    from eclipsed.training.events import BrokenTraining

    steps = None if log is None else StepLog(log, resumed=resume is not None)

    def tell(step: TrainStep) -> None:
        bar(step)
        if steps is not None:
            steps(step)

    with ProgressBar() as bar:
        bar.show("making ready", 0, None)
        try:
            direction = editor.train(
                prompt,
                image=image,
                region=region,
                config=config,
                callback=tell,
                state=state,
                resume=resume,
            )
        except BrokenTraining as error:
            if error.direction is None:
                raise
            error.direction.save(target)
            raise TrainingError(f"{error} (what was learned before is in {target})") from error
        finally:
            if steps is not None:
                steps.close()
    direction.save(target)
    told = verdict(direction.scores)
    if told and not direction.weak:
        note(told)
    if direction.note:
        note(f"note: {direction.note}")
    return direction


def _draw(editor: Editor, direction: Direction, picture: Path, seeds: str) -> None:
    from eclipsed.images.pictures import save_picture

    with waiting("drawing the strip"):
        faces = editor.sample(seeds=parse_seeds(seeds))
        save_picture(editor.strip(faces, direction, _STRIP_ALPHAS), picture)

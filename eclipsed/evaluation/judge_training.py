"""A judge of one's own: a classifier that learns its classes from pictures, and is measured on others."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eclipsed.compute.devices import as_device
from eclipsed.errors import TrainingError
from eclipsed.evaluation.classifying import score
from eclipsed.evaluation.judge_config import JudgeConfig
from eclipsed.evaluation.judge_state import JudgeState
from eclipsed.evaluation.labelled import Labelled, read_labelled
from eclipsed.evaluation.scores import Scores
from eclipsed.files import header
from eclipsed.files.kinds import CLASSIFIER
from eclipsed.images.conversion import from_uint8
from eclipsed.networks.backbones import last_linear
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.trunks import SCRATCH, begin
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.training.augment import Jitter
from eclipsed.training.schedules import cosine

__all__ = ["JudgeStep", "TrainedJudge", "train_judge"]

_LEAST = 5  # pictures of a class: some to learn from, one to stop by, one to be judged by
_FROZEN, _FINE = "frozen", "fine"


@dataclass(frozen=True, kw_only=True)
class JudgeStep:
    """What a callback is told while a judge is trained.

    Args:
        phase: ``"read"`` (pictures are read), ``"frozen"`` (only the last layer learns) or ``"fine"`` (all do).
        step: pictures read, or epochs of the phase done.
        steps: of the phase, at most.
        loss: mean over the epoch; nan while pictures are read, as are the others.
        validation_loss: after the epoch.
        accuracy: on the validation pictures, the mean over the classes.
        seconds: since the training began.
    """

    phase: str
    step: int
    steps: int
    loss: float = math.nan
    validation_loss: float = math.nan
    accuracy: float = math.nan
    seconds: float


@dataclass(frozen=True, eq=False)
class TrainedJudge:
    """What `train_judge` gives.

    Args:
        classifier: the judge.
        scores: how it does on pictures that it never saw.
        config: its options.
        pictures: class -> how many it learned from.
        best_epoch: the epoch whose weights it has, from 1, those with the trunk frozen included.
        epochs: how many there were.
    """

    classifier: Classifier
    scores: Scores
    config: JudgeConfig
    pictures: Mapping[str, int]
    best_epoch: int
    epochs: int

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the judge as one safetensors file, which `Classifier.from_file` reads.

        Raises:
            OutputError: it cannot be written.
        """
        judge = self.classifier
        learned = {
            "config": self.config.to_json(),
            "pictures": dict(self.pictures),
            "best_epoch": self.best_epoch,
            "epochs": self.epochs,
            "scores": self.scores.to_json(),
        }
        data = {
            "attributes": {name: list(classes) for name, classes in judge.attributes.items()},
            "backbone": judge.backbone,
            "learned": learned,
        }
        return header.write(path, CLASSIFIER, data, judge.network.state_dict())


def train_judge(
    source: str | os.PathLike[str],
    *,
    config: JudgeConfig | None = None,
    attribute: str | None = None,
    held_out: str | os.PathLike[str] | None = None,
    callback: Callable[[JudgeStep], object] | None = None,
    state: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    device: str | torch.device | None = None,
) -> TrainedJudge:
    """Train a classifier on pictures of your own: faces, album covers, whatever has classes.

    The pictures are parted, each class by itself, into those that are learned from, those that say when to stop, and
    those that the figures are measured on. Rare classes count as much as common ones.

    Args:
        source: a folder with a folder of pictures for each class, or a CSV of two columns: a picture's file, and its
            class.
        config: every option; None is the default.
        attribute: what the classes are classes of; None is the folder's name, or that of the CSV's second column.
        held_out: as `source`, pictures for the figures; None takes a share of `source`.
        callback: told of every epoch.
        state: file to save the training to after each epoch.
        resume: such a file, to go on from; also the place to save to unless `state` is another.
        device: where to train; None takes the best there is.
    Returns:
        The judge, with the weights of its best epoch, and its figures.
    Raises:
        InputError: there are no two classes, a class has fewer than 5 pictures that can be read, or the saved training
            is another one.
        MissingModelError: the backbone is not on this machine; names the command that gets it.
        CheckpointError: its file is damaged.
        TrainingError: the loss is no number any more.
        OutputError: the state cannot be written.
    Warns:
        EclipsedWarning: pictures are left out; says which and why.
    """
    chosen, where, began = config or JudgeConfig(), as_device(device), time.monotonic()
    tell = callback or (lambda _: None)
    size = begin(chosen.backbone, (2,), seed=chosen.seed).size  # first, so that it is soon told when it is not here

    def reading(done: int, total: int) -> None:
        tell(JudgeStep(phase="read", step=done, steps=total, seconds=time.monotonic() - began))

    data = read_labelled(source, size=size, attribute=attribute, least=_LEAST, tell=reading)
    if held_out is None:
        validation, unseen, learned = map(data.only, data.split([chosen.validation, chosen.held_out], seed=chosen.seed))
    else:
        validation, learned = map(data.only, data.split([chosen.validation], seed=chosen.seed))
        unseen = read_labelled(
            held_out, size=size, attribute=data.attribute, classes=data.classes, tell=reading
        ).without(data)
    run = _Run(chosen, learned, validation, where)
    if resume is not None:
        run.resume(resume)
    run.train(lambda step: tell(replace(step, seconds=time.monotonic() - began)), resume if state is None else state)
    judge = run.judge()
    return TrainedJudge(
        classifier=judge,
        scores=score(judge, unseen),
        config=chosen,
        pictures=dict(zip(data.classes, run.data.counts.tolist(), strict=True)),
        best_epoch=run.best_epoch,
        epochs=run.epoch,
    )


class _Run:
    """One training, from its first epoch or a later one."""

    def __init__(self, config: JudgeConfig, data: Labelled, validation: Labelled, device: torch.device) -> None:
        self.config, self.data, self.validation, self.device = config, data, validation, device
        self.network = begin(config.backbone, [len(data.classes)], seed=config.seed).to(device)
        self.last = last_linear(self.network)
        self.weights = (len(data) / (len(data.classes) * data.counts.double())).float().to(device)  # (classes,)
        self.frozen = 0 if config.backbone == SCRATCH else config.frozen_epochs
        self.most = config.frozen_epochs + config.epochs
        self.epoch, self.best_epoch, self.lowest = 0, 0, math.inf
        self.best: Mapping[str, Tensor] = {}
        self.optimiser = self._optimiser()

    @property
    def phase(self) -> str:
        """Of the next epoch."""
        return _FROZEN if self.epoch < self.frozen else _FINE

    @property
    def done(self) -> bool:
        """Whether there is no further epoch."""
        idle = self.epoch - max(self.best_epoch, self.frozen)
        return self.epoch >= self.most or (self.epoch > self.frozen and idle >= self.config.patience)

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Go on from a file."""
        saved = JudgeState.load(path, like=self.network.state_dict())
        saved.check(self.config, self._digest)
        self.network.load_state_dict(saved.network)
        self.epoch, self.best_epoch, self.lowest = saved.epoch, saved.best_epoch, saved.lowest
        self.best = {name: value.to(self.device) for name, value in saved.best.items()}
        self.optimiser = self._optimiser()
        named = dict(self.network.named_parameters())
        for name, kept in saved.optimiser.items():
            step = {key: value if key == "step" else value.to(self.device) for key, value in kept.items()}
            self.optimiser.state[named[name]] = step

    def train(self, tell: Callable[[JudgeStep], object], state: str | os.PathLike[str] | None) -> None:
        """All epochs that are still to come."""
        while not self.done:
            phase = self.phase
            loss = self._pass(phase)
            validation_loss, accuracy = self._validate()
            if not math.isfinite(loss + validation_loss):
                raise TrainingError(f"the loss is no number after {self.epoch + 1} epochs; lower learning_rate")
            self.epoch += 1
            if validation_loss < self.lowest:
                self.lowest, self.best_epoch = validation_loss, self.epoch
                self.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
            if self.epoch == self.frozen:
                self.optimiser = self._optimiser()
            if state is not None:
                self._save(state)
            before = self.frozen if phase == _FINE else 0
            steps = self.frozen if phase == _FROZEN else self.most - self.frozen
            tell(
                JudgeStep(
                    phase=phase,
                    step=self.epoch - before,
                    steps=steps,
                    loss=loss,
                    validation_loss=validation_loss,
                    accuracy=accuracy,
                    seconds=0.0,
                )
            )

    def judge(self) -> Classifier:
        """The weights of the best epoch as a classifier."""
        self.network.load_state_dict(self.best)
        return Classifier({self.data.attribute: self.data.classes}, network=self.network, backbone=self.config.backbone)

    @property
    def _digest(self) -> str:
        return self.data.digest + self.validation.digest

    def _optimiser(self) -> torch.optim.AdamW:
        """Of what learns in the phase of the next epoch."""
        new: list[nn.Parameter] = []
        trunk: list[nn.Parameter] = []
        for name, parameter in self.network.named_parameters():
            ours = self.config.backbone == SCRATCH or name.startswith(f"{self.last}.")
            parameter.requires_grad_(ours or self.phase == _FINE)
            (new if ours else trunk).append(parameter)
        groups = [{"params": new, "share": 1.0}]
        if self.phase == _FINE and trunk:
            groups.append({"params": trunk, "share": _trunk_rate(self.config)})
        return torch.optim.AdamW(groups, lr=self.config.learning_rate, weight_decay=self.config.weight_decay)

    def _pass(self, phase: str) -> float:
        """One epoch; returns its mean loss."""
        config, devices = self.config, [self.device] if self.device.type == "cuda" else []
        rng = torch.Generator().manual_seed(config.seed * 1_000_003 + self.epoch)
        self.network.train(phase == _FINE)  # a frozen trunk keeps the statistics that it has learned
        order = torch.randperm(len(self.data), generator=rng)
        batches = order.tensor_split(-(-len(order) // config.batch))
        total = 0.0
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(config.seed * 1_000_003 + self.epoch)  # of dropout
            for number, picked in enumerate(batches):
                self._set_rate(phase, number, len(batches))
                images = self._augmented(picked, rng)
                labels = self.data.labels[picked].to(self.device)
                loss = F.cross_entropy(self.network(images)[0], labels, weight=self.weights)
                self.optimiser.zero_grad(set_to_none=True)
                loss.backward()
                self.optimiser.step()
                total += float(loss.detach()) * len(picked)
        return total / len(order)

    def _augmented(self, picked: Tensor, rng: torch.Generator) -> Tensor:
        images = from_uint8(self.data.images[picked]).to(self.device)
        mirrored = torch.rand(len(picked), generator=rng) < (0.5 if self.config.flip else 0.0)
        images = torch.where(mirrored.to(self.device).view(-1, 1, 1, 1), images.flip(3), images)
        jitter = Jitter(len(picked), rng, crop=self.config.crop, light=self.config.light, device=self.device)
        return jitter(images).clamp(-1, 1)

    def _set_rate(self, phase: str, number: int, batches: int) -> None:
        """The learning rate: half a cosine in each phase, after an epoch's rise where all layers learn."""
        config = self.config
        if phase == _FROZEN:
            rate = config.frozen_rate * cosine(self.epoch * batches + number, self.frozen * batches)
        else:
            step, steps = (self.epoch - self.frozen) * batches + number, (self.most - self.frozen) * batches
            rate = config.learning_rate * min(1.0, (step + 1) / batches) * cosine(step, steps)
        for group in self.optimiser.param_groups:
            group["lr"] = group["share"] * rate

    @torch.no_grad()
    def _validate(self) -> tuple[float, float]:
        """Loss, and accuracy as a mean over the classes, on the validation pictures."""
        self.network.eval()
        images = self.validation.images.split(self.config.batch)
        logits = torch.cat([self.network(from_uint8(some).to(self.device))[0] for some in images])
        labels = self.validation.labels.to(self.device)
        right = (logits.argmax(dim=1) == labels).float()
        shares = torch.stack([right[labels == k].mean() for k in range(len(self.data.classes))])
        return float(F.cross_entropy(logits, labels, weight=self.weights)), float(shares.mean())

    def _save(self, path: str | os.PathLike[str]) -> None:
        every = self.network.named_parameters()
        kept = {name: self.optimiser.state[one] for name, one in every if one in self.optimiser.state}
        JudgeState(
            config=self.config,
            pictures=self._digest,
            epoch=self.epoch,
            lowest=self.lowest,
            best_epoch=self.best_epoch,
            network=self.network.state_dict(),
            best=self.best,
            optimiser=kept,
        ).save(path)


def _trunk_rate(config: JudgeConfig) -> float:
    """The learning rate of the trunk as a share of that of new layers."""
    if config.trunk_rate is not None:
        return config.trunk_rate
    return 1.0 if config.backbone == DEFAULT_SET else 0.05

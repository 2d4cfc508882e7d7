"""The generator behind one interface: seeds to z to ws to styles to images, frozen, on one device, in float32."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from eclipsed.checkpoints.generators import read_generator
from eclipsed.checkpoints.native import write_generator
from eclipsed.compute.arrays import as_tensor
from eclipsed.compute.devices import as_device, send
from eclipsed.compute.graphs import Recorder, is_recording, leaves
from eclipsed.errors import InputError
from eclipsed.networks.architectures import AnyConfig, make_network
from eclipsed.networks.layers import DEFAULT_OPTIONS, Layer, Synthesis, SynthesisOptions, SynthesisPrefix
from eclipsed.pretrained.frozen import fingerprint_of
from eclipsed.pretrained.kinship import GeneratorId
from eclipsed.pretrained.sketch import sketch_of
from eclipsed.values.checks import real, shown, whole
from eclipsed.values.seeds import check_seeds

__all__ = ["Generator"]

T = TypeVar("T")

#: settings that leave float32 images as they are, and so no part of a generator's identity
_NO_IDENTITY = ("num_fp16_res", "w_avg_beta")

#: most pixels of the pictures that are drawn by a CUDA graph, which keeps its memory; more keep a GPU busy without
_MOST_PIXELS = 2 * 1024**2


class Generator:
    """A pretrained StyleGAN2 or StyleGAN3 generator: a mapping network, and a sequence of layers that draw.

    Args:
        config: its sizes, a `GeneratorConfig` of StyleGAN2 or a `StyleGAN3Config`.
        state: its weights by NVIDIA's key names.
        device: where it runs; None is the fastest device of this machine.
        name: what people call it.
    Raises:
        InputError: the device is not there, or the state does not fit the config.
    """

    def __init__(
        self,
        config: AnyConfig,
        state: Mapping[str, Tensor],
        *,
        device: str | torch.device | None = None,
        name: str = "generator",
    ) -> None:
        self.config = config
        self.name = name
        self.device = as_device(device)
        with torch.device("meta"):  # the weights come from the state, so none are drawn here
            self.network = make_network(config)
        try:
            self.network.load_state_dict({key: value.float().clone() for key, value in state.items()}, assign=True)
        except RuntimeError as error:
            raise InputError(f"this state does not fit the generator's config: {error}") from error
        self.network.requires_grad_(False).eval().to(self.device)
        self.z_dim, self.c_dim, self.w_dim = config.z_dim, config.c_dim, config.w_dim
        self.num_ws, self.resolution = config.num_ws, config.resolution
        self.layers: tuple[Layer, ...] = self.network.synthesis.layers
        self.style_names = tuple(layer.name for layer in self.layers)
        self._fingerprint: str | None = None
        self._sketch: str | None = None
        self.class_index: int | None = None
        self._of_class: dict[int, Generator] = {}
        self.recorder = Recorder(self.device)

    @classmethod
    def from_file(
        cls, path: str | Path, *, device: str | torch.device | None = None, name: str | None = None
    ) -> Generator:
        """Read a generator from any public layout or from ours, without running anything in the file.

        Args:
            path: NVIDIA ``.pkl`` (PyTorch or TensorFlow), rosinality ``.pt`` or our ``.safetensors``.
            device: where it runs; None is the fastest device of this machine.
            name: what people call it; None is the file's name.
        Returns:
            The generator.
        Raises:
            MissingModelError: the file is not there.
            CheckpointError: it is no StyleGAN2 or StyleGAN3 generator, is damaged, asks to run code, or draws no RGB.
            InputError: the device is not there.
        """
        where = as_device(device)
        config, state = read_generator(path)
        return cls(config, state, device=where, name=Path(path).stem if name is None else name)

    @property
    def w_avg(self) -> Tensor:
        """The mean of w, the centre of truncation, (w_dim,)."""
        return self.network.mapping.w_avg

    @property
    def fingerprint(self) -> str:
        """What tells it from any other to the bit: SHA-256 of its config and float32 weights, as hex digits.

        The file's layout, the order of its keys and settings that leave float32 images alone play no part.
        """
        if self._fingerprint is None:
            facts = {k: v for k, v in json.loads(self.config.to_json()).items() if k not in _NO_IDENTITY}
            self._fingerprint = fingerprint_of(facts, self.network.state_dict())
        return self._fingerprint

    @property
    def sketch(self) -> str:
        """What its latents mean, as numbers that survive half precision; see `eclipsed.pretrained.sketch`."""
        if self._sketch is None:
            self._sketch = sketch_of(self.network, self.fingerprint)
        return self._sketch

    @property
    def id(self) -> GeneratorId:
        """What files keep of it, to know it or a relative again."""
        return GeneratorId(fingerprint=self.fingerprint, name=self.name, sketch=self.sketch)

    def of_class(self, class_index: int) -> Generator:
        """The same generator, weights and all, whose faces are of one class unless a call says otherwise.

        Args:
            class_index: number of the class, from 0 to c_dim - 1; its own is in the attribute of this name, None in a
                generator that was not asked for one.
        Raises:
            InputError: there is no such class, or there are none at all.
        """
        if not self.c_dim:
            raise InputError(f"the generator {self.name!r} has no classes; leave class_index (--class) out")
        index = whole("class_index", class_index, 0, self.c_dim - 1)
        if index not in self._of_class:
            one = copy.copy(self)
            one.class_index = index
            self._of_class.setdefault(index, one)
        return self._of_class[index]

    def classes(self, class_index: object, count: int) -> tuple[int, ...]:
        """One class for each of some faces.

        Args:
            class_index: a list, an array or a tensor of `count` numbers of classes.
            count: faces.
        Raises:
            InputError: another number of them, no such class, or there are none at all.
        """
        given = class_index.tolist() if hasattr(class_index, "tolist") else class_index
        if not isinstance(given, (list, tuple)) or len(given) != count:
            raise InputError(f"class_index is one number for all faces, or {count}, one for each; got {shown(given)}")
        found = []
        for each in given:
            index = self.of_class(each).class_index
            assert index is not None
            found.append(index)
        return tuple(found)

    def weights_of_classes(self, classes: Sequence[int]) -> Tensor:
        """One-hot weights of some faces' classes, (N, c_dim), as `mapping` takes them."""
        return torch.eye(self.c_dim, device=self.device)[list(classes)]

    @property
    def version(self) -> tuple[int, ...]:
        """What changes when a weight is changed in place, for whoever keeps what was made with them."""
        return _versions(self.network.parameters())

    def layer(self, name: str) -> Layer:
        """The layer of that name, one of `style_names`.

        Raises:
            InputError: there is none; the message lists those that are.
        """
        return self.network.synthesis.layer(name)

    def layers_up_to(self, resolution: int | None) -> tuple[Layer, ...]:
        """The layers that a picture of this side needs; None is the full one.

        Raises:
            InputError: pictures of this side cannot be had.
        """
        return self.network.synthesis.layers_up_to(resolution)

    def z(self, seeds: Iterable[int] | int) -> Tensor:
        """The z of each seed, which is the same whatever other seeds are asked for with it.

        Args:
            seeds: whole numbers from 0 to 4294967295.
        Returns:
            Standard normal noise on the generator's device, (N, z_dim).
        Raises:
            InputError: a seed is of another kind or out of range, or there is none.
        Source: the public code's ``numpy.random.RandomState(seed).randn``, so known seeds give known faces.
        """
        if isinstance(seeds, (list, tuple)) and not seeds:
            raise InputError("at least one seed is needed; got none")
        rows = [np.random.RandomState(seed).randn(self.z_dim) for seed in check_seeds(seeds)]
        return send(torch.from_numpy(np.stack(rows).astype(np.float32)), self.device)

    def mapping(self, z: Tensor, truncation_psi: float = 1.0, *, c: Tensor | None = None) -> Tensor:
        """Map noise to latents.

        Args:
            z: noise, (N, z_dim).
            truncation_psi: 1 leaves w as it is, 0 gives the mean face.
            c: class weights, (N, c_dim), for a class-conditional generator; None are those of its `class_index`.
        Returns:
            ws, (N, num_ws, w_dim).
        Raises:
            InputError: a wrong shape, numbers that are not finite, or no class where there are some.
        """
        psi = real("truncation_psi", truncation_psi)
        z = self._checked(z, "z", (self.z_dim,))
        c = self._weights_of_class(len(z)) if c is None else self._checked(c, "c", (self.c_dim,))

        def mapped(z: Tensor, c: Tensor | None) -> Tensor:
            ws: Tensor = self.network.mapping(z, c, truncation_psi=psi)
            return ws

        return self._recorded(("mapping", psi), mapped, z, c)

    def check_class(self) -> None:
        """Raise unless it is known what to draw: there are no classes, or one of them was asked for.

        Raises:
            InputError: no class where there are some.
        """
        if self.c_dim and self.class_index is None:
            raise InputError(
                f"the generator {self.name!r} is class-conditional: c must be (N, {self.c_dim}); got none; give "
                f"class_index (--class), the number of a class from 0 to {self.c_dim - 1}"
            )

    def _weights_of_class(self, count: int) -> Tensor | None:
        """One-hot weights of the class for some faces, (count, c_dim); None where there are no classes."""
        self.check_class()
        if self.class_index is None:
            return None
        return self.weights_of_classes([self.class_index] * count)

    def synthesis(
        self,
        ws: Tensor,
        options: SynthesisOptions = DEFAULT_OPTIONS,
        *,
        prefix: SynthesisPrefix | None = None,
        split: int | None = None,
    ) -> Synthesis:
        """Draw images; gradients flow to ws.

        Args:
            ws: latents, (N, num_ws, w_dim).
            options: how, e.g. ``SynthesisOptions(resolution=64)``. The picture is float32 whatever the dtype.
            prefix: go on from what `prefix` gave, with the same options.
            split: the first row of ws in which other faces are going to differ: what is drawn before it is kept.
        Returns:
            Images, (N, 3, resolution, resolution), about [-1, 1], the features that were asked for, and with `split`
            the prefix.
        Raises:
            InputError: a wrong shape, numbers that are not finite, or a resolution, layer or row that is not there.
        """
        ws = self._checked(ws, "ws", (self.num_ws, self.w_dim))

        def drawn(ws: Tensor, prefix: SynthesisPrefix | None) -> Synthesis:
            drawing: Synthesis = self.network.synthesis(ws, options, prefix=prefix, split=split)
            return drawing

        return self._drawn(("synthesis", split), options, len(ws), drawn, ws, prefix)

    def styles(self, ws: Tensor) -> dict[str, Tensor]:
        """Read out the style vectors, (N, num_ws, w_dim) -> {name of a layer: (N, channels)}.

        Raises:
            InputError: ws of a wrong shape, or numbers that are not finite.
        """
        return self.network.synthesis.styles(self._checked(ws, "ws", (self.num_ws, self.w_dim)))

    def synthesis_from_styles(
        self,
        styles: Mapping[str, Tensor],
        options: SynthesisOptions = DEFAULT_OPTIONS,
        *,
        prefix: SynthesisPrefix | None = None,
        split: int | None = None,
    ) -> Synthesis:
        """Draw images from style vectors as `styles` gives them; otherwise like `synthesis`.

        Raises:
            InputError: a style is missing, unknown, of a wrong shape or not finite.
        """
        given = self._checked_styles(styles)

        def drawn(styles: dict[str, Tensor], prefix: SynthesisPrefix | None) -> Synthesis:
            return self.network.synthesis.from_styles(styles, options, prefix=prefix, split=split)

        return self._drawn(("styles", split), options, _count(given), drawn, given, prefix)

    def prefix(
        self, styles: Mapping[str, Tensor], row: int, options: SynthesisOptions = DEFAULT_OPTIONS
    ) -> SynthesisPrefix:
        """Draw up to the first layer that reads a row of ws, where drawings of faces begin to differ.

        Args:
            styles: as `styles` gives them, {name: (N, channels)}.
            row: the first row of ws that is still open.
            options: how.
        Returns:
            What `synthesis` and `synthesis_from_styles` go on from.
        Raises:
            InputError: a style is missing, unknown, of a wrong shape or not finite, or there is no such row.
        """
        given = self._checked_styles(styles)

        def drawn(styles: dict[str, Tensor]) -> SynthesisPrefix:
            return self.network.synthesis.prefix(styles, row, options)

        return self._drawn(("prefix", row), options, _count(given), drawn, given)

    def save(self, path: str | Path, *, dtype: torch.dtype = torch.float32) -> Path:
        """Write the generator as safetensors.

        Args:
            path: where to.
            dtype: how the numbers are stored: float32, float16 or bfloat16.
        Returns:
            ``path``.
        Raises:
            InputError: another dtype, or numbers too large for it.
            OutputError: the file could not be written.
        """
        return write_generator(path, self.config, self.network.state_dict(), dtype=dtype)

    def _drawn(
        self, what: Hashable, options: SynthesisOptions, count: int, function: Callable[..., T], *inputs: object
    ) -> T:
        """A drawing of some faces by way of a CUDA graph, unless its noise is random or it is large."""
        pixels = count * max(layer.resolution for layer in self.layers_up_to(options.resolution)) ** 2
        if options.noise_mode == "random" or pixels > _MOST_PIXELS:
            return function(*inputs)
        alike = options if options.rng is None else replace(options, rng=None)  # which has nothing to do here
        return self._recorded((what, alike), function, *inputs)

    def _recorded(self, key: Hashable, function: Callable[..., T], *inputs: object) -> T:
        """A call by way of a CUDA graph, where there is a GPU and no gradient is wanted."""
        if not self.recorder.active or is_recording():
            return function(*inputs)
        weights = tuple(self.network.parameters())
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (*leaves(inputs), *weights)):
            return function(*inputs)
        with torch.no_grad():
            return self.recorder((key, _versions(weights)), function, *inputs)

    def _checked_styles(self, styles: Mapping[str, Tensor]) -> dict[str, Tensor]:
        sizes = {layer.name: layer.channels for layer in self.layers}
        known = {k: self._checked(v, f"style {k}", (sizes[k],), finite=False) for k, v in styles.items() if k in sizes}
        # One question for all of them: a GPU is waited for at each.
        if known and not is_recording() and not bool(torch.cat([v.flatten() for v in known.values()]).isfinite().all()):
            for name, value in known.items():
                self._checked(value, f"style {name}", (sizes[name],))
        return {**styles, **known}

    def _checked(self, x: Tensor, name: str, shape: tuple[int, ...], *, finite: bool = True) -> Tensor:
        wanted = ", ".join(["N", *map(str, shape)])
        if not isinstance(x, Tensor):
            x = as_tensor(name, x, shape=f"({wanted})")
        if x.ndim != len(shape) + 1 or tuple(x.shape[1:]) != shape:
            raise InputError(f"{name} must have shape ({wanted}); got {tuple(x.shape)}")
        if not x.dtype.is_floating_point:
            raise InputError(f"{name} must hold floating-point numbers; got {x.dtype}")
        if finite and not is_recording() and not bool(x.isfinite().all()):
            raise InputError(f"{name} holds numbers that are not finite")
        return x.to(self.device, torch.float32)


def _versions(weights: Iterable[Tensor]) -> tuple[int, ...]:
    """How often each weight was changed in place."""
    return tuple(weight._version for weight in weights)


def _count(styles: Mapping[str, Tensor]) -> int:
    """Of how many faces some styles are; 0 where there are none at all."""
    return len(next(iter(styles.values()), ()))

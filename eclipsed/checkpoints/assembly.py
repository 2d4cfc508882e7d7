"""From named arrays of any layout to a checked float32 state with NVIDIA's key names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.errors import CheckpointError
from eclipsed.networks.architectures import AnyConfig, make_network
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layers import Layer
from eclipsed.networks.mapping import MappingConfig, MappingNetwork
from eclipsed.networks.stylegan2 import StyleGAN2

__all__ = [
    "CONSTANT",
    "NOT_SQUARE",
    "Place",
    "Shape",
    "Source",
    "Widths",
    "assemble",
    "check_keys",
    "check_sizes",
    "expected_shapes",
    "mean_w",
    "own_sources",
    "places",
    "taps_of",
    "widths",
]

Shape = tuple[int, ...]

#: key of what every drawing begins with
CONSTANT = "synthesis.b4.const"
#: what is added where sides disagree
NOT_SQUARE = " (its pictures are not square; only generators of square pictures can be read)"


def _same(x: Tensor) -> Tensor:
    return x


def _same_shape(shape: Shape) -> Shape:
    return shape


@dataclass(frozen=True)
class Place:
    """A tensor of our state.

    Args:
        key: its name in the state.
        layer: of the synthesis network that it belongs to; None for the mapping network and the constant.
        leaf: its name in that layer, such as ``"affine.weight"``; the key where there is none.
    """

    key: str
    layer: Layer | None
    leaf: str


@dataclass(frozen=True)
class Source:
    """Where a tensor of ours comes from in a file."""

    name: str  # the key in the file
    unpack: Callable[[Tensor], Tensor] = _same  # the file's tensor to ours
    packed_shape: Callable[[Shape], Shape] = _same_shape  # our shape to the file's


@dataclass(frozen=True)
class Widths:
    """The fields of a `GeneratorConfig` that only the tensors themselves tell."""

    w_dim: int
    channels: tuple[tuple[int, int], ...]
    mapping_features: int | None
    embed_features: int | None
    img_channels: int


def expected_shapes(config: AnyConfig) -> dict[str, Shape]:
    """Key and shape of every tensor of a generator."""
    with torch.device("meta"):  # shapes only: no memory, no random numbers
        return {key: tuple(value.shape) for key, value in make_network(config).state_dict().items()}


def own_sources(config: AnyConfig) -> dict[Place, Source]:
    """Every tensor of a generator, from files that call them as we do."""
    return {Place(key, None, key): Source(key) for key in expected_shapes(config)}


def places(resolution: int, mapping_layers: int, *, conditional: bool) -> tuple[Place, ...]:
    """Every tensor of a generator in the order of its state, which does not depend on its widths.

    As these are not known yet, each block counts as as wide as it is large: the channels of a layer are the side of the
    block that its features come from.
    """
    channels = tuple((2**i, 2**i) for i in range(2, resolution.bit_length()))
    config = GeneratorConfig(1, 1, resolution, channels, c_dim=int(conditional), mapping_layers=mapping_layers)
    with torch.device("meta"):
        network = StyleGAN2(config)
    found = {}
    for layer in network.synthesis.layers:
        for leaf in network.synthesis.get_submodule(layer.name).state_dict():
            key = f"synthesis.{layer.name}.{leaf}"
            found[key] = Place(key, layer, leaf)
    return tuple(found.get(key, Place(key, None, key)) for key in network.state_dict())


def check_sizes(path: Path, resolution: int, mapping_layers: int) -> None:
    """Raise a `CheckpointError` unless a file's own figures can be a generator's."""
    if resolution < 8 or resolution & (resolution - 1):
        raise CheckpointError(f"{path}: expected a resolution that is a power of two from 8 up; found {resolution}")
    if not 1 <= mapping_layers <= 256:
        raise CheckpointError(f"{path}: expected 1 to 256 mapping layers; found {mapping_layers}")


def widths(path: Path, raw: Mapping[str, Tensor], sources: Mapping[Place, Source]) -> Widths:
    """Read the widths off the shapes; where a damaged tensor disagrees with the others, the many decide.

    Args:
        path: the file, for messages.
        raw: tensors by the file's names.
        sources: where each of our tensors comes from.
    Returns:
        The widths.
    Raises:
        CheckpointError: nothing tells one of them.
    """
    votes: dict[object, Counter[int]] = {}
    last_fc = f"fc{_count_fc(sources) - 1}"
    for place, source in sources.items():
        if source.name in raw:
            try:
                shape = tuple(source.unpack(raw[source.name]).shape)
            except (RuntimeError, IndexError):  # wrong number of dimensions: `assemble` will say so
                continue
            for subject, value in _evidence(place, shape, last_fc=last_fc):
                votes.setdefault(subject, Counter())[value] += 1
    found = {subject: counter.most_common(1)[0][0] for subject, counter in votes.items()}
    blocks = sorted({place.layer.resolution for place in sources if place.layer is not None})
    for subject in ("w_dim", "img_channels", *blocks):
        if subject not in found:
            check_keys(path, raw, sources)
            raise CheckpointError(f"{path}: no tensor tells {subject if isinstance(subject, str) else f'b{subject}'}")
    w_dim = found["w_dim"]
    features, embed = found.get("mapping_features", w_dim), found.get("embed_features", w_dim)
    return Widths(
        w_dim=w_dim,
        channels=tuple((r, found[r]) for r in blocks),
        mapping_features=None if features == w_dim else features,
        embed_features=None if embed == w_dim else embed,
        img_channels=found["img_channels"],
    )


def _count_fc(found: Iterable[Place]) -> int:
    return sum(place.key.startswith("mapping.fc") and place.key.endswith(".weight") for place in found)


def _evidence(place: Place, shape: Shape, *, last_fc: str) -> list[tuple[object, int]]:
    """What one tensor's shape says about the widths: pairs of a subject and its size."""
    said: list[tuple[object, int | None]] = []

    def size(axis: int) -> int | None:
        return shape[axis] if axis < len(shape) else None

    if place.layer is not None:
        inside: object = place.layer.channels  # see `places`
        outside: object = "img_channels" if place.layer.is_rgb else place.layer.resolution
        said = {
            "weight": [(outside, size(0)), (inside, size(1))],
            "bias": [(outside, size(0))],
            "affine.weight": [(inside, size(0)), ("w_dim", size(1))],
            "affine.bias": [(inside, size(0))],
        }.get(place.leaf, [])
    elif place.key == CONSTANT:
        said = [(4, size(0))]
    else:
        _, part, *rest = place.key.split(".")
        if part == "embed":
            said = [("embed_features", size(0))]
        elif part == "w_avg" or part == last_fc:
            said = [("w_dim", size(0))]
        else:
            said = [("mapping_features", size(0))]
        if rest == ["weight"] and part not in ("fc0", "embed"):
            said.append(("mapping_features", size(1)))
    return [(subject, value) for subject, value in said if value]


def assemble(
    path: Path, raw: Mapping[str, Tensor], sources: Mapping[Place, Source], config: AnyConfig
) -> dict[str, Tensor]:
    """Check every key and shape of a file and turn it into our state.

    Args:
        path: the file, for messages.
        raw: tensors by the file's names.
        sources: where each of our tensors comes from.
        config: what the state must fit.
    Returns:
        float32 tensors on the CPU by our keys.
    Raises:
        CheckpointError: a key is missing or unknown, a shape is wrong, or numbers are not finite.
    """
    check_keys(path, raw, sources, kind="StyleGAN2" if isinstance(config, GeneratorConfig) else "StyleGAN3")
    state = {}
    by_key = {place.key: source for place, source in sources.items()}
    for key, shape in expected_shapes(config).items():
        source = by_key[key]
        value, wanted = raw[source.name], source.packed_shape(shape)
        if tuple(value.shape) != wanted:
            shapes = f"must have shape {wanted}; found {tuple(value.shape)}"
            oblong = _is_oblong(key, wanted, tuple(value.shape))
            raise CheckpointError(f"{path}: {source.name!r} {shapes}{NOT_SQUARE if oblong else ''}")
        if not value.dtype.is_floating_point:
            raise CheckpointError(f"{path}: {source.name!r} must hold floating-point numbers; found {value.dtype}")
        value = source.unpack(value.detach().cpu().to(torch.float32)).clone(memory_format=torch.contiguous_format)
        if not bool(value.isfinite().all()):
            raise CheckpointError(f"{path}: {source.name!r} holds numbers that are not finite; fetch the file again")
        state[key] = value
    return state


def _is_oblong(key: str, wanted: Shape, found: Shape) -> bool:
    """Whether a drawing begins with an area of unequal sides, as generators of pictures that are not square do."""
    return key == CONSTANT and len(found) == len(wanted) and found[-1] != found[-2]


def check_keys(
    path: Path, raw: Mapping[str, Tensor], sources: Mapping[Place, Source], *, kind: str = "StyleGAN2"
) -> None:
    """Raise a `CheckpointError` that names the first key that a file lacks or has too many."""
    missing = sorted(s.name for s in sources.values() if s.name not in raw)
    if missing:
        raise CheckpointError(f"{path}: key {missing[0]!r} is missing{_and_more(missing)}; the file is not whole")
    extra = sorted(set(raw) - {s.name for s in sources.values()})
    if extra:
        raise CheckpointError(f"{path}: unknown key {extra[0]!r}{_and_more(extra)}; a {kind} generator has none such")


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def taps_of(path: Path, name: str, kernel: Tensor) -> tuple[float, ...]:
    """Taps whose outer product is a file's resampling filter, scaled to whole numbers where possible.

    Args:
        path: the file, for messages.
        name: the key of the filter, for messages.
        kernel: the filter with any gain, (K, K), or a separable one, (K,).
    Returns:
        Taps, K of them.
    Raises:
        CheckpointError: the filter is not the outer product of one row of taps.
    """
    kernel = kernel.detach().cpu().double()
    row = kernel if kernel.ndim == 1 else kernel.sum(0) if kernel.ndim == 2 else kernel.new_zeros(1)
    row = row / row.sum()
    table = torch.outer(row, row)
    if not bool(row.isfinite().all()) or (
        kernel.ndim == 2
        and (kernel.shape != table.shape or not torch.allclose(kernel / kernel.sum(), table, atol=1e-6))
    ):
        raise CheckpointError(f"{path}: {name!r} is not a filter made of one row of taps")
    smallest = row[row.abs() > 1e-6].abs().min()
    whole = row / smallest
    return tuple((whole.round() if torch.allclose(whole, whole.round(), atol=1e-4) else whole).tolist())


def mean_w(config: MappingConfig, state: Mapping[str, Tensor], *, count: int = 4096) -> Tensor:
    """Mean of w over fixed random z (and classes), for files that do not store it, (w_dim,)."""
    with torch.device("meta"):
        network = MappingNetwork(config)
    weights = {key.removeprefix("mapping."): value for key, value in state.items() if key.startswith("mapping.")}
    network.load_state_dict({**weights, "w_avg": torch.zeros(config.w_dim)}, assign=True)
    rng = torch.Generator().manual_seed(0)
    z = torch.randn(count, config.z_dim, generator=rng)
    c = None
    if config.c_dim:
        c = torch.eye(config.c_dim)[torch.randint(config.c_dim, (count,), generator=rng)]
    with torch.no_grad():
        return network.w(z, c).mean(0)

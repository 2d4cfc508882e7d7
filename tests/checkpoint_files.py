"""Writes generators in the public layouts, from our key names, by the rules that the formats' authors published.

This is the way back of what the readers do, written apart from them: the pickles name the authors' modules, which
need not exist here.
"""

import contextlib
import dataclasses
import pickle
import sys
import types

import numpy as np
import torch

#: stands where the real files have their source code; reading must not run it
SOURCE = "raise SystemExit('source code of the file was run')"


def random_generator(config, seed=0):
    """State of a random generator whose biases, noise and mean are not zero."""
    from eclipsed.networks.stylegan2 import StyleGAN2

    rng = torch.Generator().manual_seed(seed)
    state = StyleGAN2(config).state_dict()
    return {k: torch.randn(v.shape, generator=rng) * (0.1 if "bias" in k else 1) for k, v in state.items()}


@contextlib.contextmanager
def _modules(**contents):
    """Modules that exist only while a pickle is written."""
    names = []
    for dotted, members in contents.items():
        parts = dotted.split("__")
        names += [".".join(parts[: i + 1]) for i in range(len(parts))]
        module = types.ModuleType(names[-1])
        for member in members:
            member.__module__, member.__qualname__ = names[-1], member.__name__
            setattr(module, member.__name__, member)
        for name in names[:-1]:
            sys.modules.setdefault(name, types.ModuleType(name))
        sys.modules[names[-1]] = module
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)


def _reconstruct_persistent_obj(meta):
    raise AssertionError("only named in the pickle")


class _Persistent:
    def __init__(self, class_name, state):
        self.meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": class_name, "state": state}

    def __reduce__(self):
        return _reconstruct_persistent_obj, (self.meta,)


class EasyDict(dict):
    pass


_CLASSES = {"mapping": "MappingNetwork", "synthesis": "SynthesisNetwork", "affine": "FullyConnectedLayer"}


def _tree(state):
    tree = {}
    for key, value in state.items():
        *folders, leaf = key.split(".")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
        node[leaf] = value
    return tree


def _module(name, tree, settings):
    """One stored module; ``settings`` maps dotted names to (attributes, what it was made with)."""
    buffers = ("noise_const", "resample_filter", "w_avg", "up_filter", "down_filter", "magnitude_ema")
    buffers += ("transform", "freqs", "phases")
    attributes, made_with = settings.get(name, ({}, {}))
    inner = {k: v for k, v in tree.items() if isinstance(v, dict)}
    state = {
        "training": False,
        "_parameters": {k: v for k, v in tree.items() if k not in inner and k not in buffers},
        "_buffers": {k: v for k, v in tree.items() if k in buffers},
        "_modules": {k: _module(f"{name}.{k}" if name else k, v, settings) for k, v in inner.items()},
        "_init_args": (),
        "_init_kwargs": EasyDict(made_with),
        **attributes,
    }
    return _Persistent(_CLASSES.get(name.split(".")[-1], "Generator" if not name else "SynthesisBlock"), state)


def nvidia_content(config, state, *, nested=False, remember=True, settings=None, top=None):
    """What NVIDIA's code pickles.

    Args:
        config, state: the generator.
        nested: settings lie in ``synthesis_kwargs``, as in stylegan2-ada; else flat, as in the stylegan3 code.
        remember: modules also carry their settings as attributes, as the real ones do.
        settings: more (attributes, made_with) by module name.
        top: more of what the generator was made with.
    """
    state = dict(state)
    taps = torch.tensor(config.resample_filter)
    kernel = torch.outer(taps, taps) / taps.sum() ** 2
    plain = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64
    for side in config.resolutions:
        state[f"synthesis.b{side}.resample_filter"] = kernel
        state[f"synthesis.b{side}.conv1.resample_filter"] = plain  # made there and never used
        if side > 4:
            state[f"synthesis.b{side}.conv0.resample_filter"] = kernel
    sizes = {"z_dim": config.z_dim, "c_dim": config.c_dim, "w_dim": config.w_dim, "img_resolution": config.resolution}
    synthesis = {"conv_clamp": config.conv_clamp, "num_fp16_res": config.num_fp16_res}
    mapping = {"num_layers": config.mapping_layers, "lr_multiplier": config.mapping_lr_multiplier}
    made = {**sizes, "img_channels": config.img_channels, "mapping_kwargs": EasyDict(mapping), **(top or {})}
    made |= {"synthesis_kwargs": EasyDict(synthesis)} if nested else synthesis
    known = {"": (sizes if remember else {}, made)}
    if remember:
        known["mapping"] = ({"num_layers": config.mapping_layers, "w_avg_beta": 0.995}, mapping)
        known["mapping.fc0"] = ({"bias_gain": np.float64(config.mapping_lr_multiplier), "activation": "lrelu"}, {})
        for side in config.resolutions:
            fp16 = side > config.resolution // 2**config.num_fp16_res
            known[f"synthesis.b{side}"] = ({"architecture": "skip", "use_fp16": fp16}, {})
            for kind in ("conv0", "conv1", "torgb"):
                known[f"synthesis.b{side}.{kind}"] = ({"conv_clamp": config.conv_clamp, "use_noise": True}, {})
    for name, (attributes, made_with) in (settings or {}).items():
        old = known.get(name, ({}, {}))
        known[name] = ({**old[0], **attributes}, {**old[1], **made_with})
    network = _module("", _tree(state), known)
    return {"G": None, "D": None, "G_ema": network, "training_set_kwargs": EasyDict(path="x.zip"), "augment_pipe": None}


def sized_stylegan3(*, num_layers=14, channel_base=32768, channel_max=512, **values):
    """The config of a StyleGAN3 as its authors' constructor takes it."""
    from eclipsed.networks.stylegan3_config import StyleGAN3Config

    plain = StyleGAN3Config(channels=(1,) * num_layers, **values)
    return dataclasses.replace(plain, channels=plain.channels_of(channel_base, channel_max))


def random_stylegan3(config, seed=0):
    """State of a random StyleGAN3 of which no bias, magnitude or affine is as it begins."""
    from eclipsed.networks.stylegan3 import StyleGAN3

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = StyleGAN3(config).state_dict()
        for key, value in state.items():
            if key.endswith("bias") or key in ("synthesis.input.affine.weight", "mapping.w_avg"):
                value.add_(torch.randn(value.shape), alpha=0.1)
            if key.endswith("magnitude_ema"):
                value.add_(torch.rand([]))
    return state


def stylegan3_content(config, state, *, base, most, remember=True, settings=None, made=None):
    """What NVIDIA's code pickles of a StyleGAN3.

    Args:
        config, state: the generator.
        base, most: of which its channels were made.
        remember: modules also carry what they do as attributes, as the real ones do.
        settings: more (attributes, made_with) by module name.
        made: other values of what the generator was made with; None leaves one out.
    """
    names = ("z_dim", "c_dim", "w_dim", "img_channels", "num_critical", "margin_size", "output_scale", "num_fp16_res")
    names += ("conv_kernel", "filter_size", "lrelu_upsampling", "use_radial_filters", "conv_clamp")
    names += ("first_cutoff", "first_stopband", "last_stopband_rel")
    said = {name: getattr(config, name) for name in names}
    said |= {"img_resolution": config.resolution, "num_layers": len(config.channels)}
    said |= {"channel_base": base, "channel_max": most, "mapping_kwargs": EasyDict(num_layers=config.mapping_layers)}
    said = {key: value for key, value in {**said, **(made or {})}.items() if value is not None}
    known = {"": ({}, said), "mapping": ({}, {"num_layers": config.mapping_layers})}
    if remember:
        size, rate = config.plans[0].in_size, config.plans[0].in_rate
        entry = {"size": np.array([size, size]), "sampling_rate": rate, "bandwidth": config.first_cutoff}
        known["synthesis.input"] = (entry, {})
        known["mapping.fc0"] = ({"bias_gain": config.mapping_lr_multiplier, "activation": "lrelu"}, {})
        for plan in config.plans:
            does = {"is_torgb": plan.is_rgb, "conv_kernel": plan.kernel, "in_channels": plan.in_channels}
            does |= {"in_size": np.array([plan.in_size] * 2), "out_size": np.array([plan.out_size] * 2)}
            does |= {"up_factor": plan.up, "down_factor": plan.down, "padding": list(plan.padding)}
            known[f"synthesis.{plan.name}"] = (does, {})
    for name, (attributes, made_with) in (settings or {}).items():
        old = known.get(name, ({}, {}))
        known[name] = ({**old[0], **attributes}, {**old[1], **made_with})
    network = _module("", _tree(state), known)
    return {"G": None, "D": None, "G_ema": network, "training_set_kwargs": EasyDict(path="x.zip"), "augment_pipe": None}


def saving_nvidia():
    """Within this, NVIDIA's objects can be saved."""
    return _modules(torch_utils__persistence=[_reconstruct_persistent_obj], dnnlib__util=[EasyDict])


def write_nvidia(path, content, *, protocol=4):
    with saving_nvidia(), open(path, "wb") as file:
        pickle.dump(content, file, protocol=protocol)
    return path


class Network:
    def __init__(self, **state):
        self.state = {"version": 4, "name": "G", "build_module_src": SOURCE, "build_func_name": "G_main", **state}

    def __getstate__(self):
        return self.state


def tensorflow_variables(config, state):
    """Variables by the names of the TensorFlow code."""
    arrays = {key: value.numpy() for key, value in state.items()}
    out = {"dlatent_avg": arrays["mapping.w_avg"]}
    for i in range(config.mapping_layers):
        out[f"mapping/Dense{i}/weight"] = arrays[f"mapping.fc{i}.weight"].T
        out[f"mapping/Dense{i}/bias"] = arrays[f"mapping.fc{i}.bias"]
    if config.c_dim:
        out["mapping/LabelEmbed/weight"] = arrays["mapping.embed.weight"].T
        out["mapping/LabelEmbed/bias"] = arrays["mapping.embed.bias"]
    out["synthesis/4x4/Const/const"] = arrays["synthesis.b4.const"][None]
    noise = 0
    for side in config.resolutions:
        names = {"conv1": "Conv", "torgb": "ToRGB"}
        if side > 4:
            names = {"conv0": "Conv0_up", "conv1": "Conv1", "torgb": "ToRGB"}
        for ours, theirs in names.items():
            source, target = f"synthesis.b{side}.{ours}", f"synthesis/{side}x{side}/{theirs}"
            weight = arrays[f"{source}.weight"].transpose(2, 3, 1, 0)
            out[f"{target}/weight"] = weight[::-1, ::-1] if ours == "conv0" else weight
            out[f"{target}/bias"] = arrays[f"{source}.bias"]
            out[f"{target}/mod_weight"] = arrays[f"{source}.affine.weight"].T
            out[f"{target}/mod_bias"] = arrays[f"{source}.affine.bias"] - 1
            if ours != "torgb":
                out[f"{target}/noise_strength"] = arrays[f"{source}.noise_strength"][()]  # a numpy number, no array
                out[f"synthesis/noise{noise}"] = arrays[f"{source}.noise_const"][None, None]
                noise += 1
    return {key: np.copy(value) if isinstance(value, np.ndarray) else value for key, value in out.items()}


def tensorflow_content(config, variables, **static_kwargs):
    """The tuple (G, D, Gs); only Gs is whole."""
    parts = {"mapping": [], "synthesis": [], "": [("lod", np.float32(0))]}
    for name, value in variables.items():
        part, _, rest = name.partition("/")
        parts[part if rest else ""].append((rest or name, value))
    static = {
        "latent_size": config.z_dim,
        "label_size": config.c_dim,
        "dlatent_size": config.w_dim,
        "resolution": config.resolution,
        "mapping_layers": config.mapping_layers,
        "mapping_lrmul": config.mapping_lr_multiplier,
        "conv_clamp": config.conv_clamp,
        "resample_kernel": list(config.resample_filter),
        **static_kwargs,
    }
    networks = {
        name: Network(static_kwargs={}, components={}, variables=parts[name]) for name in ("mapping", "synthesis")
    }
    return None, None, Network(static_kwargs=static, components=networks, variables=parts[""])


def write_tensorflow(path, content, *, protocol=2):
    with _modules(dnnlib__tflib__network=[Network]), open(path, "wb") as file:
        pickle.dump(content, file, protocol=protocol)
    return path


def rosinality_state(config, state):
    """Tensors by rosinality's names, without the mean of w."""
    out = {"input.input": state["synthesis.b4.const"][None]}
    for i in range(config.mapping_layers):
        for leaf in ("weight", "bias"):
            out[f"style.{i + 1}.{leaf}"] = state[f"mapping.fc{i}.{leaf}"]
    taps = torch.tensor(config.resample_filter)
    kernel = torch.outer(taps, taps) / taps.sum() ** 2 * 4
    convs = noise = 0
    for index, side in enumerate(config.resolutions):
        for kind in ("conv1", "torgb") if side == 4 else ("conv0", "conv1", "torgb"):
            source = f"synthesis.b{side}.{kind}"
            if kind == "torgb":
                target = f"to_rgbs.{index - 1}" if index else "to_rgb1"
                out[f"{target}.bias"] = state[f"{source}.bias"].reshape(1, -1, 1, 1)
                if index:
                    out[f"{target}.upsample.kernel"] = kernel
            else:
                target = f"convs.{convs}" if index else "conv1"
                convs += bool(index)
                out[f"{target}.activate.bias"] = state[f"{source}.bias"]
                out[f"{target}.noise.weight"] = state[f"{source}.noise_strength"].reshape(1)
                out[f"noises.noise_{noise}"] = state[f"{source}.noise_const"][None, None]
                noise += 1
                if kind == "conv0":
                    out[f"{target}.conv.blur.kernel"] = kernel
            out[f"{target}.conv.weight"] = state[f"{source}.weight"][None]
            for leaf in ("weight", "bias"):
                out[f"{target}.conv.modulation.{leaf}"] = state[f"{source}.affine.{leaf}"]
    return {key: value.clone() for key, value in out.items()}

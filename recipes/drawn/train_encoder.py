"""Train a drawn set's encoder: a picture in, the ws that draw it out; a narrow e4e.

Three losses. The true w of a render is known, so every row is asked for it; what the picture shows of it counts most.
The generator draws some of the guesses at its own size, so that every row has a say, and what it draws shall look like
the picture. And the rows shall differ little from the first one, as e4e has it: there edits work best. Half as many
pictures are the generator's own.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.checkpoints.encoding import read_encoder, write_encoder
from eclipsed.checkpoints.generators import read_generator
from eclipsed.images.metrics import psnr
from eclipsed.networks.architectures import make_network
from eclipsed.networks.encoder import Encoder, EncoderConfig
from eclipsed.networks.layers import SynthesisOptions
from recipes.drawn.dataset import Pictures
from recipes.drawn.latent import CENTRE, SIDE, W_DIM, Latent
from recipes.drawn.recipe import Recipe, find_recipe
from recipes.drawn.running import learning_rate, options, save
from recipes.drawn.train_generator import DTYPE, Tower, distance, pixel_weights

__all__ = ["config", "new", "train"]

#: how the generator draws what the encoder is shown
SHOWN = SynthesisOptions(resolution=SIDE, dtype=DTYPE)

#: how it draws the guesses
WHOLE = SynthesisOptions(dtype=DTYPE)

DRAWN = 8  # guesses of each step that the generator draws
OWN = 12  # pictures of each step that the generator drew


def config(latent: Latent) -> EncoderConfig:
    """Of the rows three read 8 x 8 features, four 16 x 16 and all others 32 x 32, as in e4e for 18 rows."""
    return EncoderConfig(
        kind="e4e",
        stem=16,
        stages=((16, 1), (32, 2), (64, 3), (128, 2)),
        halvings=(3,) * 3 + (4,) * 4 + (5,) * (latent.num_ws - 7),
        style_width=48,
        w_dim=W_DIM,
    )


def new(latent: Latent) -> Encoder:
    """An encoder with random weights of its own seed."""
    with torch.random.fork_rng():
        torch.manual_seed(606)
        network = Encoder(config(latent))
    with torch.no_grad():  # begin at the mean picture
        for name, weight in network.named_parameters():
            if name.endswith("linear.weight"):
                weight.mul_(0.1)
    return network.to(memory_format=torch.channels_last)


def latent_loss(latent: Latent, codes: Tensor, values: Tensor) -> Tensor:
    """Distance of all rows to the true w, in W and in what the picture shows, and of the rows to the first one.

    Args:
        latent: how values lie in W.
        codes: ws less the centre, (N, num_ws, W_DIM).
        values: of the pictures, (N, V).
    """
    goal = latent.w_of(values) - CENTRE
    near = (codes - goal[:, None]).square().mean()
    guessed = latent.values_of(codes.flatten(0, 1) + CENTRE)
    appearance = latent.values.appearance
    shown = appearance(guessed).view(len(codes), latent.num_ws, -1) - appearance(values)[:, None]
    counts = latent.rows_mask.float() + 0.1  # what a row has no say in matters little
    seen = (shown.square() * counts).sum((1, 2)).mean() / counts.sum()
    return near + 4 * seen + 0.05 * (codes[:, 1:] - codes[:, :1]).square().mean()


def perturb(images: Tensor, rng: torch.Generator) -> Tensor:
    """Soften or sharpen a little and add noise; nothing moves, since the place of everything is to be found."""
    n = len(images)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    share = (torch.rand(n, 1, 1, 1, generator=rng) * 1.4 - 0.6).clamp_min(0).to(images.device)
    noise = (torch.rand(n, 1, 1, 1, generator=rng) * 0.08 - 0.04).clamp_min(0)
    return images + share * (soft - images) + (noise * torch.randn(images.shape, generator=rng)).to(images.device)


class Trainer:
    """The encoder, what judges it, and its place in the schedule.

    Args:
        recipe: of the pictures.
        data: pictures.
        file: the state.
        folder: of the set, whose generator and CLIP are used.
        steps: in all.
        start: a finished encoder to go on from; None begins anew.
        rate: highest learning rate.
        device: where to train.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Pictures,
        file: Path,
        *,
        folder: Path,
        steps: int,
        start: Path | None = None,
        rate: float = 3e-3,
        device: str = "cpu",
    ) -> None:
        import open_clip

        self.recipe, self.latent = recipe, recipe.latent
        self.data, self.file, self.steps, self.rate = data.to(device), file, steps, rate
        self.device = torch.device(device)
        config, state = read_generator(folder / "generator.safetensors")
        generator = make_network(config)
        generator.load_state_dict(state)
        self.synthesis = generator.eval().requires_grad_(False).synthesis.to(device)
        self.tower = Tower(open_clip.create_model(f"local-dir:{folder / 'clip'}", require_pretrained=True)).to(device)
        self.network = new(self.latent).to(device)
        self.early = steps // 4 if start is None else 0  # guesses of a beginner are no pictures
        if start is not None:
            self.network.load_state_dict(read_encoder(start)[1])
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=1e-3)
        self.step = 0
        if file.exists():
            kept = torch.load(file, weights_only=True)
            self.network.load_state_dict(kept["model"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.step = kept["step"]

    def save(self) -> None:
        save(self.file, model=self.network.state_dict(), optimiser=self.optimiser.state_dict(), step=self.step)

    def advance(self, batch: int) -> tuple[float, float]:
        """One step; the two losses."""
        rng = torch.Generator().manual_seed(600_000_000 + self.step)
        picked = torch.randint(len(self.data), (batch,), generator=rng)
        values, images = self.data.values[picked], self.data.images[picked].float() / 127.5 - 1
        with torch.no_grad():
            own = self.latent.rows_of(values[:OWN], rng=rng).to(self.device) + CENTRE
            own = self.synthesis(own, SHOWN).image.clamp(-1, 1)
        images = torch.cat([own, images[OWN:]])
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.rate, self.step, self.steps, warmup=100, floor=0.01)
        self.network.train()
        inputs = perturb(images, rng).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, DTYPE):
            codes = self.network(inputs)
        codes = codes.float()
        latent = latent_loss(self.latent, codes.cpu(), values)
        late = self.step >= self.early
        looks = self._looks(codes[-DRAWN:], images[-DRAWN:], picked[-DRAWN:]) if late else codes.new_zeros(())
        self.optimiser.zero_grad(set_to_none=True)
        (latent + 0.5 * looks.cpu()).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        return float(latent.detach()), float(looks.detach())

    def _looks(self, codes: Tensor, images: Tensor, picked: Tensor) -> Tensor:
        drawn: Tensor = F.interpolate(self.synthesis(codes + CENTRE, WHOLE).image, size=(SIDE, SIDE), mode="area")
        weight = pixel_weights(self.recipe, self.data.labels[picked], drawn.shape[-1])
        tower: Tensor = self.tower(drawn, images)
        return distance(drawn, images, weight) + 0.1 * tower

    @torch.no_grad()
    def measure(self, held_out: Pictures, count: int = 128) -> tuple[float, float]:
        """Mean PSNR of what the generator makes of the guesses, in dB, and mean squared error of the guessed values."""
        self.network.eval()
        images = held_out.images[:count].to(self.device).float() / 127.5 - 1
        codes = torch.cat([self.network(some) for some in images.split(32)])
        drawn = [self.synthesis(some + CENTRE, SHOWN).image for some in codes.split(32)]
        appearance = self.recipe.values.appearance
        guessed = self.latent.values_of(codes.cpu().mean(1) + CENTRE)
        shown = appearance(guessed) - appearance(held_out.values[:count])
        return float(psnr(torch.cat(drawn), images).mean()), float(shown.square().mean())


def train(
    recipe: Recipe,
    data: Pictures,
    held_out: Pictures,
    work: Path,
    *,
    folder: Path,
    steps: int = 1300,
    start: Path | None = None,
    rate: float = 3e-3,
    batch: int = 32,
    threads: int = 1,
    device: str = "cpu",
) -> None:
    """Train, from where the last run stopped; the state lies in ``work/encoder.pt``.

    Args:
        recipe: of the pictures.
        data: pictures to learn from.
        held_out: pictures to measure with.
        work: folder of the state.
        folder: of the set whose generator and CLIP are used.
        steps: in all.
        start: a finished encoder to go on from; None begins anew.
        rate: highest learning rate.
        batch: pictures of a step.
        threads: of torch.
        device: where to train.
    """
    torch.set_num_threads(threads)
    file = work / "encoder.pt"
    trainer = Trainer(recipe, data, file, folder=folder, steps=steps, start=start, rate=rate, device=device)
    first, began = trainer.step, time.time()
    while trainer.step < steps:
        latent, looks = trainer.advance(batch)
        if trainer.step % 50 == 0:
            speed = (trainer.step - first) * batch / (time.time() - began)
            print(f"encoder {trainer.step}/{steps} {latent:.4f} {looks:.4f} {speed:.0f} img/s", flush=True)
        if trainer.step % 200 == 0 or trainer.step == steps:
            psnr, shown = trainer.measure(held_out)
            print(f"  held out: {psnr:.2f} dB, values {shown:.4f}", flush=True)
            trainer.save()


def export(latent: Latent, file: Path, folder: Path) -> None:
    """Write the trained encoder into the set, in half precision, and name it in ``set.json``."""
    state = torch.load(file, weights_only=True)["model"]
    latent_avg = torch.full((latent.num_ws, W_DIM), CENTRE)
    write_encoder(folder / "encoder.safetensors", config(latent), state, latent_avg, dtype=torch.float16)
    content = json.loads((folder / "set.json").read_text(encoding="utf-8")) | {"encoder": "encoder.safetensors"}
    (folder / "set.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = options(__doc__, steps=1300, finished="encoder.safetensors")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--set", type=Path, help="folder of the set instead of checkpoints/RECIPE")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    recipe = find_recipe(args.recipe)
    work, folder = args.work or recipe.work, args.set or recipe.set_folder
    train(
        recipe,
        Pictures(work / "renders", shards=slice(0, -1)),
        Pictures(work / "renders", shards=slice(-1, None)),
        work,
        folder=folder,
        steps=args.steps,
        start=args.start,
        rate=args.rate,
        threads=args.threads,
        device=args.device,
    )
    export(recipe.latent, work / "encoder.pt", folder)


if __name__ == "__main__":
    main()

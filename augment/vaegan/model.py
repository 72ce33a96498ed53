"""The networks of factors: an encoder to independent normals, a decoder, and a discriminator told what it looks at.

Images are (N, C, S, S) float32 in [0, 1]. The source does not give its networks; these are ours, each with its reason.
Knows no training.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from augment.vaegan.settings import FactorShape

__all__ = ["Decoder", "Discriminator", "Encoder", "Enlarge", "Factors", "Student"]

_HIDDEN = 256
_FAINT, _RIDGE = 0.1, 1e-2
"""Of the first guess at what is new: how far apart its ends lie, and what holds it back, in variances of what is seen.
"""
_ADDED_LOGVAR = -2.0
"""Of an added dimension before it is learned: a spread of 0.4."""


def _ladder(shape: FactorShape) -> list[int]:
    """Channels from the image to the coarsest layer, a sixteenth as wide."""
    return [shape.channels, shape.width, shape.width, 2 * shape.width, 2 * shape.width]


class Encoder(nn.Module):
    """q(z|x): an independent normal for each dimension, from what is seen anywhere and from where it is seen.

    Edges are looked for at every pixel and only then made coarse: by convolutions of stride 2, as beta-VAEs have them
    (Burgess et al. 2018, section 3), the shape of a sprite is not told by 80,000 sprites even where it is taught; so by
    30,000. Of colour images it sees the brightest channel too: paint takes light from some channels, what is left tells
    the shape. So a student that begins as a grey teacher knows shapes of any colour before it has seen one.
    """

    places: Tensor

    def __init__(self, shape: FactorShape, dimensions: int) -> None:
        """Random weights."""
        super().__init__()
        seen, wide = shape.channels + (shape.channels > 1), 2 * shape.width
        layers: list[nn.Module] = []
        for entry, made in pairwise((seen, shape.width // 2, shape.width, wide)):
            layers += [nn.Conv2d(entry, made, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
        self.looks = nn.Sequential(*layers, nn.Conv2d(wide, wide, 3, padding=1), nn.ReLU())
        for layer in self.looks:
            if isinstance(layer, nn.Conv2d):
                # Torch's own start lets what few pixels say fade from layer to layer.
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.register_buffer("places", _places(shape.side_px // 8), persistent=False)
        first = nn.Linear(4 * wide, _HIDDEN)
        self.body = nn.Sequential(first, nn.ReLU())
        self.mean = nn.Linear(_HIDDEN, dimensions)
        self.logvar = nn.Linear(_HIDDEN, dimensions)
        with torch.no_grad():
            # Each dimension begins with either how far down or how far across: two of them tell a place as well along
            # any other two directions, and what they begin with decides.
            half = _HIDDEN // 2
            first.weight[:half, 3 * wide :], first.weight[half:, 2 * wide : 3 * wide] = 0, 0
            self.mean.weight[::2, half:], self.mean.weight[1::2, :half] = 0, 0

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance, each (N, dimensions) float32."""
        hidden = self.hidden(x)
        # Variances of e^-12 and less are the same to every loss and overflow none.
        return self.mean(hidden).float(), self.logvar(hidden).float().clamp(-12.0, 6.0)

    def hidden(self, x: Tensor) -> Tensor:
        """What both heads read, (N, 256)."""
        seen = self.looks(torch.cat([brightest(x), x], dim=1) if x.shape[1] > 1 else x)
        side = seen.shape[-1]
        # How strongly anywhere, how much of it, and how far down and across.
        told = [side * seen.mean(dim=(2, 3)), *(side * (seen * place).mean(dim=(2, 3)) for place in self.places)]
        hidden: Tensor = self.body(torch.cat([seen.amax(dim=(2, 3)), *told], dim=1))
        return hidden


class GrownEncoder(nn.Module):
    """An encoder of known dimensions beside one of added ones, which looks with eyes of its own.

    With the known ones' eyes, which learn to see what is new only later, all images would lie by then where the game
    draws what is known, on flat ground that no reconstruction leads away from; and known dimensions of which a teacher
    is unsure would carry what is new, because holding them costs little.
    """

    def __init__(self, shape: FactorShape) -> None:
        """Random weights."""
        super().__init__()
        self.known, self.added = Encoder(shape, shape.dimensions - shape.added), Encoder(shape, shape.added)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As of `Encoder`: the known dimensions, then the added ones."""
        (mean, logvar), (added_mean, added_logvar) = self.known(x), self.added(x)
        return torch.cat([mean, added_mean], dim=1), torch.cat([logvar, added_logvar], dim=1)


def _places(side: int) -> Tensor:
    """(2, side, side) float32: how far down and across each place is, -1 to 1."""
    along = torch.linspace(-1, 1, side)
    return torch.stack(torch.meshgrid(along, along, indexing="ij"))


def brightest(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 1, H, W): what a grey network sees of colours."""
    return x.amax(dim=1, keepdim=True)


class Decoder(nn.Module):
    """G(z): the image of latents (N, dimensions), which are laid at every place of a coarse layer beside where it is.

    A spatial broadcast decoder (Watters et al. 2019), which tells position from the rest, but broadcast to a quarter
    of the image's side and widened from there: at the full side, as there, it is some ten times as slow.
    """

    places: Tensor

    def __init__(self, shape: FactorShape) -> None:
        """Random weights."""
        super().__init__()
        side, wide = shape.side_px // 4, 2 * shape.width
        self.register_buffer("places", _places(side), persistent=False)
        layers: list[nn.Module] = []
        for channels, made in pairwise((shape.dimensions + 2, wide, wide, wide)):
            layers += [nn.Conv2d(channels, made, 1), nn.ReLU()]
        self.start = nn.Sequential(*layers)
        self.body = nn.Sequential(
            Enlarge(wide, shape.width),
            nn.ReLU(),
            Enlarge(shape.width, shape.width // 2),
            nn.ReLU(),
            nn.Conv2d(shape.width // 2, shape.channels, 3, padding=1),
        )

    def logits(self, z: Tensor) -> Tensor:
        """The image (N, C, S, S) before the sigmoid, float32."""
        side = self.places.shape[1]
        told = torch.cat(
            [z[:, :, None, None].expand(-1, -1, side, side), self.places[None].expand(len(z), -1, -1, -1)], dim=1
        )
        values: Tensor = self.body(self.start(told))
        return values.float()

    def forward(self, z: Tensor) -> Tensor:
        """The image (N, C, S, S) float32 in [0, 1]."""
        return self.logits(z).sigmoid()


class Enlarge(nn.Module):
    """A 3x3 convolution of the layer enlarged twice by nearest neighbours: on flat ground it draws no grid, as
    transposed convolutions do beside a discriminator (Odena et al. 2016).

    Done as the transposed convolution that equals it, which reads a quarter of the places.
    """

    def __init__(self, entry: int, made: int) -> None:
        """Random weights."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(entry, made, 3, 3))
        self.bias = nn.Parameter(torch.zeros(made))
        nn.init.uniform_(self.weight, -1 / (3 * entry**0.5), 1 / (3 * entry**0.5))

    def forward(self, x: Tensor) -> Tensor:
        """(N, entry, H, W) -> (N, made, 2H, 2W)."""
        # Each place is laid on 2 x 2 pixels: the kernel, added up over them.
        kernel = functional.avg_pool2d(functional.pad(self.weight, (1, 1, 1, 1)), 2, stride=1, divisor_override=1)
        return functional.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class Discriminator(nn.Module):
    """D(x, y): the logit that x is a real image of kind y, by projection (Miyato and Koyama 2018), and its features."""

    def __init__(self, shape: FactorShape) -> None:
        """Random weights."""
        super().__init__()
        ladder = _ladder(shape)
        self.looks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(wide, narrow, 4, 2, 1), nn.LeakyReLU(0.2)) for wide, narrow in pairwise(ladder)
        )
        places = (shape.side_px // 16) ** 2
        self.judge = nn.Sequential(nn.Flatten(), nn.Linear(ladder[-1] * places, _HIDDEN), nn.LeakyReLU(0.2))
        self.logit = nn.Linear(_HIDDEN, 1)
        self.kind = nn.Embedding(2, _HIDDEN)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor]]:
        """x: (N, C, S, S) in [0, 1]; y: (N,) int64 -> logits (N,) float32, and what it sees from fine to coarse.

        The first of these is the image: before it is trained a discriminator sees nothing else.
        """
        seen = [x]
        hidden = 2 * x - 1
        for look in self.looks:
            hidden = look(hidden)
            seen.append(hidden)
        told = self.judge(hidden)
        logit = self.logit(told)[:, 0] + (told * self.kind(y)).sum(dim=1) / _HIDDEN**0.5
        return logit.float(), seen[:-1]


class Factors(nn.Module):
    """Encoder and decoder of one shape: all that is kept of a teacher or a student."""

    def __init__(self, shape: FactorShape) -> None:
        """Random weights."""
        super().__init__()
        self.shape = shape
        self.encoder: Encoder | GrownEncoder = GrownEncoder(shape) if shape.added else Encoder(shape, shape.dimensions)
        self.decoder = Decoder(shape)

    def known(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's answer to images that may have more colours than it was taught."""
        answer: tuple[Tensor, Tensor] = self.encoder(brightest(x) if self.shape.channels == 1 else x)
        return answer

    @torch.no_grad()
    def start_from(self, teacher: "Factors") -> None:
        """Takes over what a teacher knows; added dimensions begin as nothing, and surer than the prior.

        As noise of the prior's spread they would be unlearned first.
        Where the teacher is grey and this is not, colours are not seen at first, and drawn as its grey.
        """
        encoder = self.encoder
        assert isinstance(encoder, GrownEncoder) and isinstance(teacher.encoder, Encoder)
        shared, channels = teacher.shape.dimensions, self.shape.channels // teacher.shape.channels
        known, drawn = teacher.encoder.state_dict(), teacher.decoder.body.state_dict()
        seen = torch.zeros_like(encoder.known.state_dict()["looks.0.weight"])
        seen[:, : known["looks.0.weight"].shape[1]] = known["looks.0.weight"]
        encoder.known.load_state_dict({**known, "looks.0.weight": seen})
        for name in ("4.weight", "4.bias"):
            drawn[name] = drawn[name].repeat_interleave(channels, dim=0)
        self.decoder.body.load_state_dict(drawn)
        for head in (encoder.added.mean, encoder.added.logvar):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        nn.init.constant_(encoder.added.logvar.bias, _ADDED_LOGVAR)
        start = teacher.decoder.start.state_dict()
        widened = torch.zeros_like(self.decoder.start.state_dict()["0.weight"])
        widened[:, :shared], widened[:, -2:] = start["0.weight"][:, :shared], start["0.weight"][:, -2:]
        self.decoder.start.load_state_dict({**start, "0.weight": widened})

    @torch.no_grad()
    def begin_at(self, x: Tensor, y: Tensor) -> None:
        """The added means begin as a faint guess at y (N,), linear in what is seen of images x of both kinds.

        Faint, for it only decides the sign: that of z_y in the game. Left to chance, new images go either way, and the
        side where the game draws them is never used.
        """
        encoder = self.encoder
        assert isinstance(encoder, GrownEncoder)
        hidden = encoder.added.hidden(x).double()
        centred, told = hidden - hidden.mean(dim=0), 2 * y.double() - 1
        # Images that are all alike have no variance, and give no guess.
        held = (_RIDGE * centred.square().sum(dim=0).mean()).clamp(min=1e-9)
        ridge = held * torch.eye(centred.shape[1], dtype=torch.float64)
        guess = torch.linalg.solve(centred.T @ centred + ridge, centred.T @ (told - told.mean()))
        encoder.added.mean.weight.copy_((_FAINT * guess).float().expand_as(encoder.added.mean.weight))
        encoder.added.mean.bias.fill_(-_FAINT * float(hidden.mean(dim=0) @ guess))


class Student(Factors):
    """Factors with the discriminator that they learn beside."""

    def __init__(self, shape: FactorShape) -> None:
        """Random weights."""
        super().__init__(shape)
        self.discriminator = Discriminator(shape)

"""The augmentations that a data section can name. Import-light: what computes is imported where rows are changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from nnspec.data.augment.base import AUGMENTATIONS, Augmentation, Names, Picture
from nnspec.ir.components import called
from nnspec.ir.fields import Limits, NonNegativeInt, PositiveFloat, PositiveInt, Rule

if TYPE_CHECKING:
    from nnspec.data.augment.draws import Draws

Probability = Annotated[float, Limits(ge=0, le=1)]
Byte = Annotated[int, Limits(ge=0, le=255)]
Fill = Byte | Literal["edge", "reflect"]


@AUGMENTATIONS("flip")
class Flip(Augmentation):
    """Mirror images left to right, top to bottom, or each by a chance of its own.

    `flip()`, `flip("vertical")`. What describes each pixel, such as a mask, is moved with it: `flip(on = ["image",
    "mask"])`.
    """

    foreign_names: ClassVar[tuple[str, ...]] = (
        *("RandomHorizontalFlip", "RandomVerticalFlip", "random_flip", "horizontal_flip", "hflip"),
        *("random_flip_left_right", "mirror"),
    )
    foreign_options = called(direction="mode axis", probability="p prob")
    moves: ClassVar[bool] = True

    direction: Literal["horizontal", "vertical", "both"] = "horizontal"
    """Left to right, top to bottom, or both, drawn one by one."""
    probability: Probability = 0.5
    """Of each."""
    on: Names = None
    """The inputs that are changed together; the one that is images where nothing is said. Targets may be among them."""

    def apply(self, pictures: Sequence[Picture], random: Draws) -> None:
        from nnspec.data.augment.moves import flip

        chosen = random.uniform(2) < self.probability
        for picture in pictures:
            if self.direction != "vertical":
                flip(picture.pixels, chosen[:, 0], axis=3)
            if self.direction != "horizontal":
                flip(picture.pixels, chosen[:, 1], axis=2)


@AUGMENTATIONS("crop")
class Crop(Augmentation):
    """Widen images by `padding` pixels on every side, and cut their own size out at a random place.

    `crop(4)`, as for CIFAR in He et al., 2016: images move by up to 4 pixels.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("RandomCrop", "random_crop", "shift", "translate", "RandomTranslation")
    foreign_options = called(fill="padding_mode fill_mode")
    moves: ClassVar[bool] = True

    padding: PositiveInt | tuple[NonNegativeInt, ...]
    """How far images move at most, in pixels; [down, across] where these differ."""
    fill: Fill = 0
    """What is around an image: this number, or its `"edge"` drawn out, or its mirror image, `"reflect"`. Around targets
    a number is 0."""
    on: Names = None
    """The inputs that are changed together; the one that is images where nothing is said. Targets may be among them."""

    def _check(self) -> None:
        if isinstance(self.padding, tuple) and len(self.padding) != 2:
            raise Rule("padding", "padding is one number, or two: [down, across]")

    def apply(self, pictures: Sequence[Picture], random: Draws) -> None:
        from nnspec.data.augment.moves import crop

        down, across = (self.padding, self.padding) if isinstance(self.padding, int) else self.padding
        tops, lefts = random.integers(2 * down + 1), random.integers(2 * across + 1)
        for picture in pictures:
            crop(picture, (down, across), tops, lefts, self.fill)


@AUGMENTATIONS("rotation")
class Rotation(Augmentation):
    """Turn images about their middle by an angle between -degrees and degrees.

    `rotation(15)`. Pixels are interpolated linearly; of targets, and of whole numbers that are no bytes, the nearest is
    taken.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("RandomRotation", "random_rotation", "rotate")
    foreign_options = called(degrees="angle factor", fill="fill_mode fill_value")
    moves: ClassVar[bool] = True

    degrees: Annotated[float, Limits(gt=0, le=180)]
    """The greatest angle."""
    fill: Fill = 0
    """What is around an image: this number, or its `"edge"` drawn out, or its mirror image, `"reflect"`. Around targets
    a number is 0."""
    on: Names = None
    """The inputs that are changed together; the one that is images where nothing is said. Targets may be among them."""

    def apply(self, pictures: Sequence[Picture], random: Draws) -> None:
        from nnspec.data.augment.moves import rotate

        degrees = random.between(-self.degrees, self.degrees)
        for picture in pictures:
            rotate(picture, degrees, self.fill)


@AUGMENTATIONS("brightness")
class Brightness(Augmentation):
    """Multiply images by a number between 1 - amount and 1 + amount. Bytes are cut off at 255.    `brightness(0.3)`"""

    foreign_names: ClassVar[tuple[str, ...]] = ("RandomBrightness", "random_brightness", "ColorJitter")
    foreign_options = called(amount="factor brightness max_delta")

    amount: Annotated[float, Limits(gt=0, le=1)]
    """How far the factor is from 1 at most."""
    on: Names = None
    """The inputs that are changed; the one that is images where nothing is said."""

    def apply(self, pictures: Sequence[Picture], random: Draws) -> None:
        from nnspec.data.augment.tones import stretch

        factors = random.between(1 - self.amount, 1 + self.amount)
        for picture in pictures:
            stretch(picture.pixels, factors, around_mean=False)


@AUGMENTATIONS("contrast")
class Contrast(Augmentation):
    """Multiply the distance of pixels from the mean of their image by a number between 1 - amount and 1 + amount.

    `contrast(0.3)`. Bytes are cut off at 0 and 255.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("RandomContrast", "random_contrast")
    foreign_options = called(amount="factor contrast")

    amount: Annotated[float, Limits(gt=0, le=1)]
    """How far the factor is from 1 at most."""
    on: Names = None
    """The inputs that are changed; the one that is images where nothing is said."""

    def apply(self, pictures: Sequence[Picture], random: Draws) -> None:
        from nnspec.data.augment.tones import stretch

        factors = random.between(1 - self.amount, 1 + self.amount)
        for picture in pictures:
            stretch(picture.pixels, factors, around_mean=True)


@AUGMENTATIONS("noise")
class Noise(Augmentation):
    """Add normal noise, drawn for every element, to images before they enter the model.

    `noise(0.02)`. The layer gaussian_noise does it inside of the model, to any value.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("GaussianNoise", "gaussian_noise", "add_noise")
    foreign_options = called(deviation="std stddev sigma scale")

    deviation: PositiveFloat
    """Its standard deviation; for bytes as a part of 255."""
    on: Names = None
    """The inputs that are changed; the one that is images where nothing is said."""

    def apply(self, pictures: Sequence[Picture], random: Draws) -> None:
        from nnspec.data.augment.tones import add_noise

        for picture in pictures:
            add_noise(picture.pixels, self.deviation, random)


@AUGMENTATIONS("cutout")
class Cutout(Augmentation):
    """Blank out a square whose middle is any pixel of the image. DeVries and Taylor, 2017.    `cutout(8)`"""

    foreign_names: ClassVar[tuple[str, ...]] = ("RandomErasing", "random_erasing", "random_cutout", "CoarseDropout")
    foreign_options = called(size="length mask_size", probability="p prob", fill="value fill_value")

    size: PositiveInt
    """Its side in pixels; what lies outside of the image is lost."""
    probability: Probability = 1.0
    """How likely an image gets one."""
    fill: Byte = 0
    """The value of its pixels."""
    on: Names = None
    """The inputs that are changed at the same place; the one that is images where nothing is said."""

    def apply(self, pictures: Sequence[Picture], random: Draws) -> None:
        from nnspec.data.augment.tones import cut_out

        chosen, places = random.uniform(1)[:, 0] < self.probability, random.uniform(2)
        for picture in pictures:
            cut_out(picture.pixels, self.size, self.fill, chosen, places)


@AUGMENTATIONS("mixup")
class Mixup(Augmentation):
    """Blend each row with another one of its batch, and keep its target. Zhang et al., 2018; Huszár, 2017.

    `mixup(0.2)`. The paper mixes targets too: for λ from Beta(α, α) the loss of λ x + (1-λ) x' is λ parts that of y and
    1-λ parts that of y'. Over all pairs that is the same as y alone with λ from Beta(α+1, α), which is drawn here: so
    labels stay labels, and every loss whose gradient is linear in the target has the gradient of the paper on average:
    cross_entropy, binary_cross_entropy, kl_divergence, mse. Accuracy on training batches is that of blended rows.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("random_mixup",)
    ranks: ClassVar[tuple[int, ...]] = (2, 3, 4)

    alpha: Annotated[float, Limits(ge=0.05, le=100)] = 0.2
    """α: near 0 rows stay almost as they are, at 1 the share of the other row is up to a half, mostly less."""
    on: Names = None
    """The inputs that are blended; the one that is images where nothing is said. Rows of features may be, too."""

    def apply(self, pictures: Sequence[Picture], random: Draws) -> None:
        from nnspec.data.augment.tones import blend

        partners, shares = random.partners(), random.beta(self.alpha)
        for picture in pictures:
            blend(picture.pixels, partners, shares)

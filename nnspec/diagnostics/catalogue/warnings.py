"""W3xx: what a person should know about a spec, and what stops nothing."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry
from nnspec.diagnostics.catalogue.syntax import model
from nnspec.diagnostics.catalogue.training import GOOD

DECAYED = GOOD.replace("adam(lr = 0.01)", "adamw(lr = 0.01, weight_decay = 0.1)")


def images(line: str, shape: str = "N, 3, 32, 32") -> str:
    """A file with one line behind the input of images."""
    return f"nnspec 1\n\nmodel demo {{\n  input image: float32[{shape}]\n  output y = {line}\n}}\n"


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "W301",
        "weight decay meets biases and scales",
        """Optimizers decay every parameter, as PyTorch's do. Decay keeps weights small, so that a function is smooth;
        biases, and the scales of normalisation layers, have no part in that, and decay only pulls them from where they
        should be. `decay_on` names the parameters to act on, by patterns in which `*` crosses dots;
        `decay_on = "*"` says that all of them are meant.

        It is said where weight_decay is given, decay_on is not, and a step takes 1e-5 of a parameter or more off it
        (the greatest learning rate times weight_decay: 1 % in 1000 steps). He et al., Bag of Tricks for Image
        Classification, 2019, 3.1.""",
        DECAYED,
        DECAYED.replace("weight_decay = 0.1", 'weight_decay = 0.1, decay_on = "*.weight"'),
    ),
    Entry(
        "W302",
        "running statistics that forget",
        """`momentum` of batch_norm and instance_norm is the part that a batch has in the running statistics, as in
        PyTorch: 0.1 by default. What Keras calls momentum is the part that stays, so that its 0.99 is 0.01 here. Above
        0.5 inference is left with the statistics of the last few batches. 1, those of the last batch alone, and none,
        the mean over all of them, are taken as they are meant.""",
        model("y = dense(3) -> batch_norm(momentum = 0.99)"),
        model("y = dense(3) -> batch_norm(momentum = 0.01)"),
    ),
    Entry(
        "W320",
        "a convolution that begins with the channels of its input",
        """PyTorch's Conv2d(3, 16, 5) goes from 3 channels to 16 with a kernel of 5. Here the channels of the input are
        known, and the options are channels, kernel, stride: conv2d(3, 16, 5) would be 3 channels by a kernel of 16 at
        every fifth pixel. It is said where the channels stay as many, the kernel is even and above 4, and the stride
        odd, which is hardly ever meant.""",
        images("conv2d(3, 16, 5)"),
        images("conv2d(16, 5)"),
    ),
    Entry(
        "W321",
        "an image with its channels last",
        """Convolution and pooling read [N, C, H, W], as PyTorch does. [N, 32, 32, 3], as TensorFlow and files of images
        have it, is 32 channels of 32x3 pixels to them, and what is learned is little. Arrays can be kept as they are,
        and turned in the graph. It is said of an input whose first two sizes are equal and whose last is 1 or 3.""",
        images("conv2d(16, 3)", "N, 32, 32, 3"),
        images("transpose(0, 3, 1, 2) -> conv2d(16, 3)", "N, 32, 32, 3"),
    ),
    Entry(
        "W322",
        "along the width, where channels are on axis 1",
        """softmax, normalisation and gates work along the last axis, where features are. What convolutions, pools and
        batch_norm give has its channels on axis 1, and the last axis is the width of an image or the time of a signal.
        A softmax over classes for each pixel is softmax(axis = 1), as is PyTorch's Softmax2d.""",
        images("conv2d(5, 1) -> softmax"),
        images("conv2d(5, 1) -> softmax(axis = 1)"),
    ),
)

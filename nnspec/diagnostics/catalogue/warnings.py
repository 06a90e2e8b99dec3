"""W3xx: what a person should know about a spec, and what stops nothing."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry
from nnspec.diagnostics.catalogue.syntax import model
from nnspec.diagnostics.catalogue.training import GOOD, MODEL

DECAYED = GOOD.replace("adam(lr = 0.01)", "adamw(lr = 0.01, weight_decay = 0.1)")
SQUASHED = GOOD.replace("logits = dense(3)", "logits = dense(3)\n  output probability = softmax").replace(
    "entropy(logits", "entropy(probability"
)
BINARY = """nnspec 1

model example {
  input x: float32[N, 4]
  logits = dense(1)
  output probability = sigmoid
}

train {
  target ill: float32[N, 1]
  loss      = binary_cross_entropy(probability, ill)
  optimizer = adam(lr = 0.01)
  epochs    = 10
}
"""
COUNTED = GOOD.replace("logits = dense(3)", "logits = dense(3)\n  other = x -> dense(5)").replace(
    "cross_entropy(logits, kind)", "cross_entropy(logits, kind) + cross_entropy(other, kind)"
)


def images(line: str, shape: str = "N, 3, 32, 32") -> str:
    """A file with one line behind the input of images."""
    return f"nnspec 1\n\nmodel demo {{\n  input image: float32[{shape}]\n  output y = {line}\n}}\n"


PIXELS = """nnspec 1

model pets {{
  input photo: float32[N, 3, 32, 32]
  {} -> relu -> global_avg_pool
  output logits = dense(2)
}}

data {{
  train = images("pets", size = 32)
  photo = "image"
  kind  = "label"
}}

train {{
  target kind: label[N]
  loss      = cross_entropy(logits, kind)
  optimizer = adam
  epochs    = 3
}}
"""

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "W301",
        "weight decay meets biases and scales",
        """Optimizers decay every parameter, as PyTorch's do. Decay keeps weights small, so that a function is smooth;
        biases, and the scales of normalisation layers, have no part in that, and decay only pulls them from where they
        should be. `decay_on` names the parameters to act on, by patterns in which `*` crosses dots;
        `decay_on = "*"` says that all of them are meant.

        It is said where weight_decay is given, decay_on is not, and a step takes 1e-4 of a parameter or more off it
        (the greatest learning rate times weight_decay: 10 % in 1000 steps), unless `steps` says that the whole run
        takes off less than 10 %. He et al., Bag of Tricks for Image Classification, 2019, 3.1.""",
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
        model("y = dense(3, bias = false) -> batch_norm(momentum = 0.99)"),
        model("y = dense(3, bias = false) -> batch_norm(momentum = 0.01)"),
    ),
    Entry(
        "W303",
        "nothing uses a value",
        """What a line computes goes into no output, no loss and no metric, so that the line has no effect; or an input
        or target is declared and not used. Mostly a name was mistyped, or a line was forgotten when another was
        changed. Of a chain that leads nowhere its end is named.""",
        model("side = x -> dense(7)\n  x -> dense(3)"),
        model("x -> dense(3)"),
    ),
    Entry(
        "W304",
        "nothing uses a name",
        """A parameter, a `let`, a `layer` or a block brought in by `use` that the file never mentions again. Whoever
        sets such a parameter believes to have changed something.""",
        MODEL.replace("example {", "example(hidden = 16) {"),
        MODEL.replace("example {", "example(hidden = 16) {").replace("logits", "dense(hidden) -> relu\n  logits"),
    ),
    Entry(
        "W305",
        "softmax before cross_entropy",
        """cross_entropy takes logits and applies softmax itself, in a form that does not overflow. Applied twice, it
        flattens what was said: no class gets more than e times the weight of another, and learning nearly stops. The
        metrics that compare logits may take either.""",
        SQUASHED,
        SQUASHED.replace("entropy(probability", "entropy(logits"),
    ),
    Entry(
        "W306",
        "sigmoid before binary_cross_entropy",
        """binary_cross_entropy takes logits and applies sigmoid itself, in a form that does not overflow. Applied twice
        it says 0.5 to 0.73 whatever the network thinks.""",
        BINARY,
        BINARY.replace("entropy(probability", "entropy(logits"),
    ),
    Entry(
        "W307",
        "a bias before batch_norm",
        """batch_norm takes the mean of each channel off, and a bias is a part of that mean: whatever it is, it changes
        nothing, so that it is left out of training. It costs parameters, and batch_norm has an offset of its own.""",
        model("dense(3) -> batch_norm"),
        model("dense(3, bias = false) -> batch_norm"),
    ),
    Entry(
        "W308",
        "dropout on the result",
        """Dropout in front of a layer makes that layer rely on no single value. Behind the last layer it sets parts of
        the result itself to 0 while the network learns, and the loss counts that as an error nobody can mend.""",
        GOOD.replace("logits = dense(3)", "logits = dense(3) -> dropout(0.5)"),
        GOOD.replace("logits = dense(3)", "logits = dropout(0.5) -> dense(3)"),
    ),
    Entry(
        "W309",
        "classes that are counted differently",
        """A target is compared with logits of one size by a loss, and of another size by another loss or a metric. A
        label has one number of classes; it is kept with the model.""",
        COUNTED,
        COUNTED.replace("other = x -> dense(5)", "other = x -> dense(3)"),
    ),
    Entry(
        "W310",
        "an output that training does not reach",
        """An output has parameters that no loss depends on: they get no gradient, and the output gives random numbers
        for ever. Parameters that `freeze` names, or that `init` loads, are meant to be so.""",
        COUNTED.replace("other = x -> dense(5)", "output other = x -> dense(5)\n  output logits").replace(
            " + cross_entropy(other, kind)", ""
        ),
        COUNTED.replace("other = x -> dense(5)", "output other = x -> dense(3)\n  output logits"),
    ),
    Entry(
        "W311",
        "an unusual learning rate",
        """The greatest learning rate lies outside of what the optimizer is used with: for most of them 1e-6 to 0.1, for
        sgd 1e-5 to 5, for lion at most 0.01. Often a zero is missing, or the rate was taken from another optimizer.""",
        GOOD.replace("adam(lr = 0.01)", "adam(lr = 3.0)"),
        GOOD.replace("adam(lr = 0.01)", "adam(lr = 3e-4)"),
    ),
    Entry(
        "W312",
        "nothing is left to train",
        """The patterns of freeze cover every parameter that training changes: epochs pass, and the weights stay as they
        were drawn or loaded. In patterns `*` crosses dots, so that "*" alone is the whole model.""",
        GOOD.replace("epochs    = 10", 'epochs    = 10\n  freeze    = ["*"]'),
        GOOD.replace("logits = dense(3)", "logits = dense(8) -> dense(3)").replace(
            "epochs    = 10", 'epochs    = 10\n  freeze    = ["logits.dense_1.*"]'
        ),
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
    Entry(
        "W323",
        "weights that read bytes",
        """Images give numbers from 0 to 255, whatever the dtype of the input. A layer with weights that reads them as
        they are begins with results in the hundreds, and often learns nothing or ends in nan. PyTorch's ToTensor
        divides by 255 in silence; here the model does it. Nothing is said where a normalization follows.""",
        PIXELS.format("conv2d(8, 3)"),
        PIXELS.format("rescale(1 / 255) -> conv2d(8, 3)"),
    ),
)

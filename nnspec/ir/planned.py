"""What the language promises and the library does not have yet: the one list of it.

A name counts no more as soon as a component of its kind is registered under it; delete it here then, and take over the
names of other frameworks that lead to it.
"""

from __future__ import annotations

from collections.abc import Mapping

PLANNED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "layer": {
        "conv1d": ("Convolution1D", "LazyConv1d"),
        "conv2d": ("Convolution2D", "LazyConv2d", "conv", "convolution"),
        "conv3d": ("Convolution3D", "LazyConv3d"),
        "conv_transpose1d": ("Conv1DTranspose", "deconv1d"),
        "conv_transpose2d": ("Conv2DTranspose", "deconv2d", "conv_transpose"),
        "conv_transpose3d": ("Conv3DTranspose", "deconv3d"),
        "depthwise_conv2d": ("depthwise_conv",),
        "max_pool1d": ("MaxPooling1D",),
        "max_pool2d": ("MaxPooling2D", "max_pool", "max_pooling"),
        "max_pool3d": ("MaxPooling3D",),
        "avg_pool1d": ("AveragePooling1D",),
        "avg_pool2d": ("AveragePooling2D", "avg_pool", "average_pool", "average_pooling"),
        "avg_pool3d": ("AveragePooling3D",),
        "global_avg_pool": (
            *("AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "global_average_pooling"),
            *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
        ),
        "global_max_pool": (
            *("AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "global_max_pooling"),
            *("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
        ),
        "batch_norm": ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "batch_normalization", "SyncBatchNorm"),
        "layer_norm": ("layer_normalization",),
        "rms_norm": ("rms_normalization",),
        "group_norm": ("group_normalization",),
        "instance_norm": ("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "instance_normalization"),
        "l2_normalize": ("l2_norm", "unit_normalization"),
        "rnn": ("SimpleRNN", "RNNCell"),
        "lstm": ("LSTMCell", "CuDNNLSTM"),
        "gru": ("GRUCell", "CuDNNGRU"),
    },
    "metric": {"precision": (), "recall": (), "f1": ("f1_score",), "auc": ("roc_auc", "AUROC")},
    "optimizer": {"rmsprop": (), "adagrad": (), "adadelta": (), "lion": (), "lamb": ()},
    "source": {
        "parquet": ("read_parquet",),
        "idx": ("mnist",),
        "images": ("image_folder", "image_dataset_from_directory"),
    },
    "weights": {"weights": ()},
}


def planned(kind: str, name: str) -> str:
    """The planned component of this kind that somebody who wrote `name` meant; an empty text for none."""
    wanted = plain(name)
    items = PLANNED.get(kind, {}).items()
    return next((own for own, other in items if wanted in map(plain, (own, *other))), "")


def plain(name: str) -> str:
    """A name without its module, its capitals and its underscores: `nn.LeakyReLU` and `leaky_relu` are one."""
    return name.rsplit(".", 1)[-1].lower().replace("_", "")

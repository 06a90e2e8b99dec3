"""Names of other frameworks, for the tables of equivalents. What each stands for is asked of the registries."""

from __future__ import annotations

from collections import defaultdict

from nnspec.library import registries

FRAMEWORKS = {"from-pytorch.md": "PyTorch", "from-keras.md": "Keras"}
"""The pages that have tables of equivalents."""

NAMES = {
    "PyTorch": {
        "layer": """nn.Linear nn.Embedding nn.Flatten nn.Unflatten nn.Identity torch.cat torch.stack torch.split
            Tensor.permute Tensor.view torch.tile nn.ConstantPad2d nn.ReflectionPad2d nn.Upsample nn.ReLU nn.LeakyReLU
            nn.PReLU nn.ELU nn.SELU nn.CELU nn.GELU nn.SiLU nn.Mish nn.Softplus nn.Softsign nn.Sigmoid nn.Tanh
            nn.Hardsigmoid nn.Hardswish nn.ReLU6 nn.Softmax nn.LogSoftmax nn.GLU nn.Dropout nn.Dropout2d nn.Conv1d
            nn.Conv2d nn.Conv3d nn.ConvTranspose1d nn.ConvTranspose2d nn.ConvTranspose3d nn.MaxPool1d nn.MaxPool2d
            nn.MaxPool3d nn.AvgPool1d nn.AvgPool2d nn.AvgPool3d nn.AdaptiveAvgPool2d nn.AdaptiveMaxPool2d
            nn.BatchNorm1d nn.BatchNorm2d nn.LayerNorm nn.RMSNorm nn.GroupNorm nn.InstanceNorm2d nn.RNN nn.LSTM nn.GRU
            nn.MultiheadAttention F.one_hot torch.clamp torch.log1p Tensor.to torch.abs torch.argmax torch.exp torch.log
            torch.sqrt torch.mean torch.sum torch.amax torch.amin torch.squeeze torch.unsqueeze torch.narrow
            v2.ToTensor""",
        "loss": """nn.CrossEntropyLoss nn.BCEWithLogitsLoss nn.MSELoss nn.L1Loss nn.HuberLoss nn.SmoothL1Loss
            nn.KLDivLoss nn.CosineEmbeddingLoss""",
        "metric": """torchmetrics.Accuracy torchmetrics.Precision torchmetrics.Recall torchmetrics.F1Score
            torchmetrics.AUROC torchmetrics.JaccardIndex torchmetrics.MeanAbsoluteError torchmetrics.MeanSquaredError
            torchmetrics.R2Score torchmetrics.Perplexity""",
        "average": "swa_utils.AveragedModel",
        "optimizer": """optim.SGD optim.Adam optim.AdamW optim.RMSprop optim.Adagrad optim.Adadelta""",
        "schedule": """StepLR ExponentialLR LinearLR CosineAnnealingLR OneCycleLR ReduceLROnPlateau
            get_cosine_schedule_with_warmup""",
        "initializer": """init.xavier_uniform_ init.xavier_normal_ init.kaiming_uniform_ init.kaiming_normal_
            init.normal_ init.uniform_ init.zeros_ init.ones_ init.orthogonal_""",
        "source": "datasets.ImageFolder datasets.MNIST datasets.FashionMNIST datasets.FakeData",
        "augmentation": """v2.RandomHorizontalFlip v2.RandomVerticalFlip v2.RandomCrop v2.RandomRotation v2.ColorJitter
            v2.GaussianNoise v2.RandomErasing v2.MixUp""",
    },
    "Keras": {
        "layer": """Dense Embedding Flatten Reshape Permute Concatenate ZeroPadding2D UpSampling2D ReLU LeakyReLU PReLU
            ELU Softmax Dropout SpatialDropout1D SpatialDropout2D GaussianNoise Conv1D Conv2D Conv3D Conv1DTranspose
            Conv2DTranspose Conv3DTranspose DepthwiseConv2D MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D
            AveragePooling2D AveragePooling3D GlobalAveragePooling2D GlobalMaxPooling2D BatchNormalization
            LayerNormalization RMSNormalization GroupNormalization UnitNormalization SimpleRNN LSTM GRU
            MultiHeadAttention Normalization Rescaling StringLookup CategoryEncoding Identity RepeatVector
            activations.sigmoid activations.tanh activations.gelu activations.silu activations.selu activations.celu
            activations.mish activations.softplus activations.softsign activations.hard_sigmoid activations.hard_silu
            activations.relu6 activations.log_softmax activations.glu ops.abs ops.argmax ops.cast ops.clip ops.exp
            ops.log ops.log1p ops.sqrt ops.mean ops.sum ops.max ops.min ops.slice ops.split ops.stack ops.squeeze
            ops.expand_dims keras_hub.PositionEmbedding keras_hub.SinePositionEncoding""",
        "loss": """SparseCategoricalCrossentropy CategoricalCrossentropy BinaryCrossentropy MeanSquaredError
            MeanAbsoluteError Huber Hinge KLDivergence CosineSimilarity""",
        "metric": """SparseCategoricalAccuracy BinaryAccuracy SparseTopKCategoricalAccuracy Precision Recall F1Score AUC
            MeanIoU MeanAbsoluteError MeanSquaredError R2Score keras_hub.Perplexity""",
        "regularizer": "L1 L2",
        "optimizer": """SGD Adam AdamW RMSprop Adagrad Adadelta Lion Lamb""",
        "schedule": """ExponentialDecay CosineDecay PolynomialDecay ReduceLROnPlateau""",
        "stop": """EarlyStopping""",
        "initializer": """GlorotUniform GlorotNormal HeUniform HeNormal LecunNormal RandomNormal RandomUniform Zeros
            Ones Orthogonal""",
        "source": "image_dataset_from_directory flow_from_directory mnist",
        "augmentation": """RandomFlip RandomTranslation RandomRotation RandomBrightness RandomContrast RandomErasing
            MixUp""",
    },
}

UNKNOWN_TO = {
    "PyTorch": {
        "layer": """depthwise_conv2d gaussian_noise geglu l2_normalize last learned_position lookup sinusoidal_position
            standardize swiglu""",
        "loss": "hinge",
        "metric": "top_k_accuracy",
        "optimizer": "lamb lion",
        "initializer": "lecun_normal",
        "stop": "patience",
        "regularizer": "l1 l2",
        "augmentation": "contrast",
        "source": "csv npz text",
    },
    "Keras": {
        "layer": "geglu instance_norm last swiglu",
        "schedule": "one_cycle step warmup_cosine",
        "average": "ema",
        "augmentation": "noise",
        "source": "csv npz synthetic text",
    },
}
"""What a framework has no name of its own for; the pages say of these what stands for them there. A test holds that
everything else is in the tables."""


def equivalents(framework: str, kind: str) -> list[tuple[str, list[str]]]:
    """Our name, and the names that are answered with it; what the library does not have is left out."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in NAMES[framework][kind].split():
        own = known(kind, name)
        if own:
            found[own].append(name)
    return list(found.items())


def known(kind: str, name: str) -> str | None:
    """The component that has this name, or lists it as a foreign one: no guesses."""
    registry = registries()[kind]
    wanted = _plain(name)
    return next((own for own in registry if wanted in map(_plain, (own, *registry[own].foreign_names))), None)


def _plain(name: str) -> str:
    return name.rsplit(".", 1)[-1].lower().replace("_", "")

"""Where rows come from: the sources that a data section can name.

Importing this file imports neither numpy nor a reader: `check` needs the options only. A new kind of source (parquet,
images) is one class here and one reader beside `csv_file.py` that returns a `Table`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from nnspec.data.images.formats import Fit, Resample, Resizing
from nnspec.ir.components import Component, Registry, called
from nnspec.ir.fields import Limits, NonNegativeInt, PositiveInt, Rule

if TYPE_CHECKING:
    from nnspec.data.slots import Request
    from nnspec.data.table import Table
    from nnspec.data.windows import Window


class Source(Component):
    """A place to read rows from."""

    kind: ClassVar[str] = "source"

    needs_feeds: ClassVar[bool] = True
    """False for a source that makes its rows from the types of inputs and targets, whatever feeds them."""
    ordered: ClassVar[bool] = False
    """True for a source whose rows are cut from one sequence: a fraction takes its tail, and `read` the `part` asked
    for, so that no row reaches into two splits."""

    @property
    def windows(self) -> Window | None:
        """For a time series: each row of the dataset is a window over rows of the table."""
        return None

    def read(self, folder: Path, request: Request) -> Table:
        """The rows, with at least the requested columns that exist.

        Paths are relative to `folder`. Raises a Fault E601 to E609.
        """
        raise NotImplementedError


SOURCES: Registry[Source] = Registry("source")


@SOURCES("csv")
class Csv(Source):
    """A table in a text file: UTF-8, one line of column names, then one line per row.

    `csv("data/iris.csv")`, `csv("measured.csv", delimiter = ";")`. Numbers are written with a point (`3.5`, `1e-3`);
    fields may be quoted; cells that a model needs may not be empty, nan or inf. Only the columns that feed something
    are parsed. `csv("temperature.csv", window = 24, horizon = 1)` makes windows over a time series; fractions of it are
    its last rows, first validation and then test, and no row is in two splits.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("read_csv", "tsv", "CSVDataset", "CsvDataset")

    path: Annotated[str, Limits(min_length=1)]
    """The file, relative to the spec's folder or to `--data`."""
    delimiter: str = ","
    """The one character between cells."""
    window: PositiveInt | None = None
    """For a time series, one line per point of time: inputs are so many successive lines, [N, window, *]."""
    text: Literal["characters", "words"] | None = None
    """Columns of text that feed integers [N, T] give the numbers of their characters, or of their words: 0 behind the
    end, 1 for what the rows to learn from have not, the others in sorted order from 2 on."""
    horizon: PositiveInt = 1
    """With a window: targets are so many lines that follow it, [N, horizon, *]; for one, [N, *] is its own line."""
    tokenizer: Annotated[str, Limits(min_length=1)] | None = None
    """A tokenizer.json: columns of text that feed integers [N, T] give its tokens, with those that it puts around a
    text, such as [CLS] and [SEP], and its padding behind the end."""

    @property
    def windows(self) -> Window | None:
        from nnspec.data.windows import Window

        return Window(self.window, self.horizon) if self.window else None

    def _check(self) -> None:
        if self.tokenizer is not None and self.text is not None:
            raise Rule("tokenizer", f"tokens are those of the tokenizer, and text says {self.text}")
        if self.horizon != 1 and self.window is None:
            raise Rule("horizon", "horizon says how much follows a window, and there is no window")
        if len(self.delimiter) != 1 or self.delimiter in '\r\n"':
            raise ValueError("delimiter is one character, neither a quote nor a line break")

    def read(self, folder: Path, request: Request) -> Table:
        from nnspec.data.csv_file import read_csv

        return read_csv(folder, self.path, request.columns, self.delimiter)


@SOURCES("npz")
class Npz(Source):
    """Named NumPy arrays in one archive, as `numpy.savez` and `numpy.savez_compressed` write them.

    The first axis counts the rows. `npz("data/digits.npz")`. Arrays of numbers, booleans and text; pickled objects are
    refused. Only the arrays that feed something are read.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("numpy", "npy", "load", "savez")

    path: Annotated[str, Limits(min_length=1)]
    """The file, relative to the spec's folder or to `--data`."""
    text: Literal["characters", "words"] | None = None
    """Arrays of text that feed integers [N, T] give the numbers of their characters, or of their words, as in csv."""
    tokenizer: Annotated[str, Limits(min_length=1)] | None = None
    """A tokenizer.json that makes the numbers of arrays of text, as in csv."""

    def _check(self) -> None:
        if self.tokenizer is not None and self.text is not None:
            raise Rule("tokenizer", f"tokens are those of the tokenizer, and text says {self.text}")

    def read(self, folder: Path, request: Request) -> Table:
        from nnspec.data.npz_file import read_npz

        return read_npz(folder, self.path, request.columns)


@SOURCES("idx")
class Idx(Source):
    """Images and labels in the IDX format, in which MNIST, Fashion-MNIST, KMNIST and EMNIST come.

    `idx(images = "train-images-idx3-ubyte.gz", labels = "train-labels-idx1-ubyte.gz")`. It gives `image` and `label`.
    The format knows no channels: [N, 28, 28] feeds an input uint8[N, 28, 28], and as one channel uint8[N, 1, 28, 28].
    All types of elements and any number of dimensions are read, packed by gzip or not.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("mnist", "MNIST", "FashionMNIST", "KMNIST", "EMNIST", "QMNIST", "ubyte")

    images: Annotated[str, Limits(min_length=1)]
    """The file of the images, relative to the spec's folder or to `--data`."""
    labels: Annotated[str, Limits(min_length=1)] | None = None
    """The file of the labels; none where nothing needs them."""

    def read(self, folder: Path, request: Request) -> Table:
        from nnspec.data.idx_file import read_idx

        return read_idx(folder, self.images, self.labels, request.columns)


@SOURCES("images")
class ImageFolder(Source):
    """Images in a folder, each in the folder of its class: `pets/cat/1.jpg`, `pets/dog/7.png`.

    `images("pets", size = [64, 64])`. It gives `image`, whose channels are those of the input that it feeds (1 gray, 3
    RGB, 2 and 4 with alpha), and `label`, the names of the folders, sorted. JPEG, PNG, BMP, GIF, WebP, TIFF and PPM
    files are read, of animations the first picture, turned upright as the camera was held (EXIF), 16 bits reduced to 8.
    Where nothing is fed by `label` the images may lie anywhere in the folder. Hidden files are passed over, other files
    that are no images with a warning.

    Images are decoded by threads ahead of the step that needs them, and need not fit in memory. Needs Pillow:
    `pip install pillow`.
    """

    foreign_names: ClassVar[tuple[str, ...]] = (
        *("ImageFolder", "DatasetFolder", "image_folder", "imagefolder", "image_dataset_from_directory"),
        *("flow_from_directory", "pictures"),
    )
    foreign_options = called(
        path="root directory folder", size="image_size target_size", resample="interpolation", cache="memory"
    )

    path: Annotated[str, Limits(min_length=1)]
    """The folder, relative to the spec's folder or to `--data`."""
    size: PositiveInt | tuple[PositiveInt, ...] | None = None
    """Height and width that all images are brought to, or one number for both; none where all have one size already."""
    fit: Fit = "stretch"
    """How: without regard to their proportions, or to the middle part that has the proportions of `size`, or whole on
    black."""
    resample: Resample = "bilinear"
    """The filter; all but `"nearest"` average where an image becomes smaller."""
    cache: NonNegativeInt = 1024
    """Decoded images stay in memory up to so many MiB; those beyond are decoded anew in every epoch."""

    @property
    def resizing(self) -> Resizing | None:
        """What happens to each image on load."""
        if self.size is None:
            return None
        height, width = (self.size, self.size) if isinstance(self.size, int) else self.size
        return Resizing((height, width), self.fit, self.resample)

    def _check(self) -> None:
        if isinstance(self.size, tuple) and len(self.size) != 2:
            raise Rule("size", "size is a height and a width, [64, 96], or one number for both")
        if max(self.resizing.size if self.resizing else (0, 0)) > 2**14:
            raise Rule("size", f"size is at most {2**14}")
        if self.size is None and self.fit != "stretch":
            raise Rule("fit", f'fit = "{self.fit}" says how images come to a size, and there is none')

    def read(self, folder: Path, request: Request) -> Table:
        from nnspec.data.images.source import read_images

        return read_images(folder, self.path, request.columns, self.resizing, self.cache * 2**20)


@SOURCES("text")
class Text(Source):
    """The text of a UTF-8 file as tokens, in windows: what a language model reads, and what follows.

    `text("data/book.txt", context = 64)` gives `tokens` [N, context], bytes, numbers from 0 to 255, and `next`, the
    same one token further on. Windows follow one another; a fraction takes the tail of the text, and no window reaches
    into two splits. `unit = "words"` counts words, `tokenizer = "tokenizer.json"` makes the tokens of a byte-pair
    vocabulary; either travels with the run. All splits are read as the one to learn from.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("text_file", "TextLineDataset", "TextDataset", "read_text", "txt")
    foreign_options: ClassVar[dict[str, str]] = called(
        context="block_size context_length sequence_length seq_len window max_length",
        unit="text level",
        tokenizer="vocab vocabulary tokenizer_file",
    )
    ordered: ClassVar[bool] = True

    path: Annotated[str, Limits(min_length=1)]
    """The file, relative to the spec's folder or to `--data`."""
    context: Annotated[int, Limits(ge=1, le=2**20)]
    """Tokens of a window."""
    unit: Literal["bytes", "characters", "words"] = "bytes"
    """What a token is. Characters and words have the numbers from 2 on, in sorted order, 0 stands for nothing and 1 for
    what the text to learn from has not; words are what stands between white space."""
    tokenizer: Annotated[str, Limits(min_length=1)] | None = None
    """A tokenizer.json, as the library tokenizers saves it, relative to the same folder; tokens are its own then."""

    def _check(self) -> None:
        if self.tokenizer is not None and self.unit != "bytes":
            raise Rule("tokenizer", f"tokens are those of the tokenizer, and unit says {self.unit}")

    def read(self, folder: Path, request: Request) -> Table:
        from nnspec.data.text_file import read_text

        return read_text(folder, self.path, self.context, request.part, request.slots, request.known)


@SOURCES("synthetic")
class Synthetic(Source):
    """Random rows that fit the model's inputs and targets, for dry runs and benchmarks.

    `synthetic(1024)`. Nothing need say what feeds the inputs. Floats are standard normal, uint8 uniform in 0 to 255,
    other integers and booleans 0 or 1, ids of an embedding uniform in those that it has, labels and class targets
    uniform in the classes. Symbolic dimensions after the first get a small size. The seed of the run decides the
    numbers.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("random", "fake", "FakeData", "make_classification")
    needs_feeds: ClassVar[bool] = False

    rows: Annotated[int, Limits(ge=1, le=2**31)]
    """How many rows to make."""

    def read(self, folder: Path, request: Request) -> Table:
        from nnspec.data.synthetic import make_rows

        return make_rows(self.rows, request)

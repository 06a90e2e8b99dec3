"""E6xx: data at run time."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry

FILES = (
    Entry(
        "E601",
        "a data file is missing or cannot be read",
        """Paths in a data section are relative to the folder of the spec, or to the folder given with --data. They name
        plain files, which this user may read. The message says which folder was searched.

        The same code stands for a spec without a data section where rows are needed.""",
        '$ nnspec train iris.nn --out run     # train = csv("iris.csv"), but the file is data/iris.csv',
        '$ nnspec train iris.nn --out run     # train = csv("data/iris.csv")',
        shell=True,
    ),
    Entry(
        "E602",
        "a column or array is missing",
        """Each model input and each target is fed by columns of a table or by an array of an archive; the names are
        exactly those in the file. In Python a batch holds exactly the names of the inputs and targets.""",
        '$ head -1 iris.csv     # and in the spec: species = "class"\nsepal_length,sepal_width,species',
        '$ head -1 iris.csv     # and in the spec: species = "species"\nsepal_length,sepal_width,species',
        shell=True,
    ),
    Entry(
        "E603",
        "a value has the wrong type",
        """Text where a number is needed, an empty cell, a fraction for an integer input, a number outside uint8, bytes,
        complex numbers. Numbers are rounded to the nearest float, but nothing else is changed in silence: integers that
        a float dtype cannot hold are refused, and floats never become integers.

        A label is text or a whole number. Fractions as labels usually mean regression: then the target is float32.""",
        "$ cat people.csv\nage,income\n31,2.5\nunknown,3.1",
        "$ cat people.csv\nage,income\n31,2.5\n48,3.1",
        shell=True,
    ),
    Entry(
        "E604",
        "a table, JSON file or list is malformed",
        """A row with more or fewer cells than the header, a quote that is never closed, two columns of one name, a
        file that is not UTF-8 text, broken JSON, nested lists of unequal length.""",
        "$ cat people.csv\nage,income\n31,2,5",
        '$ cat people.csv\nage,income\n31,"2.5"',
        shell=True,
    ),
    Entry(
        "E605",
        "a value is NaN or infinite",
        """One such number in an input or target makes the loss NaN and with it every parameter. The message names
        the first row and column. Fill in missing values before training, or drop the rows.""",
        "$ cat people.csv\nage,income\n31,nan",
        "$ cat people.csv\nage,income\n31,0.0",
        shell=True,
    ),
)

MEANINGS = (
    Entry(
        "E606",
        "an unknown label",
        """The classes of a label target are the values that occur in the training source. A label in another split
        or batch that is none of them cannot be learned or judged; often it is a typing error. For an integer
        target that is no label, the values are class numbers below the last size of the logits.""",
        "$ tail -1 validation.csv\n5.1,3.5,setsoa",
        "$ tail -1 validation.csv\n5.1,3.5,setosa",
        shell=True,
    ),
    Entry(
        "E607",
        "a shape, size or number of classes does not fit",
        """An array has another shape than the input it feeds, arrays differ in their numbers of rows, one symbolic
        dimension has two sizes, or the data has another number of classes than the logits have in their last size.

        One column is [N] where it is named alone, "a", and [N, 1] as a list, ["a"].""",
        "$ nnspec train iris.nn --out run     # logits = dense(2), three species in the data",
        "$ nnspec train iris.nn --out run     # logits = dense(3)",
        shell=True,
    ),
    Entry(
        "E608",
        "a data file is hostile or damaged",
        """The sizes that a .npy, .npz or IDX file announces are held against the bytes that it has before anything is
        unpacked. Pickled objects, which could run code, are never read; nor are encrypted members, methods other
        than stored and deflated, repeated names, names that are paths, and members that unpack like a zip bomb.

        The files in a folder of images must be whole images. One of more than 89 million pixels is refused before it
        is unpacked, since small files can announce any number of them.""",
        "$ python -c \"import numpy as np; np.savez('x.npz', x=np.array([{}, []], object))\"",
        "$ python -c \"import numpy as np; np.savez('x.npz', x=np.array([1.0, 2.0]))\"",
        shell=True,
    ),
    Entry(
        "E609",
        "there are no rows",
        """A file, array or split is empty: a table of a header alone, an array with a dimension of 0, or a fraction
        so small that it gives no row.""",
        "$ nnspec train iris.nn --out run     # validation = 0.001 of 150 rows",
        "$ nnspec train iris.nn --out run     # validation = 0.2",
        shell=True,
    ),
    Entry(
        "E611",
        "a number is no id of the embedding",
        """An embedding of count vectors has the ids 0 to count - 1. ONNX would take -1 for the last one in silence, and
        a larger one would end the run. Inputs that an embedding reads directly are held against its count; the message
        names the first row and column.""",
        "$ cat words.csv     # and in the spec: word -> embedding(1000, 16)\nword,kind\n1000,noun",
        "$ cat words.csv     # and in the spec: word -> embedding(1001, 16)\nword,kind\n1000,noun",
        shell=True,
    ),
    Entry(
        "E612",
        "a library that reads this kind of data is not installed",
        """Images are decoded by Pillow, Parquet is read and written by pyarrow, a tokenizer.json is read by tokenizers.
        They are extras, so that whoever needs none of this installs none of it.""",
        '$ pip install nnspec     # and in the spec: train = images("pets")',
        '$ pip install pillow     # and in the spec: train = images("pets")',
        shell=True,
    ),
    Entry(
        "E613",
        "it is not known what white is",
        """The pixels of an image are whole numbers from 0 to 255. A model whose input is of floats may have learned
        from those, or from numbers from 0 to 1. It says which where images or IDX files fed it in training; one that
        arrays fed, or that was made elsewhere, does not. `--white 1` divides the pixels by 255, `--white 255` leaves
        them as they are. Best is a model that takes uint8 and scales it itself, with `rescale(1 / 255)`: such a file
        says all about its input.""",
        "$ nnspec run photos.onnx --input photo=cat.jpg     # photo: float32[N, 3, 64, 64], trained from photos.npz",
        "$ nnspec run photos.onnx --input photo=cat.jpg --white 1",
        shell=True,
    ),
    Entry(
        "E610",
        "--input or --output is used wrongly",
        """Each input of the model gets one file, by name. Inputs are .csv, .tsv, .json, .jsonl, .npy, .npz, .parquet
        and IDX files, images, folders of images and patterns such as 'photos/*.jpg', or `-` for one of the files on
        standard input. `x=data.npz:pixels` takes an array of an archive, `x=data.csv:a,b` columns of a table. A table
        with a header gives the columns that fed the input in training; one whose first line is all numbers has no
        header, and gives all its columns in their order. Images come to the size of the input as they did in training,
        or as --fit says. Results are written as .csv, .json, .jsonl, .npz, .npy or .parquet; outputs that have no rows
        in common fit in .npz only.""",
        "$ nnspec run iris.nn --weights run --input rows.csv",
        "$ nnspec run iris.nn --weights run --input features=rows.csv",
        shell=True,
    ),
)

ENTRIES: tuple[Entry, ...] = (*FILES, *MEANINGS)

"""E7xx: runs, weights and models."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry

RUNS = (
    Entry(
        "E706",
        "a file is there already, or cannot have this name",
        """`nnspec new` never writes over a file. The name of the file is the name of the model, so it is made of
        letters, digits and _, and ends with .nn. `nnspec compile` writes a file that ends with .onnx, and never one of
        the spec's own; `nnspec weights` one that ends with .safetensors, and never what it reads. The folder must
        exist.""",
        "$ nnspec new classifier     # classifier.nn exists",
        "$ nnspec new classifier -o second.nn",
        shell=True,
    ),
    Entry(
        "E707",
        "a file of a run, or a model, cannot be read or written",
        """The file is missing or damaged, was written by another version, or the disk is full or read-only. Files of a
        run are replaced as a whole, so the one before is still there. Weights are read from safetensors files; pickles
        of PyTorch, which can run code, are not.""",
        "$ nnspec eval specs/iris.nn --weights runs/irs",
        "$ nnspec eval specs/iris.nn --weights runs/iris",
        shell=True,
    ),
    Entry(
        "E717",
        "a run that cannot be",
        """The length of a run is a whole number of epochs or of steps, the seed a whole number below 2^63. Both say
        what the whole run is: a run that goes on counts what it did before.""",
        "trainer.fit(epochs=0)",
        "trainer.fit(epochs=10)",
        shell=True,
    ),
    Entry(
        "E718",
        "a batch is too small for its statistics",
        """In training, batch_norm takes mean and variance of each channel over the batch. One value has no variance:
        that of a channel of [1, C], or of [1, C, 1, 1] behind a pool. Two rows are enough. The last batch of an epoch
        holds the rows that batch_size leaves over.""",
        "$ nnspec train spec.nn --out run     # batch_size = 64, and 129 rows to learn from",
        "$ nnspec train spec.nn --out run     # batch_size = 60",
        shell=True,
    ),
    Entry(
        "E711",
        "the spec has no train section",
        """Without one there is nothing to train. Such a spec can be checked, compiled and run.""",
        "$ nnspec train model.nn --out run     # no train section",
        "$ nnspec compile model.nn --weights weights.safetensors -o model.onnx",
        shell=True,
    ),
    Entry(
        "E712",
        "something is monitored, but not measured",
        """Early stopping and plateau follow a number that every epoch measures: the loss or a metric of the training or
        validation rows. `validation.loss` needs validation rows.""",
        '$ nnspec train spec.nn --out run     # early_stop = patience(5, monitor = "validation.mae"), no metric mae',
        '$ nnspec train spec.nn --out run     # early_stop = patience(5, monitor = "validation.loss")',
        shell=True,
    ),
    Entry(
        "E713",
        "there is no such split",
        """The data section names the splits: train, and where they are given validation and test.""",
        "$ nnspec eval specs/iris.nn --weights runs/iris --split test",
        "$ nnspec eval specs/iris.nn --weights runs/iris --split validation",
        shell=True,
    ),
    Entry(
        "E714",
        "the run directory holds another run",
        """A run is never overwritten by accident. `--resume` goes on with it, for the spec that it was started with;
        `--overwrite` begins anew.""",
        "$ nnspec train specs/iris.nn --out runs/iris     # a second time",
        "$ nnspec train specs/iris.nn --out runs/iris --resume",
        shell=True,
    ),
    Entry(
        "E715",
        "another process writes the run",
        """A run directory has one writer at a time; the message names its process and machine. The lock of a process
        that has died is free.""",
        "$ nnspec train specs/iris.nn --out runs/iris --resume     # while the run is still going",
        "$ nnspec train specs/iris.nn --out runs/second",
        shell=True,
    ),
    Entry(
        "E716",
        "the data of a run has changed",
        """A run that goes on must see the rows that it was started with; the message names the files whose content is
        another. Put them back, or begin another run.""",
        "$ nnspec train specs/iris.nn --out runs/iris --resume     # after specs/data/iris.csv was edited",
        "$ nnspec train specs/iris.nn --out runs/second",
        shell=True,
    ),
)

MODELS = (
    Entry(
        "E701",
        "the device is missing",
        """cuda needs the package onnxruntime-gpu and a graphics card that it supports. cpu is always there.""",
        "$ nnspec train specs/iris.nn --out run --device cuda     # with the package onnxruntime",
        "$ nnspec train specs/iris.nn --out run --device cpu",
        shell=True,
    ),
    Entry(
        "E702",
        "the weights do not fit the spec",
        """Every parameter of the spec must be in the file, with its shape, and nothing else. The message lists what is
        missing, what is unexpected, what has another shape, and what is no finite number in the parameter's dtype.
        Parameters are named by their paths in the spec. The help says which name of the file is likely that of which
        parameter; `init = weights("file", part = …, into = …, only = …, rename = …)` takes a part of a file, or other
        names, and so does `--rename` beside `--weights`. `nnspec weights FILE --rename TABLE --spec SPEC` says where
        each tensor lands. Where a `config.json` beside the file says what the model is, the spec must agree.

        The weights of a run also belong to the columns that fed its inputs: a spec that feeds others, or the same in
        another order, is refused.""",
        "$ nnspec compile specs/iris.nn --weights runs/diabetes -o iris.onnx",
        "$ nnspec compile specs/iris.nn --weights runs/iris -o iris.onnx",
        shell=True,
    ),
    Entry(
        "E703",
        "the compiled model failed its verification",
        """Before it is written, every model is checked by ONNX's checker, loaded by ONNX Runtime, and compared with the
        graph that training evaluates, at batch sizes 1, 2 and 7. A difference is a defect of nnspec or of a runtime:
        please report it with the spec. No file is written.""",
        "$ nnspec compile spec.nn -o model.onnx     # prints the output that differs",
        "$ nnspec compile spec.nn -o model.onnx --opset 21",
        shell=True,
    ),
    Entry(
        "E704",
        "the loss, a gradient or a parameter is not finite",
        """Training stops at the step whose loss or gradients are NaN or infinite, with the state before it saved; the
        message names the step, the rows and the first value that is not finite. A smaller learning rate or clip_norm
        often helps; so does standardize in front of columns with large numbers. `--on-nan skip` leaves such updates out
        and counts them.""",
        "$ nnspec train spec.nn --out run     # optimizer = sgd(lr = 1e6)",
        "$ nnspec train spec.nn --out run     # optimizer = sgd(lr = 0.01), clip_norm = 1.0",
        shell=True,
    ),
    Entry(
        "E705",
        "ONNX Runtime refuses a model",
        """It uses operators or types that this version of ONNX Runtime does not have, or that need a library of their
        own.""",
        "$ nnspec run model.onnx --input x=rows.csv     # operators of the domain com.example",
        "$ nnspec run model.onnx --input x=rows.csv     # operators of ONNX",
        shell=True,
    ),
    Entry(
        "E708",
        "training needs float32 parameters",
        """Parameters take the dtype of the layer's input, and training works in float32.""",
        "$ nnspec train spec.nn --out run     # input x: float64[N, 4], then dense(3)",
        '$ nnspec train spec.nn --out run     # input x: float64[N, 4], then cast("float32") -> dense(3)',
        shell=True,
    ),
    Entry(
        "E710",
        "the model cannot be written in this opset",
        """Model files have an opset of 17 to 26. Some operators came later than 17; the message names the layer and the
        opset that it needs.""",
        "$ nnspec compile specs/iris.nn --weights runs/iris -o iris.onnx --opset 16",
        "$ nnspec compile specs/iris.nn --weights runs/iris -o iris.onnx --opset 17",
        shell=True,
    ),
    Entry(
        "E720",
        "the model does not answer as recorded",
        """`nnspec compile` writes inputs and the model's answers beside the model. `nnspec verify` gives the model
        these inputs where it is deployed, and compares: another file, another version of ONNX Runtime or another
        processor may answer something else. `--tolerance` is the difference that is allowed, as a part of the largest
        number of an output; 1e-4 without it.""",
        "$ nnspec verify other.onnx iris.golden.npz",
        "$ nnspec verify iris.onnx iris.golden.npz",
        shell=True,
    ),
    Entry(
        "E719",
        "the model cannot write text",
        """`nnspec generate` runs a model step by step: it reads one sequence of tokens, int64[N, T], and gives a score
        to every token that may follow, [N, T, vocabulary]. What was said must not depend on what comes later, so
        attention is causal, and no other layer looks along the sequence. `nnspec compile --decode` writes such a model
        as a file, under the same conditions. Text needs to know what the tokens stand for: the run knows, or
        `--tokenizer` names it.""",
        "$ nnspec generate encoder.nn --weights run     # attention(4)",
        "$ nnspec generate decoder.nn --weights run     # attention(4, causal = true)",
        shell=True,
    ),
    Entry(
        "E721",
        "a model cannot be written in these numbers",
        """A model file is in float32, in float16, or has weights in int8: `--precision float16` and `--quantize int8`
        exclude each other. `--float16-ends` makes inputs and outputs float16 too, which are float32 otherwise.""",
        "$ nnspec compile specs/iris.nn --weights runs/iris -o iris.onnx --precision float16 --quantize int8",
        "$ nnspec compile specs/iris.nn --weights runs/iris -o iris.onnx --quantize int8",
        shell=True,
    ),
    Entry(
        "E722",
        "a quantized model loses too much, or there is no data to measure it on",
        """int8-static rounds activations to 256 steps between the extremes that they reach on rows of the data section,
        so it needs that data. `--max-drop` compares the first metric of the train section (without one the loss) of the
        file with that of the model in float32, on the split that measures it, and nothing is written where it is worse
        by more.""",
        "$ nnspec compile digits.nn --weights runs/digits -o digits.onnx --quantize int8 --max-drop 0.0001",
        "$ nnspec compile digits.nn --weights runs/digits -o digits.onnx --quantize int8 --max-drop 0.01",
        shell=True,
    ),
    Entry(
        "E723",
        "the training cannot be written as files",
        """`--training-graph` writes everything that training needs as files: a learning rate that follows the
        validation is decided while it trains, and one that counts epochs needs the data to know how long they are.
        Inputs and targets must have other names than the state of the training.""",
        "$ nnspec compile spec.nn -o model.onnx --training-graph     # lr = plateau(0.01)",
        "$ nnspec compile spec.nn -o model.onnx --training-graph     # lr = 0.01",
        shell=True,
    ),
    Entry(
        "E730",
        "no page can train this model",
        """`nnspec page` writes a page for image classifiers: one input, uint8 or float32 [N, 1, H, W] in grey or
        [N, 3, H, W] in colours, and a class for every image, told by logits. The page holds onnxruntime-web, which
        `npm install onnxruntime-web` puts into `node_modules`; `--runtime` names another folder that holds it.""",
        "$ nnspec page specs/iris.nn -o iris.html",
        "$ nnspec page specs/lenet5.nn -o lenet5.html",
        shell=True,
    ),
    Entry(
        "E731",
        "a model file is hostile or damaged",
        """Model files from elsewhere are held against what a model can be before ONNX Runtime sees them. Tensors have
        the bytes that their shapes announce; those in other files lie in the folder of the model, in plain files that
        have no other name: no `..`, no absolute path, no link of either kind, no pipe. Every name is bound once, and
        before it is read; functions do not call themselves; nothing is nested without end.""",
        "$ nnspec run downloaded.onnx --input x=rows.csv     # its weights lie at ../../.ssh/id_rsa",
        "$ nnspec run model.onnx --input x=rows.csv",
        shell=True,
    ),
    Entry(
        "E732",
        "a model crashes ONNX Runtime, or takes more than it may",
        """A model that is new to this machine is first loaded and run on one row in a process of its own. Loading may
        take 512 MiB and 8 times the weights, one row four fifths of the memory that is free, and both a minute or so.
        A model that passed is known by its SHA-256 and not tried again. 90 bytes are enough for a model that fills
        4 TB.""",
        "$ nnspec run bomb.onnx --input x=rows.csv     # a ConstantOfShape of 2^40 elements",
        "$ nnspec run model.onnx --input x=rows.csv",
        shell=True,
    ),
    Entry(
        "E740",
        "the server cannot listen at this address",
        """Another process has the port, or the machine has no such address. `--port 0` takes any port that is free.
        127.0.0.1 is this machine alone, 0.0.0.0 every address that it has.""",
        "$ nnspec serve runs/iris --port 8000     # a second time",
        "$ nnspec serve runs/iris --port 8001",
        shell=True,
    ),
    Entry(
        "E741",
        "a model cannot be served",
        """Its name is a part of a URL: letters, digits, _, - and ., and no two models have the same. It is that of the
        file, or of the run directory, unless NAME= stands in front. Inputs and outputs have dtypes of the protocol.""",
        "$ nnspec serve runs/first/iris.onnx runs/second/iris.onnx",
        "$ nnspec serve runs/first/iris.onnx second=runs/second/iris.onnx",
        shell=True,
    ),
    Entry(
        "E709",
        "the model has no such output",
        """`--outputs` and `compile(…, outputs = …)` take names of the model's outputs.""",
        "$ nnspec compile specs/iris.nn --weights runs/iris -o iris.onnx --outputs logits",
        "$ nnspec compile specs/iris.nn --weights runs/iris -o iris.onnx --outputs probability",
        shell=True,
    ),
)

ENTRIES: tuple[Entry, ...] = (*RUNS, *MODELS)

"""`nnspec serve model.onnx …`: models behind HTTP, by the Open Inference Protocol."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.cli import settings
from nnspec.cli.config import WrongUsage
from nnspec.cli.output import warn
from nnspec.cli.train import positive
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from nnspec.serving.model import Model
    from nnspec.serving.settings import Limits

SUBJECT = """a model file, a run directory, or a spec with --weights; NAME=… in front gives it another name than that of
the file"""
PACKAGES = ("starlette", "uvicorn", "httptools", "anyio")
UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("models", nargs="+", metavar="[NAME=]MODEL.onnx|RUN|SPEC", help=SUBJECT)
    command.add_argument("--weights", metavar="RUN|FILE", help="of a spec: a run directory, or a safetensors file")
    command.add_argument("--host", default="127.0.0.1", help="127.0.0.1, this machine alone; 0.0.0.0 is for everybody")
    command.add_argument("--port", type=port, default=8000, metavar="N", help="8000; 0 takes one that is free")
    command.add_argument("--max-batch", type=positive, metavar="ROWS", help=BATCH)
    command.add_argument("--max-delay", type=milliseconds, metavar="MS", help=DELAY)
    command.add_argument("--max-queue", type=positive, metavar="N", help="requests of a model that wait; 1024")
    command.add_argument("--max-body", type=size, metavar="SIZE", help="of a request, also unpacked; 64MB")
    command.add_argument("--max-memory", type=size, metavar="SIZE", help=MEMORY)
    command.add_argument("--timeout", type=seconds, metavar="S", help=TIMEOUT)
    command.add_argument("--drain", type=seconds, metavar="S", help="for what is under way at SIGTERM; 30 seconds")
    command.add_argument("--drain-delay", type=seconds, metavar="S", help=DRAIN)
    command.add_argument("--workers", type=positive, metavar="N", help=WORKERS)
    command.add_argument("--log", action="store_true", help="write a line for each request")
    settings.declare(command)
    command.set_defaults(run=run)


BATCH = "rows that are computed together; 32, and 1 computes each request for itself"
DELAY = "milliseconds that a request waits for others; 0: those that arrive while the model computes are the next batch"
MEMORY = "that one run may take, by the shapes of the request; by default half of what is free"
TIMEOUT = "seconds for a request to arrive, and again to be answered; 30"
DRAIN = "seconds that new connections are taken at SIGTERM, while /v2/health/ready says no; 0"
WORKERS = "runs of a model at the same time; 1, or one per core for models that do not run in batches"


def run(options: argparse.Namespace) -> int:
    try:
        import httptools  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        raise WrongUsage(f"serving needs {error.name}", "pip install 'nnspec[serve]'") from None
    import asyncio

    from nnspec.serving.app import Service
    from nnspec.serving.door import LOOPBACK, listening
    from nnspec.serving.server import Server

    limits = _limits(options)
    with listening(options.host, options.port) as door:  # before the models are loaded, which takes longer
        models = _models(options, limits)
        for model in models:
            print(_about(model))
        if options.host not in LOOPBACK:
            warn(f"nnspec serve: {options.host} can be reached from other machines, and nobody is asked for a password")
        host, number = door.getsockname()[:2]
        place = f"http://{f'[{host}]' if ':' in host else host}:{number}"
        service = Service(models, limits, (lambda line: print(line, flush=True)) if options.log else None)
        server = Server(service, [door], limits)
        asyncio.run(server.answer(lambda: print(f"ready at {place}", flush=True)))
    print("ended at once" if server.force_exit else "ended; every request was answered")
    return 0


def _limits(options: argparse.Namespace) -> Limits:
    from nnspec.serving.settings import Limits, usable_memory

    given = {name: getattr(options, name, None) for name in Limits._fields}
    found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return Limits(**{"max_memory": usable_memory() // 2, **found})


def _models(options: argparse.Namespace, limits: Limits) -> list[Model]:
    """The models that are named. Raises E741 for two of one name, and for settings that no model takes."""
    found: dict[str, Model] = {}
    for argument in options.models:
        name, path = _named(argument)
        model = _model(name, path, options, limits)
        if model.name in found:
            help = f"name one of them: other={path}"
            raise Fault("E741", f"two models are called {model.name}", help=help)
        found[model.name] = model
    if (options.weights or options.set) and not any(argument.endswith(".nn") for argument in options.models):
        raise Fault("E610", "model files hold their weights and settings", help="--weights and --set go with a spec")
    return list(found.values())


def _named(argument: str) -> tuple[str, Path]:
    """`iris=runs/iris` is a name and a path; a path may hold = too."""
    name, equals, path = argument.partition("=")
    if equals and not Path(argument).exists() and "/" not in name:
        return name, Path(path)
    return "", Path(argument)


def _model(name: str, path: Path, options: argparse.Namespace, limits: Limits) -> Model:
    from nnspec.serving.model import Model

    if path.suffix == ".nn":
        return _compiled(name, path, options, limits)
    if path.is_dir():
        file = path / "model.onnx"
        if not file.is_file():
            started = (path / "run.json").is_file()
            help = "its training has not ended yet; serve its spec, with --weights" if started else ""
            raise Fault("E707", f"{path} holds no model.onnx, as run directories do", help=help)
        return Model.load(name or path.resolve().name, file, limits)
    stem = path.resolve().parent.name if path.stem == "model" else path.stem
    return Model.load(name or stem, path, limits)


def _compiled(name: str, path: Path, options: argparse.Namespace, limits: Limits) -> Model:
    """A spec, compiled."""
    from nnspec.compiler.export import compile_model
    from nnspec.compiler.weights import read_settings
    from nnspec.serving.model import Model

    if options.weights is None:
        raise Fault("E610", f"{path} is a spec, which has no weights", help="--weights RUN names those of a run")
    options.spec = str(path)
    spec = settings.load_spec(options, read_settings(options.weights), required=False)
    compiled = compile_model(spec, options.weights, precision="float32", quantize="none")
    return Model(name or spec.name, compiled.onnx, limits, path=path)


def _about(model: Model) -> str:
    """`iris: features float32[N, 4] -> probability float32[N, 3]; in batches of up to 64`."""
    ins = ", ".join(f"{name} {type}" for name, type in model.inputs.items())
    outs = ", ".join(f"{name} {type}" for name, type in model.outputs.items())
    how = f"in batches of up to {model.limits.max_batch}" if model.batch else f"each request alone: {model.alone}"
    return f"{model.name}: {ins} -> {outs}; {how}"


def port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port, 0 to 65535")
    return int(text)


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 10**6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def milliseconds(text: str) -> float:
    try:
        return seconds(text) / 1000
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of milliseconds") from None


def size(text: str) -> int:
    """Bytes: `64MB`."""
    found = re.fullmatch(r"(\d{1,15})\s*([kmg]?b?)", text.strip().lower())
    unit = (found[2] if found[2].endswith("b") or not found[2] else f"{found[2]}b") if found else ""
    value = int(found[1]) * UNITS.get(unit, 1) if found else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no size, such as 64MB")
    return value

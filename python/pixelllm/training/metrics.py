"""Where a run's numbers go: always to `metrics.jsonl`, and by name to TensorBoard, W&B or MLflow.

Only the first needs nothing: the others are imported when they are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from pixelllm.training.checkpoints import sync, write_file

METRICS: Final = "metrics.jsonl"


class MetricsError(Exception):
    """A log that cannot be written; the message is one sentence that says what to do."""


class Log(Protocol):
    """Takes numbers of a step."""

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add the numbers of a step, by name."""

    def close(self) -> None:
        """Write what is not written yet; may be called twice."""


class JsonLines:
    """A line for each report, in `metrics.jsonl`."""

    def __init__(self, path: Path, first_step: int) -> None:
        """Go on behind the lines of steps up to `first_step`; later ones will be written again."""
        self.path = path
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        whole = [line for line in lines if _step_of(line) is not None]
        kept = [line for line in whole if (_step_of(line) or 0) <= first_step]
        write_file(path, "".join(f"{line}\n" for line in kept))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")

    def close(self) -> None:
        """Bring it to the disk."""
        sync(self.path)


def _step_of(line: str) -> int | None:
    """The step of a line; None where a killed run left half of one."""
    try:
        step: int = json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return None
    return step


class TensorBoard:
    """Event files in `tensorboard/`."""

    def __init__(self, folder: Path, first_step: int) -> None:
        module = _required("torch.utils.tensorboard", "tensorboard", "TensorBoard")
        # Events of later steps are those of a run that was killed.
        self._writer: Any = module.SummaryWriter(str(folder), purge_step=first_step + 1)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to each curve."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is not written yet."""
        self._writer.close()


class WeightsAndBiases:
    """A run at W&B; where it goes is theirs to configure (`wandb login`, WANDB_MODE=offline)."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        module = _required("wandb", "wandb", "W&B")
        name = folder.resolve().name
        self._run: Any = module.init(
            project="pixelllm",
            name=name,
            id=name,
            resume="allow",
            dir=folder,
            config=dict(settings),
        )

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Log a step."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Send the rest."""
        self._run.finish()


class MlFlow:
    """A run of MLflow's current experiment; where it goes is theirs to configure."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self._mlflow: Any = _required("mlflow", "mlflow", "MLflow")
        self._mlflow.start_run(run_name=folder.resolve().name)
        self._mlflow.log_params(dict(settings))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Log a step."""
        self._mlflow.log_metrics(dict(values), step=step)

    def close(self) -> None:
        """End the run."""
        self._mlflow.end_run()


def _required(module: str, package: str, name: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MetricsError(
            f"{name} is not installed ({error}): `pip install {package}`, or leave it out of --log"
        ) from error


LOGS: Final[dict[str, Callable[[Path, int, Mapping[str, object]], Log]]] = {
    "tensorboard": lambda folder, step, _: TensorBoard(folder / "tensorboard", step),
    "wandb": lambda folder, _, settings: WeightsAndBiases(folder, settings),
    "mlflow": lambda folder, _, settings: MlFlow(folder, settings),
}


class Logs:
    """All logs of a run as one."""

    def __init__(self, logs: Iterable[Log]) -> None:
        self._logs = list(logs)

    @classmethod
    def open(
        cls, names: Iterable[str], folder: Path, first_step: int, settings: Mapping[str, object]
    ) -> Logs:
        """`metrics.jsonl` and the logs of these names.

        Raises:
            MetricsError: one is not installed, or there is none of that name.
        """
        unknown = sorted(set(names) - LOGS.keys())
        if unknown:
            raise MetricsError(f"there is no log {unknown[0]!r}: there are {', '.join(LOGS)}")
        named = [LOGS[name](folder, first_step, settings) for name in names]
        return cls([JsonLines(folder / METRICS, first_step), *named])

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add the numbers of a step to all."""
        for log in self._logs:
            log.write(step, values)

    def close(self) -> None:
        """Close all."""
        for log in self._logs:
            log.close()

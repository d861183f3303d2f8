"""The model that a training job makes: a delta over its base, and what there is to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pixelllm.contract import TrainedModel, TrainingJobRecord
from pixelllm.model.checkpoint import Checkpoint, CheckpointError, load_tokenizer
from pixelllm.model.delta import read_about, write_delta
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.tasks.facts import model_facts, possible_tasks
from pixelllm.training.checkpoints import write_folder
from pixelllm.training.job_folder import moment
from pixelllm.training.recipes import Recipe
from pixelllm.training.starting import Start, changed


def write_trained(
    folder: Path,
    model: PixelLLM,
    job: TrainingJobRecord,
    recipe: Recipe,
    start: Start,
    root: Path,
) -> None:
    """Write what a model has learned, unless the job has done so already.

    Args:
        model: in training, of which its configuration becomes that of serving.
        start: what it was trained from.
        root: the whole checkpoint under it.
    """
    if _is_there(folder, job):
        return
    model.config = changed(start.config, recipe)
    tokenizer = load_tokenizer(start.tokenizer, model.config)
    facts = model_facts(Checkpoint(model, tokenizer, job["model"], _card(job)))
    about = TrainedModel(
        id=job["model"],
        description=_description(job),
        tasks=possible_tasks(facts),
        frame_size=model.config.image_size,
        max_tokens=facts.max_tokens,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        base_model="",  # both filled in by what writes it
        base_fingerprint="",
        training_job=job["id"],
        created_at=moment(),
    )

    def fill(aside: Path) -> None:
        write_delta(aside, model, start.tokenizer.read_bytes(), root, about)
        (aside / "README.md").write_text(_card(job), "utf-8")

    write_folder(folder, fill)


def _is_there(folder: Path, job: TrainingJobRecord) -> bool:
    try:
        return read_about(folder)["training_job"] == job["id"]
    except CheckpointError:
        return False


def _description(job: TrainingJobRecord) -> str:
    return (
        f"Trained from {job['base_model']} by the recipe {job['recipe']} in {job['steps']} steps "
        f"on the dataset {job['dataset']}."
    )


def _card(job: TrainingJobRecord) -> str:
    settings: Mapping[str, object] = job["hyperparameters"]
    lines = [f"| {name} | {value} |" for name, value in {"seed": job["seed"], **settings}.items()]
    table = "\n".join(["| setting | value |", "|---|---|", *lines])
    return f"# {job['model']}\n\n{_description(job)}\n\n{table}\n"

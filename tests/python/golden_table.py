"""The table of the goldens in docs/model.md: how far the model is from each file.

The largest error of a file varies between machines, because CPUs add up in different orders. So
the table rounds it, and a run holds the table to its order of magnitude.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tests.python.goldens import COMMITTED, FOLDER, Comparison, tolerance

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "model.md"
BEGIN, END = "<!-- goldens -->", "<!-- /goldens -->"
HEAD: Final = "| file | what it holds | largest error | tolerance |\n|---|---|---|---|\n"
ROW: Final = re.compile(r"^\| `(?P<file>\w+)` \| [^|]+ \| (?P<error>[^|]+) \| (?P<limit>[^|]+) \|$")

CONTENTS: Final = {
    "full_trace_train": "training on traces, whole: every module, places, losses",
    "full_trace_grads": "its gradients: the norm of all 295, and 29 in full",
    "full_trace_infer_greedy1_2": "captions with places, greedy",
    "full_trace_infer_beam4_2": "the same, 4 beams with 2 successors each",
    "full_trace_infer_beam3_1": "the same, 3 beams with 1 successor each",
    "full_trace_infer_eos": "the same with texts that end by themselves, and their boxes",
    "full_ref_train": "training on phrases: the box of the last word, cut and empty texts",
    "full_ref_infer": "the box of a given phrase",
    "full_refseg_train": "training on masks: adapter, decoder, mask losses",
    "full_refseg_infer": "the mask of a given phrase",
    "full_densecap_train": "training on regions: detection, matching, captions",
    "full_densecap_infer_greedy1_mult0": "regions and their captions, greedy",
    "full_densecap_infer_beam3_mult1": "the same with 3 beams, ranked by region and caption",
    "full_joint_trace": "the multi-task model on a batch of traces",
    "full_joint_ref": "the same on a batch of phrases",
    "full_joint_det": "the same on a batch of regions",
    "sam_vit_native": "SAM's encoder at its own size, block by block",
    "sam_vit_resized": "the same at another size",
    "eva02_vit_same": "EVA02 at its own size, block by block",
    "eva02_vit_up": "the same enlarged",
    "eva02_vit_ragged": "the same at a size that no patch divides",
    "prompt_encoder": "points, boxes, masks and grids as prompts",
    "prompt_adapter": "the prompt feature extractor, layer by layer",
    "visual_project_linear": "the visual projection",
    "t5_lora_head": "T5 with LoRA, layer by layer, with and without prefix",
    "git_bert_head": "GIT-BERT at once and step by step, with and without prefix",
    "decode_synthetic": "greedy and beam search on tables of logits",
    "point_and_losses": "the point head, where texts have places, grids, losses",
    "mask_adapter_decoder": "mask adapter and mask decoder",
    "sam_mask_loss": "the mask losses",
    "box_decoder": "the detector, part by part, with its losses",
    "resize_preprocess": "resizing and normalising",
    "lr_schedules": "the learning rate of every recipe, step by step",
    "optim_adamw_nowd": "AdamW without decay, three steps",
    "optim_adamw_layerwise_wd": "the same with decay, and rates that fall from layer to layer",
    "optim_adamw_multiplier": "the same with a part that learns faster",
    "data_tokenizer": "texts as tokens",
    "data_ln_trace_0": "a spoken caption, too long, from its annotation to a training sample",
    "data_ln_trace_1": "the same, with a pointer that leaves the image",
    "data_refcoco": "phrases with boxes and masks as a training sample",
    "data_vg": "regions as a training sample",
    "data_resize_crop": "sizes, resizing, cropping and mirroring of images and places",
    "data_crop_context_bug": "what a crop leaves of objects and their texts",
    "evaluators": "the measures of evaluation, on made-up answers",
}
GIVEN: Final = re.compile(r"(?:.*/)?(?:in|params|grad\d)/")  # inputs, not what was computed of them

ROOM: Final = 10  # times, between the error of one machine and that of another
NOISE: Final = (
    1e-6  # below it an error is the last bits of numbers around 1, and may be 0 elsewhere
)


@dataclass(frozen=True)
class Row:
    """How far a file's values are off."""

    error: float | None  # the largest; None where every value has to be exact
    some_exact: bool

    @property
    def text(self) -> str:
        """As in the table."""
        if self.error is None:
            return "exact"
        rounded = short(self.error)
        return f"{rounded}; integers exact" if self.some_exact else rounded


def short(number: float) -> str:
    """A number to one digit, such as 3e-6."""
    return f"{number:.0e}".replace("e-0", "e-") if number else "0"


def row_of(file: str, comparisons: Collection[Comparison]) -> Row:
    """The row of a file."""
    own = [c for c in comparisons if c.file == file]
    errors = [c.error for c in own if not c.exact]
    return Row(max(errors, default=None), any(c.exact for c in own))


def render(comparisons: Collection[Comparison]) -> str:
    """The table, as Markdown."""
    lines = []
    for file, contents in CONTENTS.items():
        row = row_of(file, comparisons)
        limit = "exact" if row.error is None else short(tolerance(file))
        lines.append(f"| `{file}` | {contents} | {row.text} | {limit} |\n")
    return HEAD + "".join(lines)


def insert(document: str, table: str) -> str:
    """The document with this table between its markers."""
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table}\n{END}{after}"


def stated(document: str) -> dict[str, tuple[float | None, str]]:
    """What the document says of each file: its error, None for exact, and its tolerance."""
    table = document.split(BEGIN)[1].split(END)[0]
    found = {}
    for match in filter(None, map(ROW.match, table.splitlines())):
        error = match["error"].split(";")[0]
        found[match["file"]] = (None if error == "exact" else float(error), match["limit"])
    return found


def uncompared(file: str, comparisons: Collection[Comparison]) -> list[str]:
    """Values of a file that no test compared."""
    seen = {c.key for c in comparisons if c.file == file}
    return [key for key in values_of(file) if key not in seen]


def values_of(file: str) -> Iterator[str]:
    """The names of what the authors' code computed: no inputs, no parameters, no names.

    Text is a name, but for figures that are written as JSON, which stand among the outputs.
    """
    with np.load(FOLDER / f"{file}.npz", allow_pickle=False) as arrays:
        for key in arrays.files:
            is_text = arrays[key].dtype.kind == "U" and "/out/" not in key
            if not GIVEN.match(key) and not is_text:
                yield key


def complaints(document: str, comparisons: Collection[Comparison], *, whole: bool) -> list[str]:
    """What the table says that a run does not bear out, one sentence each.

    Args:
        whole: whether the run has all tests; if not, only files are judged that it has all of.
    """
    table = stated(document)
    found = []
    for file in CONTENTS:
        missing = uncompared(file, comparisons)
        if missing:
            found += [f"{file}: no test compares {', '.join(missing)}"] if whole else []
        elif FOLDER != COMMITTED:
            continue  # the table is not about these
        elif file not in table:
            found.append(f"{file} is not in the table")
        elif not agrees(table[file][0], row_of(file, comparisons).error):
            error = table[file][0]
            said = "exact" if error is None else short(error)
            run = row_of(file, comparisons).text
            found.append(f"{file}: the table says {said}, this run {run}")
    return found


def agrees(said: float | None, found: float | None) -> bool:
    """Whether two errors are of one order of magnitude, or both of values that are exact."""
    if said is None or found is None:
        return said is found
    return found <= max(ROOM * said, NOISE) and said <= max(ROOM * found, NOISE)

"""The command line, in a process of its own: what it writes, says and needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelllm.model.checkpoint import load_checkpoint
from pixelllm.model.config import T5Config
from pixelllm.model.tensor_files import Entry, write_tensors
from pixelllm.weights.__main__ import main
from pixelllm.weights.assemble import Parts
from pixelllm.weights.output import model_shapes
from tests.python.goldens import Golden
from tests.python.model.small_tokenizer import tokenizer_bytes
from tests.python.weights.published import (
    CONFIG,
    eva_state,
    sam_model,
    save,
    save_config,
    save_t5,
    t5_model,
)

MIB = 2**20


def arguments(parts: Parts, config: Path, out: Path) -> list[str]:
    places = ["--sam", str(parts.sam), "--eva", str(parts.eva), "--t5", str(parts.t5)]
    return ["assemble", *places, "--config", str(config), "--out", str(out)]


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    sam_model().save_pretrained(tmp_path / "sam")
    return Parts(
        sam=tmp_path / "sam",
        eva=save(eva_state(), tmp_path / "eva.safetensors"),
        t5=save_t5(t5_model(tied=False), tmp_path / "t5"),
    )


def test_assembles_what_was_asked_for(
    parts: Parts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = save_config(replace(CONFIG, masks=None), tmp_path / "config.json")

    with caplog.at_level("INFO"):
        status = main([*arguments(parts, config, tmp_path / "out"), "--dtype", "float16"])

    assert status == 0, caplog.text
    assert load_checkpoint(str(tmp_path / "out")).config.masks is None
    assert "tensors left out: decodes masks" in caplog.text
    assert f"PIXELLLM_MODEL={tmp_path / 'out'}" in caplog.text


def test_adds_heads(parts: Parts, tmp_path: Path) -> None:
    config = save_config(CONFIG, tmp_path / "config.json")

    main([*arguments(parts, config, tmp_path / "out"), "--segments", "--detects"])

    loaded = load_checkpoint(str(tmp_path / "out")).config
    assert loaded.masks == CONFIG.masks
    assert loaded.detector is not None


def test_converts_the_authors_parameters(tmp_path: Path) -> None:
    golden = Golden("full_trace_train")
    tree = {name: golden[name].numpy() for name in golden if name.startswith("params/")}
    np.savez(tmp_path / "params.npz", **tree)  # type: ignore[arg-type]
    (tmp_path / "spiece.model").write_bytes(tokenizer_bytes())
    config = save_config(replace(CONFIG, masks=None), tmp_path / "config.json")
    files = [str(tmp_path / "params.npz"), "--tokenizer", str(tmp_path / "spiece.model")]

    status = main(["convert", *files, "--config", str(config), "--out", str(tmp_path / "out")])

    assert status == 0
    assert load_checkpoint(str(tmp_path / "out")).name == "out"


def test_says_in_a_line_what_is_wrong(
    parts: Parts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = save_config(CONFIG, tmp_path / "config.json")
    (tmp_path / "sam_vit_h.pth").write_bytes(b"x")
    wrong = replace(parts, sam=tmp_path / "sam_vit_h.pth")

    status = main(arguments(wrong, config, tmp_path / "out"))

    assert status == 1
    assert "sam_vit_h.pth is not read here" in caplog.text
    assert not (tmp_path / "out").exists()


LANGUAGE = T5Config(
    vocab_size=8192,
    dim=1024,
    heads=4,
    head_dim=64,
    encoder_layers=10,
    decoder_layers=10,
    mlp_dim=2048,
    lora_rank=4,
)
# Prints by how much the work raises the peak of the process.
MEASURE = """
import sys
from pathlib import Path

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

import torch
from pixelllm.model.checkpoint import load_checkpoint
from pixelllm.weights.__main__ import main
before = peak()
if sys.argv[1] == "load":
    model = load_checkpoint(sys.argv[2], dtype=torch.bfloat16).model
else:
    status = main(sys.argv[1:])
    assert status == 0
sys.stdout.write(str(peak() - before))
"""


def large_t5(folder: Path) -> Path:
    """A T5 of half a gigabyte of zeros in many files, as on the hub."""
    language = LANGUAGE
    shapes = {
        name.removeprefix("language."): shape
        for name, shape in model_shapes(replace(CONFIG, language=language)).items()
        if name.startswith("language.") and "lora" not in name
    }
    folder.mkdir()
    entries = [
        Entry(name, shape, torch.float32, partial(torch.zeros, shape))
        for name, shape in shapes.items()
    ]
    write_tensors(folder, entries, shard_bytes=64 * MIB)
    values = {
        "model_type": "t5",
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "vocab_size": language.vocab_size,
        "d_model": language.dim,
        "num_heads": language.heads,
        "d_kv": language.head_dim,
        "d_ff": language.mlp_dim,
        "num_layers": language.encoder_layers,
    }
    (folder / "config.json").write_text(json.dumps(values))
    (folder / "spiece.model").write_bytes(tokenizer_bytes())
    return folder


def measured(*command: str) -> int:
    """Bytes by which the peak of a process grows while it works."""
    result = subprocess.run(
        [sys.executable, "-c", MEASURE, *command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_holds_little_more_than_a_tensor_while_assembling_and_a_model_while_loading(
    parts: Parts, tmp_path: Path
) -> None:
    large = replace(parts, t5=large_t5(tmp_path / "large"))
    config = save_config(CONFIG, tmp_path / "config.json")
    size = sum(path.stat().st_size for path in (tmp_path / "large").glob("*.safetensors"))
    assert size > 500 * MIB

    assembling = measured(*arguments(large, config, tmp_path / "out"))
    loading = measured("load", str(tmp_path / "out"))

    model = (tmp_path / "out" / "model.safetensors").stat().st_size  # in half the width
    assert assembling < 250 * MIB
    assert loading < model + 200 * MIB

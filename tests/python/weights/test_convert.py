"""From the authors' parameters to a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pixelllm.model.checkpoint import CheckpointError, load_checkpoint
from pixelllm.weights.convert import convert
from tests.python.goldens import Golden
from tests.python.model.small import WHOLE
from tests.python.model.small_tokenizer import tokenizer_bytes
from tests.python.model.test_git_bert import LANGUAGE
from tests.python.weights.published import save

GOLDEN = "full_trace_train"
OF_T5 = ("textual/", "visual_project_layers/")
WORD_PIECES = "".join(
    f"{w}\n" for w in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red")
).encode()
Tree = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def tree() -> Tree:
    """Parameters of the authors' code, flattened."""
    golden = Golden(GOLDEN)
    params = [name for name in golden if name.startswith("params/")]
    return {name.removeprefix("params/"): golden[name].numpy() for name in params}


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    path = tmp_path / "spiece.model"
    path.write_bytes(tokenizer_bytes())
    return path


def write(tree: Tree, folder: Path) -> Path:
    np.savez(folder / "params.npz", **tree)  # type: ignore[arg-type]
    return folder / "params.npz"


def assert_converted(checkpoint: Path, tokenizer: Path, out: Path) -> None:
    convert(checkpoint, tokenizer, WHOLE, out, dtype=torch.float32)

    loaded = load_checkpoint(str(out)).model.state_dict()
    expected = Golden(GOLDEN).params()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in expected.items())


def test_golden_parameters_come_out_of_numpys_file(
    tree: Tree, tokenizer: Path, tmp_path: Path
) -> None:
    assert_converted(write(tree, tmp_path), tokenizer, tmp_path / "out")


def test_golden_parameters_come_out_of_safetensors(
    tree: Tree, tokenizer: Path, tmp_path: Path
) -> None:
    state = {name: torch.from_numpy(value) for name, value in tree.items()}

    assert_converted(save(state, tmp_path / "p.safetensors"), tokenizer, tmp_path / "out")


@pytest.mark.parametrize("prefix", ["params/", "optimizer/target/", "optimizer/target/params/"])
def test_of_a_training_state_only_the_parameters_count(
    prefix: str, tree: Tree, tokenizer: Path, tmp_path: Path
) -> None:
    state = {prefix + name: value for name, value in tree.items()}
    extras = ["opt_state/0/mu/x/kernel", "global_step", "model_state/y", "optimizer/state/step"]
    state |= {name: np.zeros(1, np.float32) for name in extras}

    assert_converted(write(state, tmp_path), tokenizer, tmp_path / "out")


def test_a_model_with_git_bert_keeps_its_word_pieces(tree: Tree, tmp_path: Path) -> None:
    config = replace(WHOLE, language=LANGUAGE)
    bert = Golden("git_bert_head")
    state = {name: value for name, value in tree.items() if not name.startswith(OF_T5)}
    state |= {
        f"textual/{n.removeprefix('params/')}": bert[n].numpy() for n in bert if "params/" in n
    }
    (tmp_path / "words.txt").write_bytes(WORD_PIECES)
    out = tmp_path / "out"

    convert(write(state, tmp_path), tmp_path / "words.txt", config, out, dtype=torch.float32)

    loaded = load_checkpoint(str(out))
    assert (out / "vocab.txt").read_bytes() == WORD_PIECES
    assert loaded.tokenizer.encode_text("red") == [LANGUAGE.begin_id, 5, LANGUAGE.end_id]
    for name, tensor in bert.params("textual/").items():
        assert torch.equal(loaded.model.state_dict()[name], tensor)


def test_a_missing_parameter_is_named(tree: Tree, tokenizer: Path, tmp_path: Path) -> None:
    less = {name: value for name, value in tree.items() if name != "git_backbone/cls_token"}

    with pytest.raises(CheckpointError, match=r"lacks what becomes eva\.cls_token"):
        assert_converted(write(less, tmp_path), tokenizer, tmp_path / "out")


def test_an_unexpected_parameter_is_named(tree: Tree, tokenizer: Path, tmp_path: Path) -> None:
    more = tree | {"git_backbone/blocks.9/norm1/scale": np.zeros(32, np.float32)}

    with pytest.raises(CheckpointError, match=r"holds git_backbone/blocks\.9/norm1/scale"):
        assert_converted(write(more, tmp_path), tokenizer, tmp_path / "out")


def test_a_wrong_shape_is_named(tree: Tree, tokenizer: Path, tmp_path: Path) -> None:
    wrong = tree | {"prompt_adapter/image_projection_mlp/layers.0/kernel": np.zeros((64, 9), "f4")}

    with pytest.raises(CheckpointError, match=r"image_projection_mlp/layers\.0/kernel of .*64, 9"):
        assert_converted(write(wrong, tmp_path), tokenizer, tmp_path / "out")


def test_a_token_head_that_is_missing_is_noticed(
    tree: Tree, tokenizer: Path, tmp_path: Path
) -> None:
    gone = "prompt_adapter/output_hypernetworks_mlps.2/layers.0/kernel"
    less = {name: value for name, value in tree.items() if name != gone}

    with pytest.raises(CheckpointError, match=rf"lack {gone}"):
        assert_converted(write(less, tmp_path), tokenizer, tmp_path / "out")


@pytest.mark.parametrize("dtype", [np.int32, np.dtype("V2")])
def test_a_number_that_is_no_float_is_named(
    dtype: np.dtype[np.void], tree: Tree, tokenizer: Path, tmp_path: Path
) -> None:
    wrong = tree | {"git_backbone/cls_token": np.zeros((1, 1, 32), dtype)}

    with pytest.raises(CheckpointError, match=r"git_backbone/cls_token of .* write it as float32"):
        assert_converted(write(wrong, tmp_path), tokenizer, tmp_path / "out")


def test_an_array_of_objects_is_refused(tree: Tree, tokenizer: Path, tmp_path: Path) -> None:
    path = tmp_path / "params.npz"
    np.savez(path, allow_pickle=True, cls=np.array([{}], dtype=object))

    with pytest.raises(CheckpointError, match=r"cls of .* is object"):
        convert(path, tokenizer, WHOLE, tmp_path / "out", dtype=torch.float32)


def test_a_file_that_is_cut_off_is_named(tree: Tree, tokenizer: Path, tmp_path: Path) -> None:
    path = write(tree, tmp_path)
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(CheckpointError, match=r"params\.npz is no complete \.npz file"):
        convert(path, tokenizer, WHOLE, tmp_path / "out", dtype=torch.float32)

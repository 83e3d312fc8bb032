"""The weights that training changes: taken out of an encoder, put back, written and read."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from roar.errors import InputError
from roar.files import replaced_file


def trained_weights(encoder: nn.Module) -> dict[str, Tensor]:
    """A copy of every weight that is trained, on the CPU."""
    return {name: p.detach().cpu().clone() for name, p in encoder.named_parameters() if p.requires_grad}


def put_weights(encoder: nn.Module, weights: dict[str, Tensor]) -> None:
    """Set weights by name; those that are not given stay.

    Raises:
        InputError: the encoder has no weight of such a name.
    """
    unknown = encoder.load_state_dict(weights, strict=False).unexpected_keys
    if unknown:
        raise InputError(
            f"weights {', '.join(unknown[:3])} … are none of this encoder's: they were saved by another version or encoder. "
            "Delete the checkpoints and train anew."
        )


def save_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write weights as safetensors, all or nothing."""
    with replaced_file(path) as partial:
        save_file({name: weight.detach().cpu().contiguous() for name, weight in weights.items()}, partial)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read weights again.

    Raises:
        InputError: the file is not there or not readable.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: unreadable weights ({error}); delete {path.parent} and run again.") from error

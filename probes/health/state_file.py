"""The files of the state: written whole or not at all, and read with suspicion."""

from __future__ import annotations

import os
from pathlib import Path

from probes.health.state import Document, Pasts, State, decoded, encoded

MAX_BYTES = 32 << 20
"""Of one file; more is none of ours."""
_PASTS = ".pasts"


def pasts_path(path: str | Path) -> Path:
    """Where the long pasts are, beside the state at `path`."""
    return Path(f"{path}{_PASTS}")


def read_state(path: str | Path) -> State | None:
    """The state at `path`; None when there is none. Raises ValueError, which names the file, when it cannot be used."""
    return _read(Path(path), State)


def read_pasts(path: str | Path) -> Pasts | None:
    """The long pasts beside the state at `path`, in the same way."""
    return _read(pasts_path(path), Pasts)


def write(path: str | Path, document: State | Pasts) -> None:
    """Put a document in place of the one at `path`; a reader sees one or the other. Raises OSError."""
    target = Path(path) if isinstance(document, State) else pasts_path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(encoded(document))
            file.flush()
            # A sign of life need not outlive a power cut; what took days to learn shall.
            if isinstance(document, Pasts):
                os.fsync(file.fileno())
        # Schedulers' prologs read it as whoever they are.
        beside.chmod(0o644)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _read(path: Path, kind: type[Document]) -> Document | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path}: larger than {MAX_BYTES} bytes; it is no state of a probe")
    try:
        return decoded(content, kind)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error

"""Reading a document in a process of its own, with limits on time, memory and output.

A file from a stranger may be made to take all of a machine, or to break a parser written in C. What happens to the
child does not happen here: it is told in one line. It can read what its user can, and writes no large file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass

from guide.errors import GuideError, InputError
from guide.review import Form, Proposal
from guide.text.source import STANDARD_INPUT, read_bytes

_FIX = "Save its text as .md and pass that."
_START = 2.0  # seconds that starting the child may take beside
_LARGEST_FILE = 256_000_000  # bytes; the classifier of languages unpacks itself into a temporary file


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reading may take: seconds, bytes of memory, bytes of its answer."""

    seconds: float = 10.0
    memory: int = 1_000_000_000
    output: int = 8_000_000


def read_apart(source: str, *, form: Form | None = None, limits: Limits | None = None) -> Proposal:
    """Read a proposal as `guide.text.proposal.read_proposal` does, in a child process.

    Args:
        source: path, or "-" for standard input.
        form: what the text is; None to guess.
        limits: of the child; the defaults where None.

    Raises:
        InputError: the reader refused the file, or it took more than the limits allow.
    """
    limits = limits or Limits()
    data = read_bytes(source) if source == STANDARD_INPUT else b""
    command = [sys.executable, "-m", __name__, json.dumps({"source": source, "form": form, "limits": asdict(limits)})]
    # One thread: each of a mathematics library reserves address space, which the limit counts.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    try:
        child = subprocess.run(
            command, input=data, capture_output=True, timeout=limits.seconds + _START, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        raise _too_much(f"more than {limits.seconds:g} s", source) from None
    except (OSError, ValueError) as error:
        raise InputError(f"this name cannot be passed on: {error}", where=source, fix="Rename the file.") from None
    if len(child.stdout) > limits.output:
        raise _too_much(f"an answer of more than {limits.output // 1_000_000} MB", source)
    try:
        answer = json.loads(child.stdout)
    except ValueError:
        # Killed by its limit of processor time, or broken by the file.
        raise _too_much(f"more time or memory than it may ({_ending(child.returncode)})", source) from None
    if "proposal" in answer:
        return Proposal.model_validate(answer["proposal"])
    raise InputError(answer["what"], where=answer["where"], fix=answer["fix"])


def _too_much(what: str, source: str) -> InputError:
    return InputError(f"reading this file took {what}", where=source, fix=_FIX)


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def main(task: str) -> None:
    """The child: limit itself, read, and print a proposal or an error as JSON."""
    import resource

    asked = json.loads(task)
    limits = Limits(**asked["limits"])
    seconds = max(1, round(limits.seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from guide.text.proposal import read_proposal

    answer: dict[str, object]
    try:
        proposal = read_proposal(asked["source"], form=asked["form"])
    except GuideError as error:
        answer = {"what": error.what, "where": error.where, "fix": error.fix}
    except MemoryError:
        megabytes = limits.memory // 1_000_000
        answer = {"what": f"reading this file took more than {megabytes} MB", "where": asked["source"], "fix": _FIX}
    else:
        answer = {"proposal": proposal.model_dump(mode="json")}
    sys.stdout.buffer.write(json.dumps(answer).encode())


if __name__ == "__main__":
    main(sys.argv[1])

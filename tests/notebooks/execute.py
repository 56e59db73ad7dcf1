"""Executes one notebook with this interpreter: ``python -m tests.notebooks.execute NOTEBOOK OUT FOLDER SECONDS``.

OUT gets the notebook with its outputs, as far as it came; the kernel works in FOLDER, and a cell may take SECONDS. The
exit code is 1 where a cell fails, and the last lines of stderr then say where.

Tests run it in a process of its own: Jupyter's libraries warn of their own deprecations, and in ours warnings are
errors.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Execute, write, and say what went wrong."""
    import nbformat
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    class ThisInterpreter(AsyncKernelManager):
        """Not the kernel of that name that somebody has installed, whose packages are others."""

        @property
        def kernel_spec(self) -> KernelSpec:
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=command, display_name="this interpreter", language="python")

    source, out, folder, seconds = argv
    notebook = nbformat.read(source, as_version=4)
    client = NotebookClient(
        notebook, kernel_manager_class=ThisInterpreter, timeout=int(seconds), resources={"metadata": {"path": folder}}
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        nbformat.write(notebook, out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""The shim of a developer who has measured it: `python -m bench.beside.tuned`.

sniffio is there, and responses do not pass through FastAPI's own encoder.
"""

from bench.beside import shim

if __name__ == "__main__":
    shim.answer = shim.AsciiResponse  # type: ignore[assignment]  # FastAPI sends a response as it is
    shim.main()

"""The shim by somebody who has measured it: sniffio is there, and answers go past FastAPI's own encoder: `python -m bench.beside.tuned`."""

from bench.beside import shim

if __name__ == "__main__":
    shim.answer = shim.AsciiResponse  # type: ignore[assignment]  # FastAPI sends a response as it is
    shim.main()

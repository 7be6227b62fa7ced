"""`python -m translator`: the same as `sms-translator`."""

from translator.cli import main

if __name__ == "__main__":
    main(prog_name="sms-translator")

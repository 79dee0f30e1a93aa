"""`python -m pipeline`: the same command as `fpn`, for `ray job submit` from the working directory."""

from pipeline.cli.main import main

if __name__ == "__main__":
    main()

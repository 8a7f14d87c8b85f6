"""The HTTP floor: translate, call one service, translate back."""

VERSION = "0.1.0"  # as in pyproject.toml

"""Our service beside others, under the same load: ``python -m bench --help``."""

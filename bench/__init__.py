"""Compare our service with others under the same load: ``python -m bench --help``."""

"""Wire contracts: what comes in from Tencent and what goes out to readers."""

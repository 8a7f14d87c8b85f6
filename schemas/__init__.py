"""The wire formats: what comes in from Tencent, and what goes out to readers."""

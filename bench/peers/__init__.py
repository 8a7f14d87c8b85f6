"""The peers: what others would write instead, for the same callbacks on the same databases."""

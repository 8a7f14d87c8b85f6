"""How the three processes are served."""

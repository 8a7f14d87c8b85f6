"""Rules of the log: who may send, what is stored, what is told."""

"""The tables, and the only place that opens a database.

``vocabulary``, ``text`` and ``file_lock`` need no database, so the receiver may import them.
"""

"""Channels and groups: their lives, made of their events.

``lives`` follows the events that ``events`` reads. ``states`` describes the result, ``versions``
the way to it. ``story`` keeps both of one subject, for its ``dossier``, ``members`` and
``timeline``. ``listing`` finds subjects by their present states.
"""

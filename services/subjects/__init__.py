"""One channel or group: its lives, derived from its events.

``lives`` follows the events that ``events`` reads. ``states`` describes the result, ``versions``
the way to it. ``story`` keeps both, for the ``dossier``, ``members`` and ``timeline``.
"""

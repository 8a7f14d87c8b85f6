"""Channels and groups: their lives, made of their events.

``lives`` follows the events that ``events`` reads. ``states`` describes the result, ``versions``
the way to it, which ``timeline`` shows as well. ``listing`` finds subjects by their present states.
"""

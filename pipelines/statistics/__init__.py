"""Statistics: the yearly tables of contract/statistics.md, as of any instant of the registry's clock.

``instant`` finds the load that an instant means, ``facts`` sums the year, ``population`` gives each worker its one
attachment, ``cells`` and ``tables`` make tables of it, ``publish`` writes them.
"""

"""The analysts' desk: a web application in French, shown inside Airflow's pages by ``plugins/``.

It never imports Airflow: who is signed in comes from a dependency that the plugin gives (``desk.app.create``).
"""

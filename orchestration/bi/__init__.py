"""What BI tools get ready-made: datasets, charts and dashboards over the published marts.

`datasets.yaml` and `dashboards/*.yaml` say what is shown, in a form that people read and change. `model.py` reads them
together with the contracts of the marts, `query.py` says what each chart asks in SQL that DuckDB and PostgreSQL both
understand, `superset.py` writes Superset's own export layout.
"""

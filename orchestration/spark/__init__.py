"""The build of a night on Spark instead of DuckDB: the same dbt project, the same landing, the same build file after it.

`worker` runs in the Spark environment and imports nothing of the project; keep this file as empty as that needs.
"""

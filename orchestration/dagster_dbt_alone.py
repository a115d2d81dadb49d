"""dagster-dbt as it is where dbt is not installed, for it asks dbt for nothing that a night needs of it.

dbt runs in a process of its own (aside.py); here its import and its engine of selections would take the half of what a
night takes to begin. What is selected, dbt has written into its manifest (dbt.manifest_at_night).
"""

from orchestration.startup import hidden

with hidden("dbt.version"):
    from dagster_dbt import DagsterDbtTranslator, dbt_assets
    from dagster_dbt.asset_utils import get_asset_check_key_for_test

__all__ = ["DagsterDbtTranslator", "dbt_assets", "get_asset_check_key_for_test"]

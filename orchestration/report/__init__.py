"""The morning page: one static HTML file from the published marts, for a browser without a network."""

from orchestration.report.page import write_report

__all__ = ["write_report"]

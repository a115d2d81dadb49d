"""Which delivered tables the rows of a target are counted from.

A target is only as fresh as these. Catalogues that merely name or place what is counted (agencies,
procedures where dossiers are counted) are left out on purpose: an unchanged catalogue that is not sent
again must not silence the targets. A test holds this against the refs of the dbt models.
"""

from __future__ import annotations

DOSSIERS = "tthc.dossiers"
PAIRS = "tthc.agency_procedures"
PROCEDURES = "tthc.procedures"

# By family and measure of dim_target; a family's entry without a measure is for all its measures.
FEEDS: dict[tuple[str, str | None], tuple[str, ...]] = {
    ("apology", None): (DOSSIERS,),
    ("audit", None): ("finance.audit_findings",),
    ("budget_compliance", None): ("finance.budget_compliance",),
    ("digitisation", None): (DOSSIERS,),
    ("disbursement", None): ("finance.capital_plans", "finance.disbursements"),
    ("documents", None): ("document_office.documents",),
    ("feedback", None): ("tthc.feedback",),
    ("full_online", "dossiers"): (DOSSIERS,),
    ("full_online", "services"): (PAIRS,),
    ("on_time", None): (DOSSIERS,),
    ("one_stop", None): (PAIRS,),
    ("online_payment", "enabled"): (PAIRS,),
    ("online_payment", "paid"): (DOSSIERS,),
    ("online_payment", "used"): (DOSSIERS, PAIRS),
    ("periodic_reports", None): ("document_office.periodic_reports",),
    ("procedure_control", "cross_level"): (PROCEDURES, PAIRS),
    ("procedure_control", "same_level"): (PROCEDURES, PAIRS),
    ("procedure_control", "within_authority"): (PROCEDURES,),
    ("publicity", None): (DOSSIERS,),
    ("register", None): ("register.criteria_results",),
    ("revenue", None): ("finance.revenue",),
    ("service_quality", None): ("tthc.service_quality",),
    ("service_units", None): ("finance.service_units",),
    ("survey", None): ("register.survey_scores",),
    ("tasks", None): ("document_office.assigned_tasks",),
    ("yearly_numbers", None): ("register.indicators",),
}

# Families whose targets bind each agency by itself, not only the province as a whole.
AGENCY_FAMILIES = (
    "apology",
    "digitisation",
    "disbursement",
    "feedback",
    "full_online",
    "on_time",
    "one_stop",
    "online_payment",
    "publicity",
    "tasks",
)

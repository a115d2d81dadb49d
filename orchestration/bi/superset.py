"""The bundle in the layout of Superset's own export: what its import screen, command and API take.

Identifiers are derived from names, so that an import of a later release changes what is there instead of adding to it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
import yaml

from orchestration.bi.model import Bundle, Chart, Column, Dashboard, Dataset, Filter, load_bundle
from orchestration.bi.query import MONTH, Query, query_of
from warehouse.postgres_server import SECRETS
from warehouse.publish import MARTS

ROOT = "par_index"
DATABASE_NAME = "PAR INDEX"
DATABASE_FILE = "databases/PAR_INDEX.yaml"
_NAMESPACE = UUID("5f0c1d34-8f0e-5c1e-9b0a-152062024000")
_VERSION = "1.0.0"
# Superset asks for the password while it imports where it finds its own mask.
_PASSWORD_MASK = "X" * 10
_TYPES = {"string": "VARCHAR", "int": "INTEGER", "double": "DOUBLE PRECISION"}
_NUMBERS = {"double": ",.2f", "bigint": ",.0f", "int": ",.0f"}
_DAY = "%d/%m/%Y"
# Statuses keep their colours in every chart; those of the morning page (`COLOUR` in report/app.js).
_COLOURS = {
    "met": "#17713f",
    "at_risk": "#c98a00",
    "missed": "#b3261e",
    "no_data": "#aab4be",
    "not_applicable": "#dbe1e7",
}


def identifier(kind: str, name: str) -> str:
    return str(uuid5(_NAMESPACE, f"{kind}/{name}"))


# --- database and datasets ---


def _database(url: str) -> dict[str, Any]:
    address = sa.make_url(url)
    is_file = address.get_backend_name() == "duckdb"
    if address.password:
        address = address.set(password=_PASSWORD_MASK)
    address = address.difference_update_query(SECRETS)  # where one may be given, too
    return {
        "database_name": DATABASE_NAME,
        "sqlalchemy_uri": address.render_as_string(hide_password=False),
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_file_upload": False,
        # Read-only: a reader of the file must never hinder the next one from being swapped in.
        "extra": {"engine_params": {"connect_args": {"read_only": True}} if is_file else {}},
        "uuid": identifier("database", "marts"),
        "version": _VERSION,
    }


def _column(column: Column) -> dict[str, Any]:
    kind = column.type.partition("(")[0]
    return {
        "column_name": column.name,
        "verbose_name": column.title.vi,
        "is_dttm": column.is_temporal,
        "is_active": True,
        "type": _TYPES.get(kind, kind.upper()),
        "groupby": True,
        "filterable": True,
        "expression": None,
        "description": column.description,
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        "table_name": f"par_{dataset.name}",
        "description": str(dataset.title),
        "schema": MARTS,
        "catalog": None,
        "main_dttm_col": None,
        "sql": dataset.sql,
        "filter_select_enabled": True,
        "columns": [_column(column) for column in dataset.columns.values()],
        "metrics": [
            {
                "metric_name": metric.name,
                "verbose_name": metric.title.vi,
                "metric_type": None,
                "expression": metric.sql,
                "description": str(metric.title),
                "d3format": metric.format,
            }
            for metric in dataset.metrics.values()
        ],
        "uuid": identifier("dataset", dataset.name),
        "version": _VERSION,
        "database_uuid": identifier("database", "marts"),
    }


# --- charts ---


def _axis(query: Query, name: str) -> Any:
    """A dimension of a chart with an axis; a day is cut to its month."""
    if name != query.month:
        return name
    return {
        "timeGrain": MONTH,
        "columnType": "BASE_AXIS",
        "sqlExpression": name,
        "label": name,
        "expressionType": "SQL",
    }


def _query_object(query: Query, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "columns": [_axis(query, name) for name in query.dimensions],
        "metrics": list(query.metrics) or None,
        "filters": [
            {"col": c.column, "op": c.operator} | ({} if c.value is None else {"val": c.value})
            for c in query.conditions
        ],
        "orderby": [[name, up] for name, up in query.order],
        "row_limit": query.limit,
        "extras": {"having": "", "where": ""},
        "annotation_layers": annotations,
        "applied_time_extras": {},
        "url_params": {},
        "custom_params": {},
        "custom_form_data": {},
    }


def _adhoc_filters(query: Query) -> list[dict[str, Any]]:
    return [
        {
            "clause": "WHERE",
            "expressionType": "SIMPLE",
            "subject": c.column,
            "operator": c.operator,
            "comparator": c.value,
            "filterOptionName": f"filter_{number}",
        }
        for number, c in enumerate(query.conditions)
    ]


def _shown(chart: Chart) -> str:
    """The title; that of a number is short, and its English stands below the figure."""
    return chart.title.vi if chart.kind == "number" else str(chart.title)


def _metric_format(chart: Chart, metric: str) -> str:
    return chart.dataset.metrics[metric].format or "SMART_NUMBER"


def _number(chart: Chart, query: Query) -> dict[str, Any]:
    (metric,) = query.metrics
    return {
        "viz_type": "big_number_total",
        "metric": metric,
        "y_axis_format": _metric_format(chart, metric),
        "header_font_size": 0.4,
        "subheader": " · ".join(filter(None, (chart.option("subtitle"), chart.title.en))),
        "subheader_font_size": 0.15,
        "show_metric_name": False,
        "time_format": _DAY,
    }


def _series(chart: Chart, query: Query) -> dict[str, Any]:
    """What lines and bars have in common."""
    x = chart.options["x"]
    return {
        "x_axis": x,
        "time_grain_sqla": MONTH if query.month else None,
        "x_axis_time_format": "%m/%Y",
        "metrics": list(query.metrics),
        "groupby": list(query.dimensions[1:]),
        "row_limit": query.limit,
        # Superset orders by the first metric, and cuts at the limit.
        "order_desc": not (query.order and query.order[0][1]),
        "truncate_metric": True,
        "show_legend": bool(query.dimensions[1:]) or len(query.metrics) > 1,
        "legendType": "scroll",
        "legendOrientation": "top",
        "rich_tooltip": True,
        "tooltipTimeFormat": "%m/%Y",
        "y_axis_format": _metric_format(chart, query.metrics[0]),
        "y_axis_bounds": chart.option("bounds", [None, None]),
        "truncateYAxis": "bounds" in chart.options,
        "x_axis_sort_asc": True,
        "annotation_layers": _goal(chart),
    }


def _goal(chart: Chart) -> list[dict[str, Any]]:
    if "goal" not in chart.options:
        return []
    goal = chart.options["goal"]
    return [
        {
            "annotationType": "FORMULA",
            "name": f"Mức phải đạt {goal:g}%".replace(".", ","),
            "value": str(goal),
            "color": _COLOURS["missed"],
            "style": "dashed",
            "width": 1,
            "opacity": "",
            "show": True,
            "showLabel": False,
            "hideLine": False,
            "showMarkers": False,
            "sourceType": "",
        }
    ]


def _line(chart: Chart, query: Query) -> dict[str, Any]:
    return _series(chart, query) | {
        "viz_type": "echarts_timeseries_line",
        "seriesType": "line",
        "markerEnabled": True,
        "markerSize": 6,
        "x_axis_sort_series": "name",
        "x_axis_sort_series_ascending": True,
    }


def _bar(chart: Chart, query: Query) -> dict[str, Any]:
    horizontal = chart.option("horizontal", False)
    form = _series(chart, query) | {
        "viz_type": "echarts_timeseries_bar",
        "orientation": "horizontal" if horizontal else "vertical",
        "stack": "Stack" if chart.option("stack") else None,
        "show_value": chart.option("values", horizontal),
        "only_total": True,
    }
    if not query.month:
        ((by, up),) = query.order
        forwards = up != horizontal  # horizontal bars are drawn from below
        form |= {"xAxisForceCategorical": True, "x_axis_sort": by, "x_axis_sort_asc": forwards}
    return form


def _pie(chart: Chart, query: Query) -> dict[str, Any]:
    return {
        "viz_type": "pie",
        "groupby": list(query.dimensions),
        "metric": query.metrics[0],
        "row_limit": query.limit,
        "sort_by_metric": True,
        "donut": True,
        "innerRadius": 45,
        "outerRadius": 75,
        "label_type": "value",
        "labels_outside": False,
        "show_labels": True,
        "show_labels_threshold": 3,
        "show_legend": True,
        "legendType": "plain",
        "legendOrientation": "bottom",
        "number_format": _metric_format(chart, query.metrics[0]),
    }


def _heatmap(chart: Chart, query: Query) -> dict[str, Any]:
    (metric,) = query.metrics
    return {
        "viz_type": "heatmap_v2",
        "x_axis": chart.options["x"],
        "time_grain_sqla": MONTH if query.month else None,
        "x_axis_time_format": "%m/%Y",
        "groupby": chart.options["by"],
        "metric": metric,
        "row_limit": query.limit,
        "sort_x_axis": "alpha_asc",
        "sort_y_axis": "alpha_desc",
        "normalize_across": "heatmap",
        "linear_color_scheme": "schemeReds",
        "legend_type": "continuous",
        "show_legend": True,
        "show_values": True,
        "show_percentage": False,
        "value_bounds": chart.option("bounds", [None, None]),
        "y_axis_format": _metric_format(chart, metric),
        "xscale_interval": 1,
        "yscale_interval": 1,
        "left_margin": 200,
        "bottom_margin": "auto",
    }


def _table(chart: Chart, query: Query) -> dict[str, Any]:
    raw = not query.metrics
    formats = chart.option("formats", {})
    config: dict[str, dict[str, Any]] = {}
    for name in (*query.dimensions, *query.metrics):
        if name in query.metrics:
            number = chart.dataset.metrics[name].format
        else:
            number = _NUMBERS.get(chart.dataset.columns[name].type)
        if number := formats.get(name, number):
            config[name] = {"d3NumberFormat": number, "showCellBars": name in chart.option("bars", ())}
        elif name in query.dimensions and chart.dataset.columns[name].is_temporal:
            config[name] = {"d3TimeFormat": _DAY}
    form = {
        "viz_type": "table",
        "query_mode": "raw" if raw else "aggregate",
        "row_limit": query.limit,
        "server_pagination": False,
        "page_length": chart.option("page", 0),
        "include_search": chart.option("search", False),
        "table_timestamp_format": _DAY,
        "show_cell_bars": True,
        "color_pn": False,
        "align_pn": False,
        "allow_rearrange_columns": False,
        "column_config": config,
        "conditional_formatting": _colouring(chart),
    }
    if raw:
        return form | {
            "all_columns": list(query.dimensions),
            "order_by_cols": [json.dumps([name, up]) for name, up in query.order],
        }
    form |= {"groupby": list(query.dimensions), "metrics": list(query.metrics), "percent_metrics": []}
    if query.order:
        (name, up), *_ = query.order
        form |= {"timeseries_limit_metric": name, "order_desc": not up}
    return form


def _colouring(chart: Chart) -> list[dict[str, Any]]:
    """`colour: {late_left: {"<": 0}}` marks the cells where that holds."""
    return [
        {"column": name, "operator": operator, "targetValue": value, "colorScheme": _COLOURS["missed"]}
        for name, rule in chart.option("colour", {}).items()
        for operator, value in rule.items()
    ]


_FORMS: Mapping[str, Callable[[Chart, Query], dict[str, Any]]] = {
    "number": _number,
    "line": _line,
    "bar": _bar,
    "pie": _pie,
    "heatmap": _heatmap,
    "table": _table,
}


def query_context(chart: Chart, form: Mapping[str, Any]) -> dict[str, Any]:
    """What Superset's chart data API is asked for this chart; its dataset's number is filled in on import."""
    return {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [_query_object(query_of(chart), form.get("annotation_layers", []))],
        "form_data": dict(form),
        "result_format": "json",
        "result_type": "full",
    }


def _chart(chart: Chart) -> dict[str, Any]:
    query = query_of(chart)
    form = _FORMS[chart.kind](chart, query) | {
        "adhoc_filters": _adhoc_filters(query),
        "color_scheme": "supersetColors",
        "extra_form_data": {},
    }
    return {
        "slice_name": _shown(chart),
        "description": chart.option("description"),
        "certified_by": None,
        "certification_details": None,
        "viz_type": form["viz_type"],
        "params": form,
        "query_context": json.dumps(query_context(chart, form), ensure_ascii=False),
        "cache_timeout": None,
        "uuid": identifier("chart", chart.name),
        "version": _VERSION,
        "dataset_uuid": identifier("dataset", chart.dataset.name),
    }


# --- dashboards ---


def _position(dashboard: Dashboard, numbers: Mapping[str, int]) -> dict[str, Any]:
    grid: list[str] = []
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": grid, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": str(dashboard.title)}},
    }

    def row(children: list[dict[str, Any]]) -> None:
        name = f"ROW-{len(grid)}"
        grid.append(name)
        parents = ["ROOT_ID", "GRID_ID"]
        position[name] = {
            "type": "ROW",
            "id": name,
            "children": [child["id"] for child in children],
            "parents": parents,
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for child in children:
            position[child["id"]] = child | {"children": [], "parents": [*parents, name]}

    if dashboard.note:
        note = {"code": dashboard.note, "width": 12, "height": 10}
        row([{"type": "MARKDOWN", "id": "MARKDOWN-note", "meta": note}])
    for charts in dashboard.rows:
        row(
            [
                {
                    "type": "CHART",
                    "id": f"CHART-{chart.name}",
                    "meta": {
                        "chartId": numbers[chart.name],
                        "uuid": identifier("chart", chart.name),
                        "sliceName": _shown(chart),
                        "width": chart.width,
                        "height": chart.height,
                    },
                }
                for chart in charts
            ]
        )
    return position


def _filter(number: int, told: Filter) -> dict[str, Any]:
    return {
        "id": f"NATIVE_FILTER-{number}-{told.column}",
        "name": str(told.name),
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "requiredFirst": told.required,
        "description": "",
        "targets": [
            {"column": {"name": told.column}, "datasetUuid": identifier("dataset", told.dataset.name)}
        ],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
        "cascadeParentIds": [],
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        "controlValues": {
            "multiSelect": not told.required,
            "enableEmptyFilter": told.required,
            "defaultToFirstItem": told.required,
            "inverseSelection": False,
            "searchAllOptions": True,
        },
    }


def _dashboard(
    dashboard: Dashboard, numbers: Mapping[str, int], colours: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "dashboard_title": str(dashboard.title),
        "description": dashboard.description,
        "css": "",
        "slug": dashboard.slug,
        "certified_by": None,
        "certification_details": None,
        "published": True,
        "uuid": identifier("dashboard", dashboard.name),
        "position": _position(dashboard, numbers),
        "metadata": {
            "color_scheme": "supersetColors",
            "label_colors": dict(colours),
            "cross_filters_enabled": False,
            "filter_bar_orientation": "HORIZONTAL" if dashboard.filters else "VERTICAL",
            "refresh_frequency": 0,
            "timed_refresh_immune_slices": [],
            "expanded_slices": {},
            "default_filters": "{}",
            "chart_configuration": {},
            "native_filter_configuration": [
                _filter(number, told) for number, told in enumerate(dashboard.filters)
            ],
        },
        "version": _VERSION,
    }


# --- all of it ---


def files(url: str, bundle: Bundle | None = None) -> dict[str, dict[str, Any]]:
    """Path within the bundle -> its content, for a database at that SQLAlchemy address."""
    bundle = bundle or load_bundle()
    numbers = {chart.name: number for number, chart in enumerate(bundle.charts, 1)}
    # No type: the dashboards' import and the import of assets both take it.
    found: dict[str, dict[str, Any]] = {
        "metadata.yaml": {"version": _VERSION, "timestamp": "2024-06-13T00:00:00+00:00"},
        DATABASE_FILE: _database(url),
    }
    for dataset in bundle.datasets.values():
        found[f"datasets/PAR_INDEX/{dataset.name}.yaml"] = _dataset(dataset)
    for chart in bundle.charts:
        found[f"charts/{chart.name}.yaml"] = _chart(chart)
    words = bundle.words["status"]
    colours = {words[code]: colour for code, colour in _COLOURS.items()}
    for dashboard in bundle.dashboards:
        found[f"dashboards/{dashboard.name}.yaml"] = _dashboard(dashboard, numbers, colours)
    return found


def write_bundle(path: Path, url: str) -> None:
    """The bundle as one zip, the same bytes for the same definitions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files(url).items():
            text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=110)
            entry = zipfile.ZipInfo(f"{ROOT}/{name}", (2024, 6, 13, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)

"""(d) dlt loads the files that are new into DuckDB, as they are; dbt computes the figures from all that was loaded.

Runs in an environment of its own (requirements-dlt.txt). The models are the statements of duckdb_script.sql, one each, which
read dlt's tables instead of files: the same SQL, so that the difference is the tools'.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import dlt
import duckdb
import pyarrow as pa
from dbt.cli.main import dbtRunner
from dlt.sources.filesystem import filesystem
from pyarrow import csv

from benchmarks.contenders import Task, task
from benchmarks.contenders.duckdb_script import SCRIPT, fill_in

DATABASE = "warehouse.duckdb"
_STATEMENT = re.compile(r"create (?:temp )?table (\w+) as\n(.*?);$", re.S | re.M)
_READ = re.compile(r"read_csv\('[^']*/(\w+?)_?\*?\.csv'[^()]*\)")


@dlt.transformer
def rows(files, delimiter: str):
    """The rows of CSV files as text, a block at a time, with the name of their file."""
    layout = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    block = csv.ReadOptions(block_size=32 << 20)
    for file in files:
        with file.open() as stream:
            names = csv.open_csv(stream, parse_options=layout).schema.names
        texts = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        )
        path = url2pathname(urlparse(file["file_url"]).path)
        with file.open() as stream:
            for batch in csv.open_csv(stream, block, layout, texts):
                table = pa.Table.from_batches([batch])
                yield table.append_column("filename", pa.repeat(path, len(table)))


def new_rows(wanted: Task, source: str, table: str, delimiter: str = ","):
    """The rows of a table's files, each file once in the life of the pipeline."""
    files = filesystem(bucket_url=f"{wanted.inbox.absolute().as_uri()}/{source}", file_glob=f"*/{table}*.csv")
    files.apply_hints(incremental=dlt.sources.incremental("modification_date"))
    return (files | rows(delimiter)).with_name(table)


def load(wanted: Task) -> None:
    pipeline = dlt.pipeline(
        "par_index",
        pipelines_dir=str(wanted.home / "dlt"),
        destination=dlt.destinations.duckdb(str(wanted.home / DATABASE)),
        dataset_name="raw_exports",
    )
    catalogues = [new_rows(wanted, "tthc", name) for name in ("agencies", "procedures", "agency_procedures")]
    bulk = [new_rows(wanted, "tthc", "dossiers", ";"), new_rows(wanted, "document_office", "documents")]
    pipeline.run([*catalogues, *bulk], write_disposition="append", loader_file_format="parquet")


def write_project(wanted: Task) -> Path:
    """A dbt project of one model per statement of the script."""
    folder = wanted.home / "dbt"
    shutil.rmtree(folder, ignore_errors=True)
    models = folder / "models"
    models.mkdir(parents=True)
    statements = dict(_STATEMENT.findall(fill_in(SCRIPT.read_text(encoding="utf-8"), wanted)))
    for name, sql in statements.items():
        sql = _READ.sub(r"{{ source('raw_exports', '\1') }}", sql)
        sql = re.sub(rf"\b(from|join) ({'|'.join(statements)})\b", r"\1 {{ ref('\2') }}", sql)
        (models / f"{name}.sql").write_text(sql, encoding="utf-8")
    tables = [
        {"name": name} for name in ("agencies", "procedures", "agency_procedures", "dossiers", "documents")
    ]
    documents = {
        "dbt_project.yml": {
            "name": "script",
            "profile": "script",
            "models": {"script": {"+materialized": "table"}},
        },
        "profiles.yml": {
            "script": {
                "target": "night",
                "outputs": {
                    "night": {
                        "type": "duckdb",
                        "path": str(wanted.home / DATABASE),
                        "threads": os.cpu_count(),
                    }
                },
            }
        },
        "models/sources.yml": {"sources": [{"name": "raw_exports", "tables": tables}]},
    }
    for name, content in documents.items():
        (folder / name).write_text(json.dumps(content, indent=2), encoding="utf-8")  # JSON is YAML
    return folder


def run(wanted: Task) -> None:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["SCHEMA__NAMING"] = "direct"  # columns keep the names of the files
    os.environ["DO_NOT_TRACK"] = "1"
    load(wanted)
    project = str(write_project(wanted))
    result = dbtRunner().invoke(["build", "--project-dir", project, "--profiles-dir", project, "--quiet"])
    if not result.success:
        raise SystemExit(
            f"dbt failed: {result.exception or [node.message for node in result.result if node.message]}"
        )
    with duckdb.connect(str(wanted.home / DATABASE)) as connection:  # dbt has it open in the same way
        connection.execute(f"copy main.figures to '{wanted.figures}'")


if __name__ == "__main__":
    run(task())

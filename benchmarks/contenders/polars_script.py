"""(c) The same in Polars: lazy, so that only the needed columns are read, and streamed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
from polars import col

from benchmarks.contenders import FIGURE, Task, task

STAMPS = {
    "Ngày tiếp nhận": "received",
    "Ngày hẹn trả": "due",
    "Ngày hẹn trả ban đầu": "due_first",
    "Ngày kết thúc xử lý": "finished",
    "Ngày xin lỗi": "apology",
}


def scan(files: list[Path], separator: str = ",") -> pl.LazyFrame:
    """The rows as text, with the number of their file in order of delivery."""
    return pl.concat(
        pl.scan_csv(file, separator=separator, infer_schema=False).with_columns(file=pl.lit(number))
        for number, file in enumerate(files)
    )


def day(column: str) -> pl.Expr:
    """The date of a d/m/Y text, with or without a time of day; missing where there is none."""
    return col(column).str.head(10).str.to_date("%d/%m/%Y", strict=False)


def catalogues(wanted: Task) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    as_of = pl.lit(wanted.as_of)
    agencies = (
        scan(wanted.files("tthc/*/agencies.csv"))
        .select(
            "agency_code",
            "level",
            col("valid_from").str.to_date(),
            valid_to=col("valid_to").str.to_date(),
        )
        .with_columns(is_valid=(col("valid_from") <= as_of) & (col("valid_to") >= as_of).fill_null(True))
        .sort("is_valid", "valid_from", descending=True)
        .unique("agency_code", keep="first", maintain_order=True)
        .select("agency_code", "level", "is_valid")
    )
    procedures = scan(wanted.files("tthc/*/procedures.csv")).select(
        "procedure_code",
        "authority_level",
        has_result=col("has_result") == "true",
        fee_required=col("fee_required") == "true",
    )
    pairs = scan(wanted.files("tthc/*/agency_procedures.csv")).select(
        "agency_code",
        "procedure_code",
        full_online=(col("online_level") == "4").fill_null(False),
        pays=col("online_payment_enabled") == "true",
        valid_from=col("valid_from").str.to_date(),
        valid_to=col("valid_to").str.to_date().fill_null(date(9999, 12, 31)),
    )
    return agencies, procedures, pairs


def dossiers(
    wanted: Task, agencies: pl.LazyFrame, procedures: pl.LazyFrame, pairs: pl.LazyFrame
) -> pl.DataFrame:
    as_of = pl.lit(wanted.as_of)

    def yes(column: str) -> pl.Expr:
        return (col(column) == "Có").fill_null(False)

    def count(column: str) -> pl.Expr:
        return col(column).cast(pl.Int32, strict=False).fill_null(0)

    read = (
        scan(wanted.files("tthc/*/dossiers_*.csv"), ";")
        .filter(col("Trạng thái hồ sơ").cast(pl.Int32, strict=False).is_between(1, 10))
        .select(
            "file",
            *(day(column).alias(name) for column, name in STAMPS.items()),
            dossier_code="Mã hồ sơ",
            procedure_code="Mã TTHC",
            agency_code="Mã đơn vị giải quyết",
            status="Trạng thái hồ sơ",
            channel="Kênh tiếp nhận",
            has_supplement=col("Ngày nhận bổ sung").is_not_null(),
            has_input=count("Số thành phần đã số hóa") + count("Số thành phần tái sử dụng") >= 1,
            result_attached=yes("Có kết quả điện tử"),
            synced=yes("Đồng bộ Cổng DVCQG"),
            published=yes("Công khai tiến độ trên Cổng DVC tỉnh"),
            exempt=yes("Đối tượng miễn phí"),
            paid=yes("Thanh toán trực tuyến"),
            fee=col("Phí lệ phí (đồng)").cast(pl.Int64, strict=False),
        )
        .collect(engine="streaming")
        .sort("file", "received", nulls_last=False)
        .unique("dossier_code", keep="last")
        .with_row_index("row")
        .lazy()
    )
    enabled = (
        read.select("row", "agency_code", "procedure_code", "received")
        .join(pairs, on=["agency_code", "procedure_code"])
        .filter(col("received").is_between("valid_from", "valid_to"))
        .select("row", "full_online", "pays")
    )
    ended = (col("finished") <= as_of).fill_null(True)
    status = col("status")
    return (
        read.join(agencies, on="agency_code", how="left")
        .join(procedures, on="procedure_code", how="left")
        .join(enabled, on="row", how="left")
        .with_columns(
            accepted=~status.is_in(["1", "3"]),
            resolved=status.is_in(["9", "10"]) & ended,
            withdrawn=(status == "7") & ended,
            paused=status.is_in(["5", "6", "8"]) & ended,
            open=status.is_in(["2", "4"]) | (~status.is_in(["1", "3"]) & ~ended),
            due_promised=pl.coalesce("due_first", "due"),
            has_e_result=col("result_attached") | (~col("has_result")).fill_null(False),
            full_online=col("full_online").fill_null(False),
            pay_enabled=(col("fee_required") & col("pays")).fill_null(False),
        )
        .with_columns(
            missed=(
                (col("resolved") & (col("finished") > col("due_promised")).fill_null(False))
                | (col("open") & (col("due_promised") < as_of).fill_null(False))
                | (col("due") > col("due_first")).fill_null(False)
            ),
        )
        .collect(engine="streaming")
    )


def this_year(wanted: Task, column: str) -> pl.Expr:
    return col(column).is_between(date(wanted.as_of.year, 1, 1), wanted.as_of)


def month(column: str) -> pl.Expr:
    return col(column).dt.truncate("1mo").alias("month")


def periods(wanted: Task) -> pl.LazyFrame:
    start = col("month")
    months = pl.LazyFrame(
        {"month": pl.date_range(date(wanted.as_of.year, 1, 1), wanted.as_of, "1mo", eager=True)}
    )
    return pl.concat(
        months.select("month", period_kind=pl.lit(kind), period_start=first)
        for kind, first in {
            "month": start,
            "quarter": start.dt.truncate("1q"),
            "ytd": start.dt.truncate("1y"),
        }.items()
    )


def readings(frame: pl.LazyFrame, target: pl.Expr, parts: dict[str, tuple[pl.Expr, pl.Expr]]) -> pl.LazyFrame:
    return pl.concat(
        frame.select(
            "agency_code", "month",
            target_id=target, variant=pl.lit(variant), numerator=above, denominator=below,
        )
        for variant, (above, below) in parts.items()
    ).filter(col("target_id").is_not_null())  # fmt: skip


def monthly(wanted: Task, rows: pl.LazyFrame) -> pl.LazyFrame:
    """What adds up over the months of a period."""
    as_of = pl.lit(wanted.as_of)

    def number(condition: pl.Expr) -> pl.Expr:
        return condition.fill_null(False).sum().cast(pl.Int64)

    late = col("finished") > col("due")
    online, missed = col("full_online"), col("missed")
    counted = (
        rows.filter(col("accepted") & this_year(wanted, "received"))
        .group_by("agency_code", "level", month("received"))
        .agg(
            on_time=number(col("resolved") & (col("due").is_null() | ~late)),
            late=number(col("resolved") & late),
            withdrawn=number(col("withdrawn")),
            paused=number(col("paused")),
            open=number(col("open")),
            overdue=number(col("open") & (col("due") < as_of)),
            synced=number(col("synced")),
            published=number(col("published")),
            online=number(online & (col("channel") == "2")),
            at_desk_or_online=number(online & col("channel").is_in(["1", "2"])),
            any_channel=number(online & col("channel").is_in(["1", "2", "3"])),
            missed=number(missed),
            missed_apology=number(missed & col("apology").is_not_null()),
            missed_timely=number(missed & (col("apology") < col("due_promised"))),
            missed_plain=number(missed & ~col("has_supplement")),
            missed_plain_apology=number(missed & ~col("has_supplement") & col("apology").is_not_null()),
            accepted=pl.len().cast(pl.Int64),
        )
    )
    payable = col("pay_enabled") & ~col("exempt") & (col("fee") > 0)
    finished = (
        rows.filter(col("resolved") & this_year(wanted, "finished"))
        .group_by("agency_code", "authority_level", month("finished"))
        .agg(
            resolved=pl.len().cast(pl.Int64),
            both_parts=number(col("has_input") & col("has_e_result")),
            input=number(col("has_input")),
            result=number(col("has_e_result")),
            payable=number(payable),
            paid=number(payable & col("paid")),
        )
    )
    good = col("on_time") + col("withdrawn")
    on_time = col("level").replace_strict({"tinh": "3.4.1", "huyen": "3.4.2", "xa": "3.4.3"}, default=None)
    digitised = col("authority_level").replace_strict(
        {"tinh": "7.3.3a", "huyen": "7.3.3b", "xa": "7.3.3c"}, default=None
    )
    accepted, resolved = col("accepted"), col("resolved")
    return pl.concat(
        [
            readings(counted, on_time, {
                "A": (good, good + col("late") + col("overdue")),
                "B": (good + col("paused") + col("open") - col("overdue"), accepted),
                "S": (col("on_time"), col("on_time") + col("late")),
                "N": (col("on_time"), accepted),
            }),
            readings(counted, pl.lit("3.2.3a"), {"headline": (col("synced"), accepted)}),
            readings(counted, pl.lit("3.2.3b"), {"headline": (col("published"), accepted)}),
            readings(counted, pl.lit("7.3.5"), {
                "headline": (col("online"), col("at_desk_or_online")),
                "with_post": (col("online"), col("any_channel")),
            }),
            readings(counted, pl.lit("3.4.4"), {
                "headline": (col("missed_apology"), missed),
                "timely": (col("missed_timely"), missed),
                "without_supplement": (col("missed_plain_apology"), col("missed_plain")),
            }),
            readings(finished, digitised, {
                "headline": (col("both_parts"), resolved),
                "input": (col("input"), resolved),
                "result": (col("result"), resolved),
            }),
            readings(finished, pl.lit("7.3.6c"), {"headline": (col("paid"), col("payable"))}),
        ]
    )  # fmt: skip


def documents(wanted: Task, agencies: pl.LazyFrame, months: pl.LazyFrame) -> pl.LazyFrame:
    key = ["document_code", "agency_code", "direction"]
    plain = col("secrecy").is_in(["none", "Bình thường"])
    electronic = col("exchanged_electronically") == "1"
    counted = (
        scan(wanted.files("document_office/*/documents_*.csv"))
        .filter(col("direction").is_in(["in", "out"]))
        .sort("file", "registered_at")
        .unique(key, keep="last")
        .with_columns(registered=col("registered_at").str.head(10).str.to_date(strict=False))
        .filter(this_year(wanted, "registered"))
        .with_columns(month("registered"))
        .join(months, on="month")
        .group_by("agency_code", "period_kind", "period_start")
        .agg(
            plain=plain.sum().cast(pl.Int64),
            processed=(plain & (col("processed_online") == "1")).sum().cast(pl.Int64),
            came=((col("direction") == "in") & electronic).sum(),
            went=((col("direction") == "out") & electronic).sum(),
        )
    )
    is_province = col("level") == "tinh"
    handled = counted.join(agencies, on="agency_code").filter(
        col("level").is_in(["tinh", "huyen"]) & (col("plain") > 0)
    )
    enough = 100 * col("processed") >= pl.when(is_province).then(80).otherwise(50) * col("plain")
    exchanging = (
        agencies.filter("is_valid")
        .join(months.select("period_kind", "period_start").unique(), how="cross")
        .join(counted, on=["agency_code", "period_kind", "period_start"], how="left")
    )
    both_ways = ((col("came") > 0) & (col("went") > 0)).fill_null(False)
    grain = ["agency_code", "period_kind", "period_start"]
    target = pl.when(is_province).then(pl.lit("7.2.1a")).otherwise(pl.lit("7.2.1b"))
    one = pl.lit(1, pl.Int64)
    return pl.concat(
        [
            handled.select(
                *grain,
                target_id=target,
                variant=pl.lit("documents"),
                numerator="processed",
                denominator="plain",
            ),
            handled.select(
                *grain,
                target_id=target,
                variant=pl.lit("headline"),
                numerator=enough.cast(pl.Int64),
                denominator=one,
            ),
            exchanging.select(
                *grain,
                target_id=pl.lit("7.2.2"),
                variant=pl.lit("headline"),
                numerator=both_ways.cast(pl.Int64),
                denominator=one,
            ),
        ]
    )


def figures(wanted: Task) -> pl.DataFrame:
    agencies, procedures, pairs = catalogues(wanted)
    months = periods(wanted)
    rows = dossiers(wanted, agencies, procedures, pairs).lazy()
    added_up = (
        monthly(wanted, rows)
        .join(months, on="month")
        .group_by("target_id", "variant", "agency_code", "period_kind", "period_start")
        .agg(col("numerator").sum(), col("denominator").sum())
    )
    paying = (
        rows.filter(col("accepted") & col("pay_enabled") & this_year(wanted, "received"))
        .group_by("agency_code", "procedure_code", month("received"))
        .agg(col("paid").any())
        .join(months, on="month")
        .group_by("agency_code", "procedure_code", "period_kind", "period_start")
        .agg(col("paid").any())
        .group_by("agency_code", "period_kind", "period_start")
        .agg(numerator=col("paid").sum().cast(pl.Int64), denominator=pl.len().cast(pl.Int64))
        .with_columns(target_id=pl.lit("7.3.6b"), variant=pl.lit("headline"))
    )
    by_agency = pl.concat(
        [frame.select(FIGURE) for frame in (added_up, paying, documents(wanted, agencies, months))]
    ).collect(engine="streaming")
    province = (
        by_agency.group_by("target_id", "variant", "period_kind", "period_start")
        .agg(col("numerator").sum(), col("denominator").sum())
        .with_columns(agency_code=pl.lit("H62"))
    )
    return pl.concat([by_agency, province.select(FIGURE)])


def run(wanted: Task) -> None:
    figures(wanted).write_parquet(wanted.figures)


if __name__ == "__main__":
    run(task())

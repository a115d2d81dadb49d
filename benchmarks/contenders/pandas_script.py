"""(b) The same in pandas: only the needed columns, whole columns at a time."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.contenders import FIGURE, Task, task

DOSSIER = {
    "Mã hồ sơ": "dossier_code",
    "Mã TTHC": "procedure_code",
    "Mã đơn vị giải quyết": "agency_code",
    "Trạng thái hồ sơ": "status",
    "Kênh tiếp nhận": "channel",
    "Ngày tiếp nhận": "received",
    "Ngày hẹn trả": "due",
    "Ngày hẹn trả ban đầu": "due_first",
    "Ngày kết thúc xử lý": "finished",
    "Ngày xin lỗi": "apology",
    "Ngày nhận bổ sung": "supplement",
    "Số thành phần đã số hóa": "digitised",
    "Số thành phần tái sử dụng": "reused",
    "Có kết quả điện tử": "result_attached",
    "Đồng bộ Cổng DVCQG": "synced",
    "Công khai tiến độ trên Cổng DVC tỉnh": "published",
    "Đối tượng miễn phí": "exempt",
    "Thanh toán trực tuyến": "paid",
    "Phí lệ phí (đồng)": "fee",
}
DAYS = ["received", "due", "due_first", "finished", "apology"]
FLAGS = ["result_attached", "synced", "published", "exempt", "paid"]
GRAIN = ["target_id", "variant", "agency_code", "period_kind", "period_start"]


def read(files: list[Path], **options) -> pd.DataFrame:
    """The rows as text, oldest delivery first."""
    frames = [
        pd.read_csv(file, dtype="str", keep_default_na=False, na_values=[""], **options) for file in files
    ]
    return pd.concat(frames, ignore_index=True)


def days(text: pd.Series) -> pd.Series:
    """Dates of d/m/Y texts, with or without a time of day; missing where there is none."""
    return pd.to_datetime(text.str[:10], format="%d/%m/%Y", errors="coerce")


def catalogues(wanted: Task) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    as_of = pd.Timestamp(wanted.as_of)
    agencies = read(
        wanted.files("tthc/*/agencies.csv"), usecols=["agency_code", "level", "valid_from", "valid_to"]
    )
    starts, ends = pd.to_datetime(agencies["valid_from"]), pd.to_datetime(agencies["valid_to"])
    agencies = (
        agencies.assign(starts=starts, is_valid=(starts <= as_of) & (ends.isna() | (ends >= as_of)))
        .sort_values(["is_valid", "starts"])
        .drop_duplicates("agency_code", keep="last")[["agency_code", "level", "is_valid"]]
    )
    procedures = read(
        wanted.files("tthc/*/procedures.csv"),
        usecols=["procedure_code", "authority_level", "has_result", "fee_required"],
    )
    for flag in ("has_result", "fee_required"):
        procedures[flag] = procedures[flag] == "true"
    pairs = read(wanted.files("tthc/*/agency_procedures.csv"))
    pairs = pd.DataFrame(
        {
            "agency_code": pairs["agency_code"],
            "procedure_code": pairs["procedure_code"],
            "full_online": pairs["online_level"] == "4",
            "pays": pairs["online_payment_enabled"] == "true",
            "valid_from": pd.to_datetime(pairs["valid_from"]),
            "valid_to": pd.to_datetime(pairs["valid_to"]).fillna(pd.Timestamp("9999-12-31")),
        }
    )
    return agencies, procedures, pairs


def read_dossiers(wanted: Task) -> pd.DataFrame:
    rows = read(wanted.files("tthc/*/dossiers_*.csv"), sep=";", usecols=list(DOSSIER)).rename(columns=DOSSIER)
    rows = rows[pd.to_numeric(rows["status"], errors="coerce").between(1, 10)]
    rows[DAYS] = rows[DAYS].apply(days)
    rows[FLAGS] = rows[FLAGS] == "Có"
    parts = rows[["digitised", "reused"]].apply(pd.to_numeric, errors="coerce").fillna(0)
    rows["has_input"] = parts.sum(axis=1) >= 1
    rows["has_supplement"] = rows["supplement"].notna()
    rows["fee"] = pd.to_numeric(rows["fee"], errors="coerce")
    rows = rows.drop(columns=["digitised", "reused", "supplement"])
    return rows.drop_duplicates("dossier_code", keep="last").reset_index(drop=True)


def dossiers(
    wanted: Task, agencies: pd.DataFrame, procedures: pd.DataFrame, pairs: pd.DataFrame
) -> pd.DataFrame:
    as_of = pd.Timestamp(wanted.as_of)
    rows = read_dossiers(wanted)
    enabled = (
        rows[["agency_code", "procedure_code", "received"]]
        .reset_index(names="row")
        .merge(pairs, on=["agency_code", "procedure_code"])
        .query("valid_from <= received <= valid_to")
        .set_index("row")[["full_online", "pays"]]
    )
    rows = (
        rows.join(enabled)
        .merge(agencies, on="agency_code", how="left")
        .merge(procedures, on="procedure_code", how="left")
    )
    status, due, finished = rows["status"], rows["due"], rows["finished"]
    ended = finished.isna() | (finished <= as_of)
    accepted = ~status.isin(["1", "3"])
    resolved = status.isin(["9", "10"]) & ended
    is_open = status.isin(["2", "4"]) | (accepted & ~ended)
    promised = rows["due_first"].fillna(due)
    # Comparisons with a missing date are false.
    return rows.assign(
        accepted=accepted,
        resolved=resolved,
        withdrawn=(status == "7") & ended,
        paused=status.isin(["5", "6", "8"]) & ended,
        open=is_open,
        due_promised=promised,
        has_e_result=rows["result_attached"] | (rows["has_result"] == False),  # noqa: E712 (missing is not false)
        full_online=rows["full_online"] == True,  # noqa: E712
        pay_enabled=(rows["fee_required"] == True) & (rows["pays"] == True),  # noqa: E712
        missed=(resolved & (finished > promised))
        | (is_open & (promised < as_of))
        | (due > rows["due_first"]),
    )


def this_year(wanted: Task, column: pd.Series) -> pd.Series:
    return column.between(pd.Timestamp(wanted.as_of.year, 1, 1), pd.Timestamp(wanted.as_of))


def month(column: pd.Series) -> pd.Series:
    return column.dt.to_period("M").dt.start_time.rename("month")


def periods(wanted: Task) -> pd.DataFrame:
    months = pd.Series(pd.date_range(f"{wanted.as_of.year}-01-01", wanted.as_of, freq="MS"), name="month")
    starts = {
        "month": months,
        "quarter": months.dt.to_period("Q").dt.start_time,
        "ytd": months.dt.to_period("Y").dt.start_time,
    }
    return pd.concat(
        pd.DataFrame({"month": months, "period_kind": kind, "period_start": start})
        for kind, start in starts.items()
    )


def sums(rows: pd.DataFrame, flags: dict[str, pd.Series], by: list) -> pd.DataFrame:
    """How many rows of each group have each flag."""
    return pd.DataFrame(flags, index=rows.index).groupby(by, observed=True).sum().reset_index()


def readings(
    frame: pd.DataFrame, target: pd.Series | str, parts: dict[str, tuple[pd.Series, pd.Series]]
) -> pd.DataFrame:
    made = [
        frame[["agency_code", "month"]].assign(
            target_id=target, variant=variant, numerator=above, denominator=below
        )
        for variant, (above, below) in parts.items()
    ]
    return pd.concat(made).dropna(subset="target_id")


def monthly(wanted: Task, rows: pd.DataFrame) -> pd.DataFrame:
    """What adds up over the months of a period."""
    as_of = pd.Timestamp(wanted.as_of)
    r = rows[rows["accepted"] & this_year(wanted, rows["received"])]
    late, missed, online, channel = r["finished"] > r["due"], r["missed"], r["full_online"], r["channel"]
    said = r["apology"].notna()
    plain = missed & ~r["has_supplement"]
    n = sums(
        r,
        {
            "on_time": r["resolved"] & ~late,
            "late": r["resolved"] & late,
            "withdrawn": r["withdrawn"],
            "paused": r["paused"],
            "open": r["open"],
            "overdue": r["open"] & (r["due"] < as_of),
            "synced": r["synced"],
            "published": r["published"],
            "online": online & (channel == "2"),
            "at_desk_or_online": online & channel.isin(["1", "2"]),
            "any_channel": online & channel.isin(["1", "2", "3"]),
            "missed": missed,
            "missed_apology": missed & said,
            "missed_timely": missed & (r["apology"] < r["due_promised"]),
            "missed_plain": plain,
            "missed_plain_apology": plain & said,
            "accepted": r["accepted"],
        },
        # An agency outside the catalogue has no level, and counts all the same.
        [r["agency_code"], r["level"].fillna(""), month(r["received"])],
    )
    f = rows[rows["resolved"] & this_year(wanted, rows["finished"])]
    payable = f["pay_enabled"] & ~f["exempt"] & (f["fee"] > 0)
    done = sums(
        f,
        {
            "resolved": f["resolved"],
            "both_parts": f["has_input"] & f["has_e_result"],
            "input": f["has_input"],
            "result": f["has_e_result"],
            "payable": payable,
            "paid": payable & f["paid"],
        },
        [f["agency_code"], f["authority_level"].fillna(""), month(f["finished"])],
    )
    good = n["on_time"] + n["withdrawn"]
    on_time = n["level"].map({"tinh": "3.4.1", "huyen": "3.4.2", "xa": "3.4.3"})
    digitised = done["authority_level"].map({"tinh": "7.3.3a", "huyen": "7.3.3b", "xa": "7.3.3c"})
    return pd.concat(
        [
            readings(n, on_time, {
                "A": (good, good + n["late"] + n["overdue"]),
                "B": (good + n["paused"] + n["open"] - n["overdue"], n["accepted"]),
                "S": (n["on_time"], n["on_time"] + n["late"]),
                "N": (n["on_time"], n["accepted"]),
            }),
            readings(n, "3.2.3a", {"headline": (n["synced"], n["accepted"])}),
            readings(n, "3.2.3b", {"headline": (n["published"], n["accepted"])}),
            readings(n, "7.3.5", {
                "headline": (n["online"], n["at_desk_or_online"]),
                "with_post": (n["online"], n["any_channel"]),
            }),
            readings(n, "3.4.4", {
                "headline": (n["missed_apology"], n["missed"]),
                "timely": (n["missed_timely"], n["missed"]),
                "without_supplement": (n["missed_plain_apology"], n["missed_plain"]),
            }),
            readings(done, digitised, {
                "headline": (done["both_parts"], done["resolved"]),
                "input": (done["input"], done["resolved"]),
                "result": (done["result"], done["resolved"]),
            }),
            readings(done, "7.3.6c", {"headline": (done["paid"], done["payable"])}),
        ]
    )  # fmt: skip


def paying(wanted: Task, rows: pd.DataFrame, months: pd.DataFrame) -> pd.DataFrame:
    """Agencies and procedures with a dossier in the period, and those that were paid online."""
    r = rows[rows["accepted"] & rows["pay_enabled"] & this_year(wanted, rows["received"])]
    pair = ["agency_code", "procedure_code"]
    by_month = r.groupby([*pair, month(r["received"])], observed=True)["paid"].any().reset_index()
    by_period = (
        by_month.merge(months, on="month")
        .groupby([*pair, "period_kind", "period_start"], observed=True)["paid"]
        .any()
        .reset_index()
    )
    found = by_period.groupby(["agency_code", "period_kind", "period_start"], observed=True)["paid"].agg(
        numerator="sum", denominator="size"
    )
    return found.reset_index().assign(target_id="7.3.6b", variant="headline")


def documents(wanted: Task, agencies: pd.DataFrame, months: pd.DataFrame) -> pd.DataFrame:
    rows = read(
        wanted.files("document_office/*/documents_*.csv"),
        usecols=[
            "document_code", "agency_code", "direction", "registered_at", "secrecy", "exchanged_electronically",
            "processed_online",
        ],
    )  # fmt: skip
    rows = rows[rows["direction"].isin(["in", "out"])].drop_duplicates(
        ["document_code", "agency_code", "direction"], keep="last"
    )
    registered = pd.to_datetime(rows["registered_at"].str[:10], errors="coerce")
    rows = rows.assign(registered=registered)[this_year(wanted, registered)]
    plain = rows["secrecy"].isin(["none", "Bình thường"])
    electronic = rows["exchanged_electronically"] == "1"
    by_month = sums(
        rows,
        {
            "plain": plain,
            "processed": plain & (rows["processed_online"] == "1"),
            "came": (rows["direction"] == "in") & electronic,
            "went": (rows["direction"] == "out") & electronic,
        },
        [rows["agency_code"], month(rows["registered"])],
    )
    grain = ["agency_code", "period_kind", "period_start"]
    counted = by_month.merge(months, on="month").drop(columns="month").groupby(grain).sum().reset_index()
    handled = counted.merge(agencies, on="agency_code").query("level in ['tinh', 'huyen'] and plain > 0")
    of_province = handled["level"] == "tinh"
    enough = 100 * handled["processed"] >= of_province.map({True: 80, False: 50}) * handled["plain"]
    target = of_province.map({True: "7.2.1a", False: "7.2.1b"})
    exchanging = (
        agencies[agencies["is_valid"]]
        .merge(months[["period_kind", "period_start"]].drop_duplicates(), how="cross")
        .merge(counted, on=grain, how="left")
    )
    both_ways = (exchanging["came"] > 0) & (exchanging["went"] > 0)
    return pd.concat(
        [
            handled[grain].assign(
                target_id=target,
                variant="documents",
                numerator=handled["processed"],
                denominator=handled["plain"],
            ),
            handled[grain].assign(
                target_id=target, variant="headline", numerator=enough.astype(int), denominator=1
            ),
            exchanging[grain].assign(
                target_id="7.2.2", variant="headline", numerator=both_ways.astype(int), denominator=1
            ),
        ]
    )


def figures(wanted: Task) -> pd.DataFrame:
    agencies, procedures, pairs = catalogues(wanted)
    months = periods(wanted)
    rows = dossiers(wanted, agencies, procedures, pairs)
    added_up = monthly(wanted, rows).merge(months, on="month")
    parts = [added_up, paying(wanted, rows, months), documents(wanted, agencies, months)]
    by_agency = pd.concat([part[list(FIGURE)] for part in parts]).groupby(GRAIN, as_index=False).sum()
    province = by_agency.assign(agency_code="H62").groupby(GRAIN, as_index=False).sum()
    return pd.concat([by_agency, province], ignore_index=True)


def run(wanted: Task) -> None:
    figures(wanted).to_parquet(wanted.figures)


if __name__ == "__main__":
    run(task())

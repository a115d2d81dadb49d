"""Comparing Vietnamese words as people mean them, in Python for headers and in SQL for cell values.

Letter case, spacing (line breaks and no-break spaces too), NFC/NFD, punctuation and the placement of the tone
mark at the END of a syllable (hoà = hòa) do not matter. Inside a syllable the placement is spelling: Hoàng.
"""

from __future__ import annotations

import re
import unicodedata

# Old placement -> new placement, only where the syllable ends after the vowel pair.
_OLD = ["oà", "oá", "oả", "oã", "oạ", "oè", "oé", "oẻ", "oẽ", "oẹ", "uỳ", "uý", "uỷ", "uỹ", "uỵ"]
_NEW = ["òa", "óa", "ỏa", "õa", "ọa", "òe", "óe", "ỏe", "õe", "ọe", "ùy", "úy", "ủy", "ũy", "ụy"]
TONE_PAIRS = dict(zip(_OLD, _NEW, strict=True))
_TONE_AT_END = re.compile(f"({'|'.join(_OLD)})(?= |$)")

# What stands for "nothing" in the exports, besides a blank cell.
NULL_WORDS = ("", "-", "NULL", "N/A")
# Blanks to trim: ASCII ones, no-break space, narrow no-break space, zero-width space, byte-order mark.
BLANKS = " \t\r\n\v\f\u00a0\u202f\u200b\ufeff"


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def match_key(text: str) -> str:
    """The form in which two spellings of the same header or label are equal."""
    # Letters, numbers and marks make words; Python's \w would leave the marks out, and SQL's would not.
    letters = (c if unicodedata.category(c)[0] in "LNM" else " " for c in nfc(text).lower())
    words = " ".join("".join(letters).split())
    return _TONE_AT_END.sub(lambda found: TONE_PAIRS[found[0]], words)


# Between the digits of a number as people write it: 0977.123.456, (0977) 123 - 456
_GAP = r"[ .\-–_()\u00a0\u202f]{0,3}"
_YEAR = r"(?:19|20)\d\d(?!\d)"
_DAY_OF_MONTH, _MONTH = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
# Days, whose digits would beside others read as a number of a person: 01-2024-11-30, 08.15 30.11.2024
_DAY = re.compile(
    rf"(?<!\d)(?:{_DAY_OF_MONTH}([ .\-_/]){_MONTH}\1{_YEAR}"
    rf"|(?:19|20)\d\d([ .\-_/]){_MONTH}\2{_DAY_OF_MONTH}(?!\d)"
    r"|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"
    rf"|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2]){_YEAR})",
    re.ASCII,
)
_NUMBERS_OF_PERSONS = (
    # An ID or phone number in one piece; not a time stamp of 14 digits or a day of 8.
    r"(?<!\d)(?:[0-3]\d{8}|0\d{9}|0\d{11})(?!\d)",
    # A phone number in groups, the first of three digits or more; of pairs; of two and twice four digits, but no year
    rf"(?<!\d)0[2-9]\d(?:{_GAP}\d){{7,8}}?(?!\d)",
    r"(?<!\d)0[2-9](?P<pair>[ .\-_])\d\d(?:(?P=pair)\d\d){3}(?!\d)",
    rf"(?<!\d)0[2-9](?P<four>[ .\-_])(?!{_YEAR})\d{{4}}(?P=four)\d{{4}}(?!\d)",
    # The same behind the code of the country: +84, 0084, 84
    rf"(?:\+|(?<!\d)(?:00)?)84{_GAP}(?:0{_GAP})?[2-9](?:{_GAP}\d){{8,9}}?(?!\d)",
    # An ID number in groups; 0012-2024-0034 is a number and a year.
    rf"(?<!\d)(?!\d+[^\d]{_YEAR})0\d\d(?:{_GAP}\d){{9}}(?!\d)",
    r"(?<!\d)[0-3]\d\d(?P<three>[ .\-_])\d{3}(?P=three)\d{3}(?!\d)",
)
_NUMBER_OF_A_PERSON = re.compile("|".join(_NUMBERS_OF_PERSONS), re.ASCII)


def without_numbers_of_persons(text: str) -> str:
    """A name from outside without what looks like somebody's ID or phone number: `don_#########.csv`."""
    pieces, at = [], 0
    for day in _DAY.finditer(text):
        pieces += [_masked(text[at : day.start()]), day[0]]
        at = day.end()
    return "".join([*pieces, _masked(text[at:])])


def _masked(text: str) -> str:
    return _NUMBER_OF_A_PERSON.sub(lambda found: "#" * len(found[0]), text)


def shown(text: str, longest: int = 80) -> str:
    """A heading, sheet or file name from outside for a message: one line, no control characters, not
    endless.
    """
    line = "".join(c if c.isprintable() else " " for c in text)
    line = without_numbers_of_persons(" ".join(line.split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def shown_list(texts: tuple[str, ...] | list[str], most: int = 30) -> str:
    """Several of them; the rest as a number."""
    listed = ", ".join(shown(text) for text in texts[:most])
    return listed if len(texts) <= most else f"{listed}, … (+{len(texts) - most})"


def both(text: str) -> tuple[str, str]:
    """ "Vietnamese | English" as a pair, as all our words are written; of a text in one language the second is empty."""
    vi, _, en = text.partition(" | ")
    return vi.strip(), en.strip()


def place_of(source: object, delivered_on: object, file_name: object) -> str:
    """Where a delivered file lies below the inbox, as a person would look for it."""
    return "/".join(str(part) for part in (source, delivered_on, file_name) if part)


def sql_string(text: str) -> str:
    """`text` as an SQL string literal. Everything from outside goes through here or through parameters."""
    return "'" + text.replace("'", "''") + "'"


def sql_name(name: str) -> str:
    """`name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def match_key_sql(expression: str) -> str:
    """The same as `match_key` in DuckDB SQL. A test holds the two together."""
    words = (
        rf"trim(regexp_replace(lower(nfc_normalize({expression})), '[^\p{{L}}\p{{N}}\p{{M}}]+', ' ', 'g'))"
    )
    # \b of RE2 knows ASCII only, so a syllable's end is written out: a blank or the end of the text.
    for old, new in TONE_PAIRS.items():
        words = f"regexp_replace({words}, '{old}( |$)', '{new}\\1', 'g')"
    return words

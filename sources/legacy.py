"""Vietnamese text from before Unicode: recognised, so that a message can name the encoding. Never converted:
a wrong
guess would store wrong names and codes."""

from __future__ import annotations

from collections.abc import Callable

from sources.text import match_key, nfc

_LATIN = "".join(chr(code) for code in range(0xA1, 0xFF))

# TCVN 5712 (ABC): one byte per letter; capitals use the same bytes in a font of their own.
_TCVN3_BYTES = (
    "A1Ă A2Â A3Ê A4Ô A5Ơ A6Ư A7Đ A8ă A9â AAê ABô ACơ ADư AEđ B5à B6ả B7ã B8á B9ạ BBằ BCẳ BDẵ BEắ C6ặ C7ầ C8ẩ C9ẫ"
    " CAấ CBậ CCè CEẻ CFẽ D0é D1ẹ D2ề D3ể D4ễ D5ế D6ệ D7ì D8ỉ DCĩ DDí DEị DFò E1ỏ E2õ E3ó E4ọ E5ồ E6ổ E7ỗ E8ố E9ộ"
    " EAờ EBở ECỡ EDớ EEợ EFù F1ủ F2ũ F3ú F4ụ F5ừ F6ử F7ữ F8ứ F9ự FAỳ FBỷ FCỹ FDý FEỵ"
)
_TCVN3 = {int(entry[:2], 16): entry[2:] for entry in _TCVN3_BYTES.split()}

# VNI-Windows: a base letter and a second byte with its marks.
_TONES = dict(zip("ùøûõï", "\u0301\u0300\u0309\u0303\u0323", strict=True))
_ROOF = dict(zip("áàåãä", "\u0301\u0300\u0309\u0303\u0323", strict=True))
_BREVE = dict(zip("éèúüë", "\u0301\u0300\u0309\u0303\u0323", strict=True))
_VNI_ALONE = {
    "ñ": "đ",
    "Ñ": "Đ",
    "í": "í",
    "ì": "ì",
    "æ": "ỉ",
    "ó": "ĩ",
    "ò": "ị",
    "ô": "ơ",
    "ö": "ư",
    "î": "ỵ",
}

_COMMON = frozenset(
    [
        "nguyễn",
        "trần",
        "lê",
        "phạm",
        "văn",
        "thị",
        "hồ",
        "sơ",
        "huyện",
        "xã",
        "tỉnh",
        "phường",
        "của",
        "và",
        "không",
        "có",
        "đường",
        "số",
        "ngày",
        "thôn",
        "tổ",
        "mã",
        "đơn",
        "vị",
        "công",
        "trực",
        "tiếp",
        "tuyến",
        "đã",
        "trạng",
        "thái",
        "tên",
        "sở",
        "ủy",
        "ban",
        "nhân",
        "dân",
    ]
)


def _from_tcvn3(latin: str) -> str:
    return latin.translate(_TCVN3)


def _from_vni(latin: str) -> str:
    out: list[str] = []
    for letter in latin:
        mark, base = letter.lower(), out[-1][0].lower() if out else ""
        if base and base in "aeouyơư" and mark in _TONES:
            out[-1] += _TONES[mark]
        elif base and base in "aeo" and mark == "â":
            out[-1] += "\u0302"
        elif base and base in "aeo" and mark in _ROOF:
            out[-1] += "\u0302" + _ROOF[mark]
        elif base == "a" and mark == "ê":
            out[-1] += "\u0306"
        elif base == "a" and mark in _BREVE:
            out[-1] += "\u0306" + _BREVE[mark]
        else:
            out.append(_VNI_ALONE.get(letter, letter))
    return nfc("".join(out))


_DECODERS: dict[str, Callable[[str], str]] = {
    "TCVN3 (ABC)": _from_tcvn3,
    "VNI": _from_vni,
    "Windows-1258": lambda latin: nfc(latin.encode("latin-1", "replace").decode("cp1258", "replace")),
}


def name_encoding(latin: str) -> str | None:
    """The legacy encoding of `latin` (each byte as the letter of the same number), None when it looks
    like none.
    """
    if not any(letter in _LATIN for letter in latin):
        return None
    scores = {
        name: sum(word in _COMMON for word in match_key(decode(latin[:100_000])).split())
        for name, decode in _DECODERS.items()
    }
    plain = sum(word in _COMMON for word in match_key(latin[:100_000]).split())
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > plain + 1 else None


def advice(encoding: str | None) -> str:
    """What to tell whoever delivered such a file."""
    named = encoding or "Windows-1258, TCVN3 (ABC), VNI?"
    return (
        f"chữ trong tệp không phải Unicode (mã hóa: {named}): chuyển sang Unicode, lưu lại UTF-8 rồi gửi lại"
        f" | the text is not Unicode (encoding: {named}): convert it, save as UTF-8 and deliver again"
    )

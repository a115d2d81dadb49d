"""Settings of the Superset of `make bi-demo`. It answers on the loopback address only, for one administrator.

Worth taking over into a real installation: D3_FORMAT (1.234,5 as Vietnamese readers write it) and the caches (none
for data: each question opens the published file, so a new night is seen at once). The rest suits a demo alone.
"""

import os
from pathlib import Path

_HOME = Path(os.environ["PARINDEX_BI_DEMO"])

SECRET_KEY = os.environ["PARINDEX_BI_SECRET"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{_HOME}/superset.db"
D3_FORMAT = {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["", " ₫"]}
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}

# The checks come with a bearer token, not with a browser's cookies.
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False

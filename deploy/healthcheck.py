"""Exit with status 0 if the local site responds. The request uses a host name from ALLOWED_HOSTS."""

import os
from urllib.request import Request, urlopen

host = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip("*.") or "localhost"
port = os.environ.get("PORT") or "8000"
urlopen(Request(f"http://127.0.0.1:{port}/healthz", headers={"Host": host}), timeout=4).close()

"""What the environment says."""

import os

# Empty: libpq's own variables (PGHOST, PGUSER, ...) count.
DATABASE_URL = os.environ.get("DATABASE_URL", "")
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")

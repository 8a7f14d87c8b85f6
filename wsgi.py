"""What gunicorn serves (``gunicorn wsgi:app``) and ``flask --app wsgi`` commands use."""

import logging

from app import create_app
from config import Settings
from environment import SettingsError, read_environment

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
logging.getLogger("alembic").setLevel(logging.WARNING)
try:
    app = create_app(Settings.from_environment(read_environment()))
except SettingsError as error:
    raise SystemExit(str(error)) from None

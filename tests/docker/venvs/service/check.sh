#!/bin/sh
# What has to start in the slim image.
set -e
/venv/bin/python -c 'import MySQLdb, cryptography.hazmat.bindings._rust, lxml.etree, psycopg2
from PIL import _imaging, _imagingcms, _imagingft, _webp'
/venv/bin/uwsgi --version

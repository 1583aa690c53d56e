#!/bin/sh
# What has to start in the slim image.
set -e
/venv/bin/python -c 'import lxml.etree, psycopg2; from PIL import _imaging'

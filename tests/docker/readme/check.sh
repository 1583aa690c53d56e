#!/bin/sh
# What has to start in the image.
set -e
/venv/bin/gunicorn --check-config --chdir /app app:app

# The service of the README's quick start, with compiler and headers in the image.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm
FROM ${PYTHON_IMAGE}
RUN apt-get update && \
    apt-get install -y --no-install-recommends g++ libmagic1 libpq-dev && \
    rm -rf /var/lib/apt/lists/*
COPY requirements.txt .
RUN python3 -m venv /venv && /venv/bin/pip install --no-cache-dir -r requirements.txt
WORKDIR /app
COPY app.py .
USER 1000:1000
CMD ["/venv/bin/gunicorn", "--bind=0.0.0.0:8000", "app:app"]

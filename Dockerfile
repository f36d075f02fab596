# One image for web, worker and beat; docker-compose.yml says which command each runs.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PATH=/opt/venv/bin:$PATH \
    HOST=0.0.0.0 \
    PORT=8000 \
    VAR_DIR=/var/lib/zupertry

RUN useradd --system --uid 10001 --home-dir /var/lib/zupertry --create-home zupertry
WORKDIR /app

COPY requirements.txt .
RUN python -m venv /opt/venv && pip install --no-cache-dir --require-hashes --no-deps -r requirements.txt

COPY . .
# Any REDIS_URL will do: it chooses production's static files.
RUN REDIS_URL=redis://none VAR_DIR=/tmp python manage.py collectstatic --noinput

USER zupertry
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=3)"]
CMD ["gunicorn", "-c", "python:zupertry.gunicorn", "zupertry.wsgi"]

# One image for web, worker and beat; docker-compose.yml says which command each runs.
#
#   docker build --build-arg VERSION=1.2.3 --build-arg REVISION="$(git rev-parse HEAD)" --tag zupertry:1.2.3 .
#
# The base by its digest, of the index for amd64 and arm64 alike; tag and digest are raised together, and both are printed by
#   docker buildx imagetools inspect python:3.13-slim-trixie
ARG PYTHON_IMAGE=python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${PYTHON_IMAGE} AS build

WORKDIR /app
COPY requirements.txt .
# Wheels only: nothing is built, so there is no compiler to leave out. The environment needs no pip of its own.
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python --disable-pip-version-check install --no-cache-dir --root-user-action ignore --no-compile \
       --only-binary :all: --require-hashes --no-deps -r requirements.txt

COPY . .
# Any REDIS_URL will do: it chooses production's static files.
RUN REDIS_URL=redis://none VAR_DIR=/tmp/var /opt/venv/bin/python manage.py collectstatic --noinput
# Bytecode of what the processes load, and not of the 150 MB of packages besides: it is what they start from.
RUN /opt/venv/bin/python -m compileall -q accounts billing tryon zupertry \
    && DJANGO_SETTINGS_MODULE=zupertry.settings REDIS_URL=redis://none VAR_DIR=/tmp/var /opt/venv/bin/python -c \
       "import django; django.setup(); import celery.bin.celery, google.cloud.aiplatform_v1, gunicorn.app.wsgiapp, zupertry.urls"

FROM ${PYTHON_IMAGE}

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Zupertry" \
      org.opencontainers.image.description="Virtual try-on over REST: web, worker and beat" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/python:3.13.15-slim-trixie" \
      org.opencontainers.image.base.digest="sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b"

# Threads that decode pictures would otherwise each keep memory of their own: docs/operations/capacity.md.
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    PATH=/opt/venv/bin:$PATH \
    HOST=0.0.0.0 \
    PORT=8000 \
    VAR_DIR=/var/lib/zupertry

RUN groupadd --gid 10001 zupertry \
    && useradd --no-log-init --uid 10001 --gid zupertry --home-dir /var/lib/zupertry --shell /usr/sbin/nologin zupertry \
    && install --directory --owner zupertry --group zupertry --mode 0700 /var/lib/zupertry \
    && pip --disable-pip-version-check uninstall --yes --root-user-action ignore pip

COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app

WORKDIR /app
# By number, so that Kubernetes sees that it is not root. The code belongs to root: the process can't change it.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=3)"]
CMD ["gunicorn", "-c", "python:zupertry.gunicorn", "zupertry.wsgi"]

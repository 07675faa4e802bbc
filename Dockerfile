# Thurstone without the embedded services: PostgreSQL and Valkey come from elsewhere (compose).
FROM python:3.13-slim AS build
WORKDIR /app
RUN --mount=type=bind,source=requirements/uv.txt,target=/tmp/uv.txt \
    pip install --no-cache-dir --require-hashes -r /tmp/uv.txt
COPY requirements/base.txt requirements/
RUN python -m venv /venv \
    && VIRTUAL_ENV=/venv uv pip sync --no-cache --require-hashes --compile-bytecode requirements/base.txt
COPY . .
# The key is of this step alone: collectstatic needs settings, and no secret is in the image.
RUN DEBUG=1 STATIC_ROOT=/app/staticfiles /venv/bin/python manage.py collectstatic --no-input -v 0

FROM python:3.13-slim
RUN useradd --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin thurstone
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    THURSTONE_HOME=/data \
    STATIC_ROOT=/app/staticfiles \
    BIND=0.0.0.0:8000
USER thurstone
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-m", "config.healthcheck"]
CMD ["python", "-m", "gunicorn", "-c", "python:config.web", "config.wsgi"]

FROM python:3.13-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.txt
COPY . .
RUN SECRET_KEY=only-for-this-step /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /venv/bin/python -m compileall -q deploy manage.py tasks todo_site

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin todo \
    && install --directory --owner todo --group todo --mode 700 /data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
# Only /data (for SQLite), /tmp and /dev/shm are written to: the rest can be read-only.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 DATABASE_URL=sqlite:////data/db.sqlite3
USER todo
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "deploy/healthcheck.py"]
CMD ["gunicorn", "--config", "python:todo_site.gunicorn"]

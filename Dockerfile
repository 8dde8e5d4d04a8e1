# Airflow with springtide: what requirements-runtime.txt locks, the library as a wheel, the plugin and the DAGs.
#   docker build --tag springtide .
# docs/compose.md says what it holds and how to build it on your own base, index or lock.

# Pinned by its version. Your builds should pin the digest that your registry answers with: --build-arg BASE=NAME@sha256:…
ARG BASE=python:3.12.11-slim-bookworm

FROM ${BASE} AS built
# Files of this folder, with hashes; the second adds what only the demonstration and Celery need.
ARG REQUIREMENTS="requirements-runtime.txt deploy/airflow/requirements-image.txt"
ARG PIP_INDEX_URL=
WORKDIR /build
# The backend that makes the wheel, as requirements.txt locks it, in an environment that stays behind.
COPY requirements.txt pyproject.toml README.md LICENSE NOTICE ./
RUN python3 -m venv backend \
 && sed -nE '/^(hatchling|packaging|pathspec|pluggy|trove-classifiers)==/,/[^\\]$/p' requirements.txt > backend.txt \
 && backend/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r backend.txt
# Before the code, so that a change of code does not install everything again.
COPY requirements-runtime.txt ./
COPY deploy/airflow/requirements-image.txt deploy/airflow/
# Only wheels: there is no compiler, and no package runs code of its own while it is installed.
RUN python3 -m venv /opt/venv \
 && set -- && for file in ${REQUIREMENTS}; do set -- "$@" -r "$file"; done \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --only-binary :all: "$@"
COPY include include
RUN backend/bin/pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir wheels . \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-index --no-deps wheels/springtide-*.whl \
 && /opt/venv/bin/pip check --disable-pip-version-check \
 && /opt/venv/bin/pip uninstall --yes --quiet pip

FROM ${BASE}
# Whoever it runs as has group 0, so a user of another number may write where this one may: --user 1000:0. An empty
# airflow.cfg is enough, and without one Airflow would write its own at the first start.
RUN useradd --uid 50000 --gid 0 --no-create-home --home-dir /opt/airflow --shell /usr/sbin/nologin airflow \
 && mkdir -p /opt/airflow/logs /opt/airflow/springtide /cluster \
 && touch /opt/airflow/airflow.cfg \
 && chown -R airflow:0 /opt/airflow /cluster \
 && chmod -R g=u /opt/airflow /cluster
COPY --from=built /opt/venv /opt/venv
COPY deploy/airflow/entrypoint deploy/airflow/first-start deploy/airflow/clean deploy/airflow/healthy.py deploy/airflow/first_run.py deploy/airflow/inbox.py deploy/airflow/worker_answers.py /opt/springtide/
COPY plugins /opt/airflow/plugins
COPY dags /opt/airflow/dags
RUN /opt/venv/bin/python -m compileall -q /opt/airflow/plugins /opt/airflow/dags /opt/springtide
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/opt/airflow \
    USER=airflow \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    PYTHONUNBUFFERED=1
USER 50000:0
WORKDIR /opt/airflow
EXPOSE 8080
ENTRYPOINT ["/opt/springtide/entrypoint"]
CMD ["airflow", "api-server"]
HEALTHCHECK --interval=15s --timeout=10s --start-period=120s --retries=4 CMD ["python", "/opt/springtide/healthy.py", "metadatabase"]

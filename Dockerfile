# One image for receiver, recorder, reader and commands: what it is run with says which.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
WORKDIR /build
# hadolint ignore=DL3008,DL3009
RUN apt-get update -q && apt-get install -qy --no-install-recommends binutils
COPY requirements.txt .
# Bytecode, symbols for debuggers, tests of packages and supervisor would double the size. What has
# been patched to find the libraries that it brings is not stripped.
RUN python3 -m venv pip \
    && python3 -m venv --without-pip /opt/lifecycle \
    && pip/bin/pip --python /opt/lifecycle/bin/python install --no-cache-dir --no-compile \
        -r requirements.txt \
    && pip/bin/pip --python /opt/lifecycle/bin/python uninstall --yes supervisor \
    && find /opt/lifecycle -type d -name tests -prune -exec rm -r {} + \
    && find /opt/lifecycle -name '*.so' -not -path '*/psycopg_binary/*' \
        -exec strip --strip-unneeded {} +

FROM ${BASE}
LABEL org.opencontainers.image.title="Chat Lifecycle Log" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /srv
COPY --from=build /opt/lifecycle /opt/lifecycle
COPY . .
# The reader, user 10002 of the same group, keeps the readings; the recorder takes them from there.
RUN install -d -m 750 -o 10001 -g 10001 /data /data/journal \
    && install -d -m 770 -o 10002 -g 10001 /data/readings \
    && ln -s /srv/lifecycle.py /opt/lifecycle/bin/lifecycle
ENV PATH=/opt/lifecycle/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    JOURNAL_DIR=/data/journal \
    READING_JOURNAL_DIR=/data/readings
USER 10001:10001
EXPOSE 8000 8001
CMD ["lifecycle", "--help"]

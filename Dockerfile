# One image a room:  docker build --build-arg ROOM=apply .
#   ROOM: auth | query | apply | render | retention | gateway
FROM debian:bookworm-slim AS build
ARG ROOM
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3.11 python3.11-venv
WORKDIR /src
COPY deploy/local/bootstrap.lock requirements.lock pyproject.toml README.md LICENSE ./
RUN python3.11 -m venv /boot \
 && /boot/bin/pip install --require-hashes --only-binary :all: -r bootstrap.lock
COPY services services
COPY gateway gateway
# the lock file bounds every version; only what this room's extra asks for is taken from it
RUN /boot/bin/uv venv --python /usr/bin/python3.11 /app \
 && VIRTUAL_ENV=/app /boot/bin/uv pip install --constraint requirements.lock ".[${ROOM}]" \
 && for room in auth query apply render retention; do \
      if [ "$room" != "$ROOM" ]; then rm -rf /app/lib/python3.11/site-packages/services/$room; fi; \
    done \
 && if [ "$ROOM" != gateway ]; then rm -rf /app/lib/python3.11/site-packages/gateway; fi

FROM debian:bookworm-slim
ARG ROOM
ENV ROOM=${ROOM} PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 LANG=C.UTF-8
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3.11 \
 && if [ "$ROOM" = render ]; then apt-get install -y --no-install-recommends fonts-babelstone-han; fi \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin danzheng
COPY --from=build /app /app
USER 10001
EXPOSE 8000 9090
# exec, so that the process itself hears SIGTERM and drains
ENTRYPOINT ["/bin/sh", "-c", "if [ \"$ROOM\" = gateway ]; then exec python -m gateway \"${@:-web}\"; else exec python -m services.$ROOM \"$@\"; fi", "danzheng"]

